package packets

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/tcp"
	"github.com/c10m/c10m/tests/nettest"
)

// loopback is the command with which a new network namespace gets its loopback.
const loopback = "ip link set lo up"

// server echoes on one port until the test ends, and counts.
type server struct {
	net.Listener
	mu     sync.Mutex
	open   map[net.Conn]bool
	resets int
}

func serve(t *testing.T, addr string) *server {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l, open: map[net.Conn]bool{}}
	nettest.Serve(t, l, s.echo)
	return s
}

func (s *server) echo(c net.Conn) {
	s.mu.Lock()
	s.open[c] = true
	s.mu.Unlock()
	_, err := io.Copy(c, struct{ io.Reader }{c})
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if errors.Is(err, syscall.ECONNRESET) {
		s.resets++
	}
}

func (s *server) counts() (open, resets int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open), s.resets
}

// client is a Link's owner: every connection sends total bytes, and what comes
// back is checked byte for byte.
type client struct {
	*Link
	t        *testing.T
	began    time.Time
	total    int
	up       int
	sent     []int
	received []int
	done     int
	closed   map[tcp.Cause]int
}

func stream(slot, offset int) byte { return byte(slot*31) + byte(offset*7>>2) }

func connect(t *testing.T, prefix string, host netip.AddrPort, conns, total int) *client {
	t.Helper()
	c := &client{t: t, began: time.Now(), total: total, sent: make([]int, conns), received: make([]int, conns),
		closed: map[tcp.Cause]int{}}
	var err error
	p := plan.Plan{Target: plan.Target{Places: plan.At(host.Addr(), int(host.Port()))}, Total: int64(conns),
		Conns: int64(conns), Threads: 1,
		Packets: plan.Packets{Prefix: netip.MustParsePrefix(prefix), MTU: 1500}}
	c.Link, err = New(Config{Plan: p, Events: c, Secret: tcp.Secret{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Link.Close)
	c.Sweep(c.now())
	return c
}

// write sends what there is room for of what is left.
func (c *client) write(slot int) {
	p := make([]byte, min(100_000, c.total-c.sent[slot]))
	for i := range p {
		p[i] = stream(slot, c.sent[slot]+i)
	}
	c.sent[slot] += c.Write(slot, p)
}

func (c *client) Established(slot int) {
	c.up++
	c.write(slot)
}

func (c *client) Data(slot int, b []byte) {
	for _, got := range b {
		if want := stream(slot, c.received[slot]); got != want {
			c.t.Fatalf("slot %d: byte %d is %d, want %d", slot, c.received[slot], got, want)
		}
		c.received[slot]++
	}
	if c.received[slot] == c.total {
		c.done++
	}
}

func (c *client) Acked(slot int, _ uint32)                 { c.write(slot) }
func (c *client) End(int)                                  {}
func (c *client) Closed(_ int, why tcp.Cause, _ tcp.State) { c.closed[why]++ }

func (c *client) now() uint32 { return uint32(time.Since(c.began) / time.Millisecond) }

// until runs the link until cond holds.
func (c *client) until(what string, cond func() bool) {
	c.t.Helper()
	for end := time.Now().Add(nettest.Patience); !cond(); {
		if time.Now().After(end) {
			c.t.Fatalf("waited %v for %s: up %d, done %d, closed %v, %+v, %+v", nettest.Patience, what, c.up, c.done, c.closed,
				c.Counts, c.Packets)
		}
		if c.Receive(64) == 0 {
			time.Sleep(time.Millisecond)
		}
		c.Sweep(c.now())
	}
}

// kernels are the paths to the kernel's TCP: where it listens, and our source prefix.
var kernels = []struct{ name, address, prefix, setup string }{
	{"IPv4 loopback", "127.0.0.1:10000", "198.18.0.0/16", "true"},
	{"IPv4", "198.19.255.1:10000", "198.18.0.0/16", "ip addr add 198.19.255.1/32 dev lo"},
	{"IPv6", "[fd00:c10:1::1]:10000", "fd00:c10:2::/64",
		// The kernel adds the address's route a moment after the address.
		"ip addr add fd00:c10:1::1/128 dev lo nodad; until ip -6 route show table local | grep -q fd00:c10:1::1; do " +
			"sleep 0.01; done"},
}

// Against Linux: small and large messages, an end by FIN and by RST, nothing left.
func TestLinkToKernel(t *testing.T) {
	for _, k := range kernels {
		for _, total := range []int{0, 64, 300_000} {
			t.Run(fmt.Sprintf("%s, %d bytes", k.name, total), func(t *testing.T) {
				nettest.InNetns(t, loopback, k.setup)
				s := serve(t, k.address)
				conns := 500
				if total > 1000 {
					conns = 20
				}
				c := connect(t, k.prefix, netip.MustParseAddrPort(k.address), conns, total)
				for slot := range conns {
					c.Open(slot)
				}
				c.until("all to be established", func() bool { return c.up == conns })
				if total > 0 {
					c.until("all echoes", func() bool { return c.done == conns })
				}
				c.until("the server to hold all", func() bool { open, _ := s.counts(); return open == conns })
				c.until("nothing to be under way", func() bool { return c.UnderWay() == 0 })
				for slot := range conns / 2 {
					c.Stack.Close(slot)
				}
				c.until("half to finish", func() bool { return c.closed[tcp.Finished] == conns/2 })
				for slot := conns / 2; slot < conns; slot++ {
					c.Abort(slot)
				}
				c.until("the server to lose all", func() bool { open, _ := s.counts(); return open == 0 })
				if _, resets := s.counts(); resets != conns/2 {
					t.Errorf("%d connections were reset at the server, want %d", resets, conns/2)
				}
				if len(c.closed) != 1 || c.Packets.Damaged+c.Packets.Unsent+c.Counts.Strange != 0 {
					t.Errorf("closed %v, %+v, %+v", c.closed, c.Packets, c.Counts)
				}
			})
		}
	}
}

func TestNobodyListens(t *testing.T) {
	nettest.InNetns(t, loopback)
	c := connect(t, "198.18.0.0/16", netip.MustParseAddrPort("127.0.0.1:9"), 10, 0)
	for slot := range 10 {
		c.Open(slot)
	}
	c.until("all to be refused", func() bool { return c.closed[tcp.Refused] == 10 })
	c.Open(3)
	c.until("the second try to be refused", func() bool { return c.closed[tcp.Refused] == 11 })
}

// 5 % of the packets are lost, both ways: it costs time and nothing else.
func TestLoss(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft, which scripts/install-deps.sh installs")
	}
	nettest.InNetns(t, loopback, `nft -f - <<'END'
table inet loss {
	chain in {
		type filter hook input priority 0
		iifname "c10m*" numgen random mod 20 0 drop
	}
	chain out {
		type filter hook output priority 0
		oifname "c10m*" numgen random mod 20 0 drop
	}
}
END`)
	s := serve(t, "127.0.0.1:10000")
	c := connect(t, "198.18.0.0/16", netip.MustParseAddrPort("127.0.0.1:10000"), 200, 20_000)
	for slot := range 200 {
		c.Open(slot)
	}
	c.until("all echoes", func() bool { return c.done == 200 })
	if c.Counts.Repeated == 0 {
		t.Error("nothing was repeated: nothing was lost")
	}
	for slot := range 200 {
		c.Stack.Close(slot)
	}
	c.until("all to finish", func() bool { return c.closed[tcp.Finished] == 200 })
	c.until("the server to lose all", func() bool { open, _ := s.counts(); return open == 0 })
}

// What somebody else sends to our addresses is dropped, and not answered.
func TestForeignPackets(t *testing.T) {
	nettest.InNetns(t, loopback)
	serve(t, "127.0.0.1:10000")
	c := connect(t, "198.18.0.0/16", netip.MustParseAddrPort("127.0.0.1:10000"), 1, 0)
	c.Open(0)
	c.until("it to be established", func() bool { return c.up == 1 && c.UnderWay() == 0 })
	sent := c.Packets.Sent
	for _, to := range []string{"198.18.0.1:1024", "198.18.0.77:1024"} { // a slot's own place, and nobody's
		stranger, err := net.Dial("udp", to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stranger.Write([]byte("not TCP")); err != nil {
			t.Fatal(err)
		}
		_ = stranger.Close()
		both := func() int64 { return c.Packets.Foreign + c.Packets.Other }
		before := both()
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		a := netip.MustParseAddrPort(to)
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()})
		if !errors.Is(err, syscall.EINPROGRESS) {
			t.Fatalf("connect: %v", err)
		}
		c.until("both packets", func() bool { return both() >= before+2 })
		_ = syscall.Close(fd)
	}
	if c.State(0) != tcp.Established || c.Packets.Sent != sent {
		t.Errorf("the connection is %v, %d packets were sent", c.State(0), c.Packets.Sent-sent)
	}
}

// A message costs no allocation, and neither does what has to be kept of it.
func TestNothingIsAllocated(t *testing.T) {
	nettest.InNetns(t, loopback)
	serve(t, "127.0.0.1:10000")
	c := connect(t, "198.18.0.0/16", netip.MustParseAddrPort("127.0.0.1:10000"), 1, 0)
	c.Open(0)
	c.until("it to be established", func() bool { return c.up == 1 && c.UnderWay() == 0 })
	message := make([]byte, 64)
	for i := range message {
		message[i] = stream(0, 0)
	}
	if n := testing.AllocsPerRun(100, func() {
		if c.Write(0, message[:1]) != 1 {
			t.Fatal("not taken")
		}
		c.Stack.Flush()
		c.Receive(8)
		c.received[0] = 0
	}); n > 0.2 { // the server beside us may allocate
		t.Errorf("%v allocations a message", n)
	}
}
