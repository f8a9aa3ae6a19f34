package epoll

import (
	"bytes"
	"net/netip"
	"runtime"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// harness is a loop without its thread: a test turns it step by step. Its
// connections are pairs of Unix sockets, whose buffers can be very small.
type harness struct {
	*loop
	ctr *echo.Counters
	fds []pair
}

// pair is a connection: the loop's end and the peer's.
type pair struct{ own, peer int }

// newHarness makes one with a connection of proto.
func newHarness(tb testing.TB, proto string, with ...func(*echo.Config)) *harness {
	tb.Helper()
	runtime.LockOSThread()
	tb.Cleanup(runtime.UnlockOSThread)
	ctr := new(echo.Counters)
	cfg := echo.Config{Bind: netip.MustParseAddr("127.0.0.1"), Ports: []echo.Port{{Number: 1, Proto: proto}},
		Loops: 1, Limit: 1000, Logf: tb.Logf}
	for _, change := range with {
		change(&cfg)
	}
	e := &engine{core: echo.New(cfg, ctr), nofile: 10_000}
	var err error
	if e.wake, err = sys.Eventfd(); err != nil {
		tb.Fatal(err)
	}
	if e.shared, err = newTable(e.nofile); err != nil {
		tb.Fatal(err)
	}
	h := &harness{loop: newLoop(&lane{eng: e}), ctr: ctr}
	if err := h.start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		h.end()
		e.close()
		for _, p := range h.fds {
			sys.Close(p.peer)
		}
	})
	h.connect(tb)
	return h
}

// connect adds a connection.
func (h *harness) connect(tb testing.TB) pair {
	tb.Helper()
	p := newPair(tb)
	h.fds = append(h.fds, p)
	h.admit(p.own, 0)
	return p
}

// newPair is a connection of no loop.
func newPair(tb testing.TB) pair {
	tb.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return pair{fds[0], fds[1]}
}

// shrink makes both ends' send buffers as small as the kernel lets them be.
func (p pair) shrink(tb testing.TB) {
	tb.Helper()
	for _, fd := range []int{p.own, p.peer} {
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, 1); err != nil {
			tb.Fatal(err)
		}
	}
}

// turn lets the loop handle what there is, once.
func (h *harness) turn(tb testing.TB) {
	if err := h.batch(0); err != nil {
		tb.Fatal(err)
	}
}

// upgrade does the handshake, if the connection is a WebSocket's.
func (p pair) upgrade(tb testing.TB, h *harness) {
	tb.Helper()
	if h.eng.core.Ports[0].Proto != echo.WS {
		return
	}
	if _, errno := sys.Send(p.peer, []byte(request)); errno != 0 {
		tb.Fatal(errno)
	}
	h.turn(tb)
	answer := make([]byte, 1024)
	n, errno := sys.Read(p.peer, answer)
	if errno != 0 || !bytes.HasSuffix(answer[:n], []byte("\r\n\r\n")) {
		tb.Fatalf("answer %q, %v", answer[:n], errno)
	}
}
