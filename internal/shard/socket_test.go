package shard

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
)

// TestSocket: each Dial reaches the worker as one connection, and fails once the worker
// is gone.
func TestSocket(t *testing.T) {
	s := &Supervisor{Page: Alone()}
	defer s.closeSockets()
	if _, err := s.Dial(0); err == nil || !strings.Contains(err.Error(), "not started") {
		t.Errorf("before the start: %v", err)
	}
	theirs, err := s.openSocket(0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := connOf(theirs)
	if err != nil {
		t.Fatal(err)
	}
	worker := newSocket(c)
	for _, said := range []string{"first", "second"} {
		ours, err := s.Dial(0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := worker.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(ours, said)
		_ = ours.Close()
		if b, err := io.ReadAll(got); string(b) != said || err != nil {
			t.Errorf("the worker read %q, %v; want %q", b, err, said)
		}
		_ = got.Close()
	}
	for _, i := range []int{-1, 1} {
		if _, err := s.Dial(i); err == nil || !strings.Contains(err.Error(), "legal range is 0..0") {
			t.Errorf("worker %d: %v", i, err)
		}
	}
	_ = worker.Close()
	if _, err := s.Dial(0); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a worker that is gone: %v", err)
	}
	theirs, err = s.openSocket(0) // the next one
	if err != nil {
		t.Fatal(err)
	}
	if c, err = connOf(theirs); err != nil {
		t.Fatal(err)
	}
	s.closeSockets()
	if _, err := newSocket(c).Accept(); !errors.Is(err, io.EOF) {
		t.Errorf("Accept after the supervisor's end: %v", err)
	}
	_ = c.Close()
}
