package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/proc"
)

// TestClosing: from the last moment with all connections to the first with none.
func TestClosing(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(1000, int64(ms)*1e6) }
	for _, tt := range []struct {
		name  string
		opens []int64 // a millisecond apart
		want  float64
		ok    bool
	}{
		{"plain", []int64{0, 5, 10, 10, 10, 4, 0, 0}, 0.002, true},
		{"not all gone", []int64{0, 10, 3}, 0, false},
		{"a file of the server's own after the last", []int64{0, 10, 0, 1, 0}, 0.001, true},
		{"one beside all of them", []int64{0, 10, 11, 10, 10, 4, 0}, 0.002, true},
		{"fewer than all", []int64{0, 8, 9, 9, 4, 0}, 0.002, true},
		{"never any", []int64{0, 0}, 0, false},
	} {
		o := &observer{all: 10}
		for i, n := range tt.opens {
			o.note(at(i), n)
		}
		if got, ok := o.closing(); ok != tt.ok || got < tt.want-1e-9 || got > tt.want+1e-9 {
			t.Errorf("%s: %v, %v, want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// TestMemory: the peak whenever it was, the rest as long as all were open.
func TestMemory(t *testing.T) {
	o := &observer{all: 10}
	for i, at := range []struct {
		pss  uint64
		open int64
	}{{5, 0}, {20, 10}, {90, 11}, {40, 10}, {30, 7}, {95, 0}} {
		o.note(time.Unix(int64(i), 0), at.open)
		o.noteMemory(at.pss, at.open)
	}
	if o.peak != 95 || o.rested != 40 {
		t.Errorf("peak %d, rested %d, want 95 and 40", o.peak, o.rested)
	}
}

// TestObserver looks at a real program, which here is a shell with a child.
func TestObserver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := serve([]string{"sh", "-c",
		`trap 'exec 7<"$1" 8<"$1"' USR1; sleep 600 & echo ready; while :; do wait; done`, "sh", file})
	if err != nil {
		t.Fatal(err)
	}
	defer s.kill()
	for end := time.Now().Add(time.Minute); len(s.pids()) < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %v", s.pids())
		}
	}
	here, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	o, err := newObserver(here, s)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(o.processes()); n != 2 {
		t.Errorf("%d processes, want the shell and its child", n)
	}
	if n := o.open(); n != 0 {
		t.Errorf("%d open at the start", n)
	}
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); o.open() != 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d files more open, want 2", o.open())
		}
	}
	w := httptest.NewRecorder()
	o.footprint(w, httptest.NewRequest("GET", "/footprint", nil))
	if body := w.Body.String(); !strings.Contains(body, `"open":2`) || !strings.Contains(body, `"pss":`) {
		t.Errorf("the client is told %s", body)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if err := s.alive(); err == nil {
		t.Error("it is alive after its end")
	}
}

// TestServeFails: what did not start says why, with its last words.
func TestServeFails(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"echo no such luck >&2; exit 3", "ended before it was ready: exit status 3: no such luck"},
		{"echo hello; sleep 600", `the first line was "hello", not ready`},
	} {
		s, err := serve([]string{"sh", "-c", tt.script})
		if err == nil {
			s.kill()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.script, err, tt.want)
		}
	}
}

func TestTail(t *testing.T) {
	var s tail
	if s.last() != "" {
		t.Error("nothing said, but a last line")
	}
	for range 1000 {
		_, _ = s.Write([]byte("many words\n"))
	}
	_, _ = s.Write([]byte("the last\n\n"))
	if s.last() != ": the last" || len(s.b) > maxTail {
		t.Errorf("%q, %d bytes kept", s.last(), len(s.b))
	}
}

// TestIDs: every server and client can be named.
func TestIDs(t *testing.T) {
	all := ids(servers)
	for _, s := range servers {
		if got, err := find(s.id()); err != nil || got.id() != s.id() || strings.ContainsAny(s.id(), " /()") {
			t.Errorf("%q: %v", s.id(), err)
		}
		if slices.Index(all, s.id()) != slices.IndexFunc(servers, func(o server) bool { return o.id() == s.id() }) {
			t.Errorf("%q twice", s.id())
		}
		if !strings.Contains(s.argv, "FIRST:COUNT") || s.About == "" {
			t.Errorf("%q: %+v", s.id(), s)
		}
	}
}
