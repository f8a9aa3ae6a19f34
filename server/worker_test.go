package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/shard"
)

// TestWorkerArgs: a worker's command line gives the engine that its supervisor
// was asked for, whatever else is in that one's, and shows no token.
func TestWorkerArgs(t *testing.T) {
	token := "a-token-of-some-letters"
	file := filepath.Join(t.TempDir(), "token")
	for _, line := range []string{
		"",
		"--",
		"--ports 5 --",
		"--ws 16000:3 --max-message 16k --handshake-timeout 1m30s",
		"--engine gnet --stall 90s --buffer-budget 64M",
		"--tcp 11000:2 --max-outbound 3M --idle-timeout 90s --keepalive 0 --close-on-eot",
		"--bind ::1 --keepalive 1s --drain 1s --workers 9 --max-conns 5M",
		"--bind ::ffff:127.0.0.1 --control 127.0.0.1:9091 --control-token " + token,
		"--control-token @" + file,
		"--control none",
		"--tls --alpn h2,http/1.1",
		"--deflate",
	} {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := parse(strings.Fields(line))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		s := &server{options: o, size: shard.Size{Workers: 7, Loops: 2, Limit: 19_000}, conns: 123_456}
		args := s.workerArgs(3)
		if strings.Contains(strings.Join(args, " "), token) || slices.Contains(args, "@"+file) {
			t.Errorf("%q: a worker's command line has the token: %q", line, args)
		}
		its, err := parse(args)
		if err != nil {
			t.Errorf("%q: worker: %v", line, err)
			continue
		}
		w := &server{options: its}
		if want := (worker{index: 3, of: 7, limit: 19_000, loops: 2}); its.worker != want ||
			its.maxConns.N != 123_456 || its.control != o.control || its.engineName != o.engineName || its.token != "" {
			t.Errorf("%q: worker %+v", line, its)
		}
		engine := func(s *server) echo.Config {
			cfg := s.engine(shard.Size{Loops: 2, Limit: 19_000})
			cfg.Logf = nil
			return cfg
		}
		if got, want := engine(w), engine(s); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: the worker's engine is %+v, want %+v", line, got, want)
		}
	}
}
