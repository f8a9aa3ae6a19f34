package shard

import (
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

// TestGiveWaitsForNobody: a worker whose socket is full is passed over, so that two
// of them cannot wait for each other; where no other worker has room, the connection
// waits and is not refused.
func TestGiveWaitsForNobody(t *testing.T) {
	page := newPage(t, 2)
	s := Supervisor{Page: page, Limit: 1 << 20, Most: 1, members: make([]member, 2)}
	t.Cleanup(s.closeSockets)
	inside := make([]*Socket, 2)
	open := func(i int) {
		page.states[i].exists.Store(1)
		page.Slots[i].State.Store(int32(echo.Ready))
		f, err := s.openSocket(i)
		if err != nil {
			t.Fatal(err)
		}
		c, err := connOf(f)
		if err != nil {
			t.Fatal(err)
		}
		inside[i] = &Socket{conn: c, clients: make(chan int), shut: make(chan struct{})}
		t.Cleanup(func() { _ = c.Close() })
	}
	open(0)
	socket := func() int {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	one, full := socket(), false
	defer func() { _ = syscall.Close(one) }()
	for range 1 << 20 {
		if full = sendFD(s.socketOf(0), kindClient, one, time.Millisecond) != nil; full {
			break
		}
	}
	if !full {
		t.Fatal("the socket takes a million")
	}

	open(1)
	page.Slots[1].Open.Store(s.Limit / 2) // the other has more room
	if given, _ := s.give(waiting{socket(), 0}); !given {
		t.Fatal("not given to the one whose socket has room")
	}
	if _, fd, err := receiveFD(inside[1].conn); err != nil || syscall.Close(fd) != nil {
		t.Errorf("what came: fd %d, %v", fd, err)
	}

	page.states[1].exists.Store(0)
	if given, busy := s.give(waiting{one, 0}); given || !busy {
		t.Errorf("given %v, busy %v: the only one is busy", given, busy)
	}
	placed, last := make(chan struct{}), socket()
	go func() {
		defer close(placed)
		s.place(waiting{last, 0})
	}()
	go inside[0].run()
	for done := false; !done; {
		select {
		case fd := <-inside[0].clients:
			_ = syscall.Close(fd)
		case <-placed:
			done = true
		case <-time.After(time.Minute):
			t.Fatal("never placed")
		}
	}
	if n := page.Slots[0].Causes[echo.OverLimit].Load(); n != 0 {
		t.Errorf("%d refused, though there was room", n)
	}
}
