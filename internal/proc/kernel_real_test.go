package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	testConns = 2000
	testEnds  = 2 * testConns
)

// patience is how long a test waits for a moment in which nobody else on this
// machine opens or closes thousands of sockets, as a run that has just ended does.
const patience = 90 * time.Second

// TestConnectionsHere opens 2,000 connections on loopback and looks for their
// 4,000 ends in the caches of the real kernel. That as many objects are in use is
// sure. How many they were before is not: SLUB takes all of a slab that some
// processor works on for used, RCU frees sockets late, and others open and close
// theirs meanwhile. So growth has some slack, and as many attempts as there is
// time for.
func TestConnectionsHere(t *testing.T) {
	p := rootHere(t)
	try(t, func() (short []string) {
		before, after := p.connections(t)
		for _, name := range []string{"TCP", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq"} {
			was, is := before.cache(name), after.cache(name)
			if is.Objects < testEnds || is.Bytes == 0 || is.PageBytes == 0 {
				t.Errorf("%s: %d objects of %d bytes in %d of pages, want at least %d", name, is.Objects, is.Bytes,
					is.PageBytes, testEnds)
			}
			enough := uint64(testEnds * 3 / 4)
			if name == "TCP" { // which hardly anything but this test uses
				enough = testEnds * 19 / 20
			}
			if is.Objects < was.Objects+enough {
				short = append(short, fmt.Sprintf("%s %d to %d", name, was.Objects, is.Objects))
			}
		}
		// About 4,000 B an end, whatever room there was in slabs.
		if after.Kernel.Bytes < before.Kernel.Bytes+testEnds*3000 {
			short = append(short, fmt.Sprintf("all %d to %d bytes", before.Kernel.Bytes, after.Kernel.Bytes))
		}
		return short
	})
}

// TestHalfEmptySlabsHere: a connection costs the same whether its objects take new
// slabs or go into those that earlier connections have left half empty, where its
// pages are none at all. 14,000 sockets fill the room that there is and a thousand
// slabs more, and every 14th of them, one a slab, stays.
func TestHalfEmptySlabsHere(t *testing.T) {
	p := rootHere(t)
	try(t, func() (off []string) {
		fresh, freshPages := p.tcpCost(t)
		stay := leaveEvery(t, 14_000, 14)
		defer closeAll(stay)
		again, againPages := p.tcpCost(t)
		if math.Abs(again/fresh-1) > 0.02 {
			off = append(off, fmt.Sprintf("a socket takes %.0f B, and %.0f B once slabs are half empty", fresh, again))
		}
		if againPages > freshPages/2+testEnds*100 {
			off = append(off, fmt.Sprintf("the slabs were not half empty: the pages grew by %.0f B, and %.0f B before",
				againPages, freshPages))
		}
		return off
	})
}

// rootHere is this machine, with slabinfo.
func rootHere(t *testing.T) FS {
	t.Helper()
	f, err := os.Open("/proc/slabinfo")
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("the caches are only for root to see: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return here(t)
}

// try repeats an attempt that others on this machine may spoil until it finds
// nothing wrong.
func try(t *testing.T, attempt func() (wrong []string)) {
	t.Helper()
	var wrong []string
	n := 0
	for end := time.Now().Add(patience); time.Now().Before(end); n++ {
		if wrong = attempt(); len(wrong) == 0 || t.Failed() {
			return
		}
		time.Sleep(300 * time.Millisecond) // for the last attempt's to be freed
	}
	t.Errorf("in none of %d attempts as it should be, in the last: %s", n, strings.Join(wrong, "; "))
}

// connections are the caches before and while the test's connections are open.
func (p FS) connections(t *testing.T) (before, after Snapshot) {
	t.Helper()
	before = p.snapshot(t)
	hangUp := dial(t, testConns)
	defer hangUp()
	after = p.snapshot(t)
	open, err := p.Sockets()
	if err != nil {
		t.Fatal(err)
	}
	if open.TCP < testEnds {
		t.Errorf("%d TCP sockets in use, want at least the %d of the test", open.TCP, testEnds)
	}
	return before, after
}

// tcpCost is by how much the TCP cache grows for each end, and by how much in pages
// for all of them.
func (p FS) tcpCost(t *testing.T) (perEnd, pages float64) {
	t.Helper()
	before, after := p.connections(t)
	was, is := before.cache("TCP"), after.cache("TCP")
	return (float64(is.Bytes) - float64(was.Bytes)) / testEnds, float64(is.PageBytes) - float64(was.PageBytes)
}

func (p FS) snapshot(t *testing.T) Snapshot {
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

// leaveEvery opens n TCP sockets and closes all but every nth.
func leaveEvery(t *testing.T, n, nth int) (stay []int) {
	t.Helper()
	var all []int
	for range n {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			closeAll(all)
			t.Fatal(os.NewSyscallError("socket", err))
		}
		all = append(all, fd)
	}
	for i, fd := range all {
		if i%nth == 0 {
			stay = append(stay, fd)
			continue
		}
		_ = syscall.Close(fd)
	}
	return stay
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
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
