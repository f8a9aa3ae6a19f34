package netstack

import (
	"context"
	"io"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	peer "gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"github.com/c10m/c10m/internal/tcp"
)

const (
	mtu      = 1500
	port     = 10000
	patience = time.Minute
)

// network is netstack as the server's machine, at the other end of a wire that
// loses a share of the packets, both ways.
type network struct {
	*tcp.Stack
	t        *testing.T
	wire     *channel.Endpoint
	src, dst netip.AddrPort // of slot 0; slot i has source port src.Port()+i
	loss     float64
	random   *rand.Rand
	began    time.Time

	mu     sync.Mutex
	served int // connections whose peer has ended

	total          int
	sent, received []int
	up, done       int
	closed         map[tcp.Cause]int
}

func newNetwork(t *testing.T, v6 bool, conns, total int, loss float64) *network {
	t.Helper()
	n := &network{t: t, wire: channel.New(4096, mtu, ""), total: total, loss: loss, random: rand.New(rand.NewPCG(1, 2)),
		began: time.Now(),
		sent:  make([]int, conns), received: make([]int, conns), closed: map[tcp.Cause]int{},
		src: netip.MustParseAddrPort("198.18.0.1:2000"), dst: netip.MustParseAddrPort("198.19.0.1:10000")}
	protocol := ipv4.ProtocolNumber
	if v6 {
		n.src, n.dst = netip.MustParseAddrPort("[fd00::1]:2000"), netip.MustParseAddrPort("[fd00::2]:10000")
		protocol = ipv6.ProtocolNumber
	}
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{peer.NewProtocol},
	})
	t.Cleanup(s.Close)
	if err := s.CreateNIC(1, n.wire); err != nil {
		t.Fatal(err)
	}
	address := tcpip.AddrFromSlice(n.dst.Addr().AsSlice())
	if err := s.AddProtocolAddress(1, tcpip.ProtocolAddress{Protocol: protocol,
		AddressWithPrefix: address.WithPrefix()}, stack.AddressProperties{}); err != nil {
		t.Fatal(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}, {Destination: header.IPv6EmptySubnet,
		NIC: 1}})
	l, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: 1, Addr: address, Port: port}, protocol)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go n.serve(l)
	n.Stack = tcp.New(tcp.Config{Output: n, Events: n, ISN: func(slot int) uint32 { return 0xfffffff0 + uint32(slot) },
		MSS: uint16(tcp.MSS(mtu, v6))}, make([]tcp.Conn, conns))
	n.Sweep(0)
	return n
}

// serve echoes.
func (n *network) serve(l *gonet.TCPListener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(c, struct{ io.Reader }{c})
			_ = c.Close()
			n.mu.Lock()
			defer n.mu.Unlock()
			n.served++
		}()
	}
}

func stream(slot, i int) byte { return byte(slot*31) + byte(i*7>>2) }

func (n *network) Transmit(slot int, o tcp.Out) {
	if n.random.Float64() < n.loss {
		return
	}
	b := tcp.AppendPacket(nil, netip.AddrPortFrom(n.src.Addr(), n.src.Port()+uint16(slot)), n.dst, o)
	for i := range o.Len {
		b = append(b, stream(slot, int(o.Offset)+i))
	}
	tcp.Finish(b)
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	defer pkt.DecRef()
	protocol := ipv4.ProtocolNumber
	if n.src.Addr().Is6() {
		protocol = ipv6.ProtocolNumber
	}
	n.wire.InjectInbound(protocol, pkt)
}

// receive handles all packets that netstack has sent.
func (n *network) receive() (got bool) {
	for pkt := n.wire.Read(); pkt != nil; pkt = n.wire.Read() {
		view := pkt.ToView()
		b := append([]byte(nil), view.AsSlice()...)
		view.Release()
		pkt.DecRef()
		got = true
		if n.random.Float64() < n.loss {
			continue
		}
		p, err := tcp.Parse(b, false)
		if err == tcp.ErrNotTCP { // neighbour and router discovery
			continue
		}
		if err != nil {
			n.t.Fatalf("%v: % x", err, b)
		}
		if slot := int(p.Dst.Port()) - int(n.src.Port()); p.Src == n.dst && slot >= 0 && slot < len(n.sent) {
			n.Input(slot, p.Segment)
		} else {
			n.t.Fatalf("a packet from %v to %v", p.Src, p.Dst)
		}
	}
	n.Flush()
	return got
}

func (n *network) until(what string, cond func() bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	for !cond() {
		if ctx.Err() != nil {
			n.t.Fatalf("waited %v for %s: up %d, done %d, closed %v, %+v", patience, what, n.up, n.done, n.closed, n.Counts)
		}
		if !n.receive() {
			time.Sleep(time.Millisecond)
		}
		n.Sweep(uint32(time.Since(n.began) / time.Millisecond))
	}
}

func (n *network) feed(slot int) {
	if more := min(n.total-n.sent[slot], 60_000-int(n.Unacked(slot))); more > 0 && n.Send(slot, uint32(more)) {
		n.sent[slot] += more
	}
}

func (n *network) Established(slot int) {
	n.up++
	n.feed(slot)
}

func (n *network) Data(slot int, b []byte) {
	for _, got := range b {
		if want := stream(slot, n.received[slot]); got != want {
			n.t.Fatalf("slot %d: byte %d is %d, want %d", slot, n.received[slot], got, want)
		}
		n.received[slot]++
	}
	if n.received[slot] == n.total {
		n.done++
	}
}

func (n *network) Acked(slot int, _ uint32)                 { n.feed(slot) }
func (n *network) End(int)                                  {}
func (n *network) Closed(_ int, why tcp.Cause, _ tcp.State) { n.closed[why]++ }

// Connections to netstack say all that they have to, over a good wire and over
// one that loses every twentieth packet, and end by FIN and by RST.
func TestNetstack(t *testing.T) {
	for _, c := range []struct {
		name         string
		v6           bool
		conns, total int
		loss         float64
	}{
		{"small messages", false, 100, 64, 0},
		{"large messages", false, 10, 300_000, 0},
		{"IPv6", true, 20, 20_000, 0},
		{"loss", false, 50, 20_000, 0.05},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNetwork(t, c.v6, c.conns, c.total, c.loss)
			for slot := range c.conns {
				n.Open(slot)
			}
			n.until("all echoes", func() bool { return n.up == c.conns && n.done == c.conns })
			n.until("nothing to be under way", func() bool { return n.UnderWay() == 0 })
			for slot := range c.conns / 2 {
				n.Close(slot)
			}
			n.until("half to finish", func() bool { return n.closed[tcp.Finished] == c.conns/2 })
			for slot := c.conns / 2; slot < c.conns; slot++ {
				n.Abort(slot)
			}
			if c.loss > 0 { // an RST may be lost: the peer's keepalive would find that
				return
			}
			n.until("the server to lose all", func() bool {
				n.mu.Lock()
				defer n.mu.Unlock()
				return n.served == c.conns
			})
			if len(n.closed) != 1 {
				t.Errorf("closed: %v", n.closed)
			}
		})
	}
}
