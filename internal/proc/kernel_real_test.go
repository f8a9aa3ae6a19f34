package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"testing"
	"time"
)

// TestConnectionsHere opens 2,000 connections on loopback and looks for their
// 4,000 ends in the caches of the real kernel. That as many objects are in use is
// sure. How many they were before is not: SLUB takes all of a slab that some
// processor works on for used, RCU frees sockets late, and others open and close
// theirs meanwhile. So growth has some slack, and several attempts.
func TestConnectionsHere(t *testing.T) {
	const conns = 2000
	f, err := os.Open("/proc/slabinfo")
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("the caches are only for root to see: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	p := here(t)
	var short []string
	for range 6 {
		if short = attempt(t, p, conns); len(short) == 0 {
			return
		}
		time.Sleep(300 * time.Millisecond) // for the last attempt's to be freed
	}
	t.Errorf("in six attempts these have not grown by the %d ends: %q", 2*conns, short)
}

// attempt returns the caches that have not grown as they ought to.
func attempt(t *testing.T, p FS, conns int) (short []string) {
	before := kernelHere(t, p)
	sockets, err := p.Sockets()
	if err != nil {
		t.Fatal(err)
	}
	hangUp := dial(t, conns)
	defer hangUp()
	after := kernelHere(t, p)
	open, err := p.Sockets()
	if err != nil {
		t.Fatal(err)
	}
	ends := uint64(2 * conns)
	if open.TCP < int64(ends) {
		t.Errorf("%d TCP sockets in use, %d of them before: want at least the %d of the test", open.TCP, sockets.TCP, ends)
	}
	for _, name := range []string{"TCP", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq"} {
		was, is := before.cache(name), after.cache(name)
		if is.Objects < ends || is.Total < is.Objects || is.Bytes < ends*is.ObjSize {
			t.Errorf("%s: %d objects of %d in %d bytes, want at least %d of %d bytes each", name, is.Objects, is.Total, is.Bytes, ends, is.ObjSize)
		}
		enough := ends * 3 / 4
		if name == "TCP" { // which hardly anything but this test uses
			enough = ends * 19 / 20
		}
		if is.Objects < was.Objects+enough {
			short = append(short, fmt.Sprintf("%s %d to %d", name, was.Objects, is.Objects))
		}
	}
	// 4,000 B an end, with slack for what was free in slabs already there.
	if after.Kernel.Bytes < before.Kernel.Bytes+ends*2500 {
		short = append(short, fmt.Sprintf("all %d to %d bytes", before.Kernel.Bytes, after.Kernel.Bytes))
	}
	return short
}

func kernelHere(t *testing.T, p FS) Snapshot {
	t.Helper()
	k, err := p.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	if k.Method != MethodSlab {
		t.Fatalf("Method %q (%s), want %q", k.Method, k.Why, MethodSlab)
	}
	return Snapshot{Kernel: k}
}

// dial opens n connections, both ends in this process and in its epoll, until
// hangUp resets them.
func dial(t *testing.T, n int) (hangUp func()) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var ends []net.Conn
	hangUp = func() {
		for _, c := range ends {
			_ = c.(*net.TCPConn).SetLinger(0) // no TIME_WAIT
			_ = c.Close()
		}
		_ = l.Close()
	}
	for range n {
		c, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			hangUp()
			t.Fatal(err)
		}
		ends = append(ends, c)
		if c, err = l.Accept(); err != nil {
			hangUp()
			t.Fatal(err)
		}
		ends = append(ends, c)
	}
	return hangUp
}
