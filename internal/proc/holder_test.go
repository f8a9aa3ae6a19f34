package proc

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// inOwnNetwork runs a test where nobody else's connection can have one of its ports:
// on a thread of its own, in a network namespace of its own. Not on the process's
// first thread: it never ends, and /proc/self/net is its. Without root it stays.
func inOwnNetwork(t *testing.T, test func()) {
	t.Helper()
	if os.Getuid() != 0 {
		test()
		return
	}
	done := make(chan error)
	var move func()
	move = func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if syscall.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			other := make(chan struct{})
			go func() { defer close(other); move() }()
			<-other
			return
		}
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		defer func() { done <- err }() // also if the test ends by Fatal
		if err == nil {
			err = sys.LoopbackUp()
		}
		if err == nil {
			test()
		}
	}
	go move()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A port that cannot be bound need not have a listener: what really holds it is
// said, with the cure that fits.
func TestPortInUseBy(t *testing.T) {
	inOwnNetwork(t, func() { portInUseBy(t) })
}

func portInUseBy(t *testing.T) {
	p, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1) // the client closes first
			_, _ = c.Read(buf)
			_ = c.Close()
		}
	}()

	dialled, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	at := func(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }
	everywhere := func(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port()) }
	us := p.Name(os.Getpid())
	local := at(dialled.LocalAddr())
	says := func(name string, a netip.AddrPort, state sys.SockState, want ...string) {
		t.Helper()
		h, found := p.PortHolder(a)
		said := p.InUse(a)
		if !found || h.State != state {
			t.Errorf("%s: found %v in %v (%s), want %v", name, found, h.State, said, state)
		}
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%s: %q, want %q in it", name, said, w)
			}
		}
	}
	says("a listener", at(l.Addr()), sys.Listening, us, "listens on "+l.Addr().String())
	says("a listener, for all addresses", everywhere(at(l.Addr())), sys.Listening, us)
	says("a connection", everywhere(local), sys.Established, "a connection and no listener", us,
		"ip_local_reserved_ports")
	if err := sys.PortFree(local.Addr(), local.Port()); err == nil {
		t.Errorf("%s can be bound although a connection has it", local)
	}
	_ = dialled.Close()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if h, _ := p.PortHolder(local); h.State == sys.TimeWait {
			break
		}
	}
	says("what a connection leaves", local, sys.TimeWait, "TIME_WAIT", "ends within 60 s")
	_ = l.Close()
	if h, found := p.PortHolder(netip.AddrPortFrom(local.Addr(), 1)); found {
		t.Errorf("port 1 is held by %+v, want nobody", h)
	}
}
