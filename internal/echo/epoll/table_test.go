package epoll

import (
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/c10m/c10m/internal/echo"
)

// resident is how many bytes of mem are in memory, mincore(2).
func resident(t *testing.T, mem []byte) (n int) {
	t.Helper()
	page := syscall.Getpagesize()
	in := make([]byte, (len(mem)+page-1)/page)
	if _, _, errno := syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&mem[0])), uintptr(len(mem)),
		uintptr(unsafe.Pointer(&in[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for _, b := range in {
		n += int(b&1) * page
	}
	return n
}

// TestConnSize: an idle connection takes 16 bytes, and one that never was none.
func TestConnSize(t *testing.T) {
	const fds, used = 1_000_000, 100_000
	if connSize != 16 {
		t.Errorf("a connection takes %d bytes, want 16", connSize)
	}
	table, err := newTable(fds)
	if err != nil {
		t.Fatal(err)
	}
	defer table.release()
	if n := resident(t, table.mem); n != 0 {
		t.Errorf("%d bytes are resident before the first connection", n)
	}
	for fd := 10; fd < used; fd++ {
		table.put(fd, 3, 1, 5)
	}
	if n, most := resident(t, table.mem), (used/chunkSize+1)*chunkSize*16; n > most {
		t.Errorf("%d bytes for %d connections, at most %d", n, used, most)
	}
	for fd := 10; fd < used; fd++ {
		if fd != 50_000 {
			table.drop(fd)
		}
	}
	table.trim()
	if n := resident(t, table.mem); n != chunkSize*16 {
		t.Errorf("%d bytes are resident for one connection left, want one page", n)
	}
	found := 0
	table.each(1, func(fd int, c *conn) {
		found++
		if fd != 50_000 || c.port != 3 || c.last != 5 {
			t.Errorf("found fd %d %+v", fd, c)
		}
	})
	if table.each(0, func(int, *conn) { found++ }); found != 1 {
		t.Errorf("%d connections of loop 1 and others, want 1", found)
	}
}

// TestTrimBesidePut: while one loop trims, others take and leave places, and
// nobody's connection is lost.
func TestTrimBesidePut(t *testing.T) {
	table, err := newTable(1000)
	if err != nil {
		t.Fatal(err)
	}
	defer table.release()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20_000 {
			table.trim()
			runtime.Gosched()
		}
	}()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		fd := n % 1000
		c := table.put(fd, fd, 7, moment(n))
		if !c.ofLane(7) || c.port != uint16(fd) || c.last != moment(n) {
			t.Fatalf("fd %d: %+v", fd, c)
		}
		table.drop(fd)
	}
}

// TestGenerations: an event of a connection that had the fd before is told apart.
func TestGenerations(t *testing.T) {
	table, err := newTable(100)
	if err != nil {
		t.Fatal(err)
	}
	defer table.release()
	first := table.put(5, 0, 0, 0).gen()
	table.drop(5)
	if table.conns[5].ofLane(0) {
		t.Error("a free place belongs to a loop")
	}
	if c := table.put(5, 0, 0, 0); c.gen() == first || c.gen() < 0 {
		t.Errorf("generation %d after %d", c.gen(), first)
	}
	table.conns[5].owner.Store(0xffff<<ownerBits | 1)
	if c := table.put(5, 0, 0, 0); c.gen() != 0 {
		t.Errorf("generation %d after the last", c.gen())
	}
}

func TestSessions(t *testing.T) {
	var list sessions
	var a, b conn
	x, y := new(echo.Session), new(echo.Session)
	for _, step := range []struct {
		c    *conn
		s    *echo.Session
		want int // places that are taken up
	}{
		{&a, nil, 0}, {&a, x, 1}, {&b, y, 2}, {&a, y, 2}, {&a, nil, 2},
		{&a, nil, 2}, {&a, x, 2}, {&b, nil, 2}, {&a, nil, 2},
	} {
		list.set(step.c, step.s)
		if got := list.get(step.c); got != step.s {
			t.Fatalf("%p, want %p", got, step.s)
		}
		if len(list.list) != step.want {
			t.Errorf("%d places, want %d", len(list.list), step.want)
		}
	}
	list.trim()
	if list.list != nil || list.free != nil {
		t.Error("an empty list keeps memory")
	}
}
