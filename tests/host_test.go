package tests

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A name is resolved once and shown, a range of ports is taken, and all addresses
// of a server are used.
func TestHostNamesAndSeveralAddresses(t *testing.T) {
	s := start(t, 4, nil, "--bind", "0.0.0.0")
	ports := fmt.Sprintf("%d-%d", s.First, s.First+3)
	for _, tt := range []struct {
		host, shown string
		sources     int
	}{
		{"localhost", "localhost (127.0.0.1)", 1},
		{"127.0.0.1,127.0.0.2", "127.0.0.1, 127.0.0.2", 1},
	} {
		o := client(t, nil, nil, "hold", "--host", tt.host, "--ports", ports, "--conns", "800", "--hold", "0s",
			"--settle", "0s", "--server-control", "http://"+s.Control)
		whole(t, o, 800)
		if o.Result.Plan.Host != tt.shown {
			t.Errorf("--host %s: the report says %q, want %q", tt.host, o.Result.Plan.Host, tt.shown)
		}
		await(t, "the server to see every close", func() bool { return s.report(t).Open == 0 })
	}
}

// Under nohup a closed terminal does not end a run.
func TestIgnoredHangUpStaysIgnored(t *testing.T) {
	s := start(t, 1, nil)
	for _, tt := range []struct {
		name   string
		words  []string
		status int
	}{
		{"nohup", []string{"sh", "-c", `trap "" HUP; exec "$@"`, "sh"}, 0},
		{"terminal", nil, 130},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := client(t, tt.words, func(cmd *exec.Cmd) {
				s.Open(t, 100)
				_ = cmd.Process.Signal(syscall.SIGHUP)
				time.Sleep(100 * time.Millisecond)
			}, s.to(1, "--conns", "100", "--hold", "2s", "--settle", "0s")...)
			if o.Status != tt.status || o.Result == nil {
				t.Errorf("status %d, want %d: %s", o.Status, tt.status, o.Stderr)
			}
		})
	}
}
