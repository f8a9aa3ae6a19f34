package tests

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProfilesOfWorkers: each worker can be profiled, also one that was started
// anew; what a loaded one does is in its CPU profile; none tells the token.
func TestProfilesOfWorkers(t *testing.T) {
	const token = "correct-horse-battery"
	s := start(t, 2, nil, "--workers", "2", "--max-conns", "1000", "--control-token", token)
	stacks := func(query string) string {
		status, body := s.Ask(t, "/debug/pprof/goroutine?debug=2"+query)
		if status != http.StatusOK {
			t.Fatalf("stacks%s: status %d, %s", query, status, body)
		}
		return string(body)
	}
	if own := stacks(""); !strings.Contains(own, "shard.(*Supervisor).Run") ||
		strings.Contains(own, "shard.(*Worker).Run") {
		t.Errorf("without worker= the answer is not the supervisor's")
	}
	w := s.report(t).Shards[1]
	if err := syscall.Kill(w.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the worker to be back", func() bool {
		n := s.report(t).Shards[1]
		return n.State == "ready" && n.PID != w.PID
	})
	for i := range 2 {
		if of := stacks(fmt.Sprintf("&worker=%d", i)); !strings.Contains(of, "shard.(*Worker).Run") ||
			strings.Contains(of, "shard.(*Supervisor).Run") {
			t.Errorf("worker=%d does not answer with the worker's stacks", i)
		}
	}
	for path, want := range map[string]int{
		"/debug/pprof/heap?worker=2": http.StatusNotFound, "/debug/pprof/heap?worker=-1": http.StatusNotFound,
		"/debug/pprof/heap?worker=x": http.StatusBadRequest, "/debug/pprof/cmdline?worker=0": http.StatusNotFound,
		"/debug/pprof/heap?worker=0": http.StatusOK, "/debug/pprof/?worker=1": http.StatusOK,
		"/debug/pprof/nothing?worker=1":             http.StatusNotFound,
		"/debug/pprof/profile?worker=1&seconds=121": http.StatusBadRequest,
	} {
		if status, body := s.Ask(t, path); status != want || bytes.Contains(body, []byte(token)) {
			t.Errorf("%s: status %d, want %d: %.200s", path, status, want, body)
		}
	}
	cpuProfile(t, s)
}

// cpuProfile: echoes are seen in the profile of the worker that has them.
func cpuProfile(t *testing.T, s *server) {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr(0))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1)
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}()
	defer func() { _ = c.Close(); <-done }()
	s.Open(t, 1)
	busy := 0
	if s.report(t).Shards[1].Open == 1 {
		busy = 1
	}
	for end := time.Now().Add(time.Minute); ; {
		_, body := s.Ask(t, fmt.Sprintf("/debug/pprof/profile?seconds=1&worker=%d", busy))
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("profile of worker %d: %v: %.200s", busy, err, body)
		}
		if names, err := io.ReadAll(r); err == nil && bytes.Contains(names, []byte("echo.(*Loop).Input")) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no echo in the profiles of worker %d", busy)
		}
	}
}
