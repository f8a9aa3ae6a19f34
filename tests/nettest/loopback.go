package nettest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"
)

// Listen serves each connection to a free port of 127.0.0.1 with handle, see Serve.
func Listen(tb testing.TB, handle func(net.Conn)) netip.AddrPort {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return Serve(tb, l, handle)
}

// Serve serves each connection of l with handle, in a goroutine of its own, as any Go
// program would, and closes it when handle returns. l is closed when the test ends.
func Serve(tb testing.TB, l net.Listener, handle func(net.Conn)) netip.AddrPort {
	tb.Helper()
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				handle(c)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// Echo is a handler for Listen that sends back what it reads.
func Echo(c net.Conn) { _, _ = io.Copy(c, c) }

// Dial connects to a server, within Patience, which is also the time that all reads and
// writes may take together. The connection is closed when the test ends.
func Dial(tb testing.TB, addr string) *net.TCPConn {
	tb.Helper()
	c, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(Patience))
	return c.(*net.TCPConn)
}

// FreePort finds a port that nobody listens on, below where FreePorts begins and below
// the default range of local ports: the kernel, which gives those to whatever connects or
// listens without a choice, does not take it before the caller does.
func FreePort(tb testing.TB) int {
	tb.Helper()
	const first, last = 2000, 19999
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		if isFree(port) {
			return port
		}
	}
	tb.Fatalf("no free port in %d..%d", first, last)
	return 0
}

// isFree says whether nobody listens on a port, of any IPv4 address.
func isFree(port int) bool {
	l, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// FreePorts finds n consecutive ports that nobody listens on, and one more after them. It
// begins below the default range of local ports, so that no connection takes them.
// C10M_TEST_PORT says where to begin the search.
func FreePorts(tb testing.TB, n int) (first int) {
	tb.Helper()
	from := 20000 + os.Getpid()%50*100
	if own, err := strconv.Atoi(os.Getenv("C10M_TEST_PORT")); err == nil {
		from = own
	}
	for first = from; first < from+12000; first += n + 1 {
		free := true
		for p := first; p <= first+n && free; p++ {
			free = isFree(p)
		}
		if free {
			return first
		}
	}
	tb.Fatalf("no %d free ports in %d..%d", n+1, from, from+12000)
	return 0
}

// Accepts says whether a connection to a server is accepted.
func Accepts(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
