package packets

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tcp"
	"github.com/c10m/c10m/tests/nettest"
)

// forge sends a packet with whatever addresses it says it has, raw(7).
func forge(t *testing.T, to netip.Addr, packet []byte) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_RAW)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := syscall.Sendto(fd, packet, 0, &syscall.SockaddrInet4{Addr: to.As4()}); err != nil {
		t.Fatal(err)
	}
}

// unreachable is an ICMP error about a segment from src to dst, RFC 792: code 3
// is port unreachable, 4 is fragmentation needed.
func unreachable(src, dst netip.AddrPort, seq uint32, code byte, mtu uint16) []byte {
	body := binary.BigEndian.AppendUint16([]byte{3, code, 0, 0, 0, 0}, mtu)
	body = append(body, tcp.AppendPacket(nil, src, dst, tcp.Out{Seq: seq, Flags: tcp.ACK})[:28]...)
	sum := uint32(0)
	for i := 0; i < len(body); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(body[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(body[2:], ^uint16(sum+sum>>16))
	b := tcp.AppendPacket(nil, dst, src, tcp.Out{})[:20]
	b[9] = syscall.IPPROTO_ICMP
	return append(b, body...) // the kernel fills in length and checksum of the IP header
}

// Who can send to us in the server's name, but sees nothing of a connection,
// neither ends it nor has a say in it; not even who knows its numbers, unless
// exactly.
func TestAttacker(t *testing.T) {
	nettest.InNetns(t, loopback, "ip addr add 198.19.255.1/32 dev lo")
	host := netip.MustParseAddrPort("198.19.255.1:10000")
	serve(t, host.String())
	c := connect(t, "198.18.0.0/16", host, 1, 0)
	c.Open(0)
	c.until("it to be established", func() bool { return c.up == 1 && c.UnderWay() == 0 })
	last, err := tcp.Parse(c.out[sys.TunHeader:], true) // our acknowledgement
	if err != nil || last.Segment.Flags != tcp.ACK {
		t.Fatalf("last packet %+v, %v", last, err)
	}
	us, next, ours := last.Src, last.Segment.Ack, last.Segment.Seq
	segment := func(o tcp.Out, payload string) []byte {
		o.Len, o.Window = len(payload), 65535
		b := append(tcp.AppendPacket(nil, host, us, o), payload...)
		tcp.Finish(b)
		return b
	}
	damaged := segment(tcp.Out{Seq: next, Ack: ours, Flags: tcp.ACK}, "forged")
	damaged[len(damaged)-1] ^= 1
	for _, a := range []struct {
		name   string
		packet []byte
		count  *int64 // goes up by one
	}{
		{"data with a wrong checksum", damaged, &c.Packets.Damaged},
		{"RST elsewhere in the window", segment(tcp.Out{Seq: next + 1000, Flags: tcp.RST}, ""), &c.Counts.Challenges},
		{"SYN in the window", segment(tcp.Out{Seq: next, Flags: tcp.SYN}, ""), &c.Counts.Challenges},
		{"data, acknowledging what was never sent", segment(tcp.Out{Seq: next, Ack: ours + 1<<30, Flags: tcp.ACK}, "forged"),
			&c.Counts.Challenges},
		{"RST outside the window", segment(tcp.Out{Seq: next - 5, Flags: tcp.RST}, ""), &c.Packets.Received},
		{"port unreachable", unreachable(us, host, ours, 3, 0), &c.Counts.Strange},
		{"fragmentation needed, of nothing in flight", unreachable(us, host, ours-1000, 4, 100), &c.Counts.Strange},
		{"from another address", func() []byte {
			b := tcp.AppendPacket(nil, netip.MustParseAddrPort("198.19.255.2:10000"), us, tcp.Out{Seq: next, Flags: tcp.RST})
			tcp.Finish(b)
			return b
		}(), &c.Packets.Foreign},
	} {
		before := *a.count
		forge(t, us.Addr(), a.packet)
		c.until(a.name, func() bool { return *a.count > before })
		if c.State(0) != tcp.Established || c.received[0] != 0 || len(c.closed) > 0 {
			t.Fatalf("%s: state %v, %d bytes, closed %v", a.name, c.State(0), c.received[0], c.closed)
		}
	}
	c.total = 5000
	c.write(0)
	c.until("its bytes to come back", func() bool { return c.done == 1 })
}

// A server that reads nothing for a while shuts its window. Nothing is lost, and
// all comes back once it reads again.
func TestWindowShuts(t *testing.T) {
	nettest.InNetns(t, loopback)
	l, err := net.Listen("tcp", "127.0.0.1:10000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	read := make(chan struct{})
	s := &server{Listener: l, open: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetReadBuffer(4096)
			go func() {
				<-read
				s.echo(conn)
			}()
		}
	}()
	const conns = 20
	c := connect(t, "198.18.0.0/16", netip.MustParseAddrPort("127.0.0.1:10000"), conns, 300_000)
	for slot := range conns {
		c.Open(slot)
	}
	c.until("probes of shut windows", func() bool { return c.Counts.Probes >= conns })
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		c.Receive(64)
		c.Sweep(c.now())
		time.Sleep(time.Millisecond)
	}
	close(read)
	c.until("all to come back", func() bool { return c.done == conns && c.UnderWay() == 0 })
	if len(c.closed) > 0 {
		t.Errorf("closed %v", c.closed)
	}
}

// An idle connection takes 12 bytes here and nothing else: no flight, no buffer.
func TestIdleTakesNothing(t *testing.T) {
	nettest.InNetns(t, loopback)
	s := serve(t, "127.0.0.1:10000")
	const conns = 1000
	c := connect(t, "198.18.0.0/16", netip.MustParseAddrPort("127.0.0.1:10000"), conns, 0)
	for slot := range conns {
		c.Open(slot)
	}
	c.until("all to be idle", func() bool {
		open, _ := s.counts()
		return open == conns && c.up == conns && c.UnderWay() == 0
	})
	if len(c.mem) != conns*12 || len(c.unsent) > 0 || len(c.again) > 0 {
		t.Errorf("%d bytes for %d connections, %d buffers, %d generations", len(c.mem), conns, len(c.unsent), len(c.again))
	}
}

// Connections that are all closed are forgotten and their memory is given back; those
// that are opened later are others to the server. One that is open is not forgotten.
func TestEmpty(t *testing.T) {
	nettest.InNetns(t, loopback)
	s := serve(t, "127.0.0.1:10000")
	const conns = 100
	c := connect(t, "198.18.0.0/16", netip.MustParseAddrPort("127.0.0.1:10000"), conns, 0)
	numbers := map[uint32]bool{}
	for round := 1; round <= 3; round++ {
		for slot := range conns {
			c.Open(slot)
		}
		numbers[c.isn(0)] = true
		c.until("all to be idle", func() bool { return c.up == round*conns && c.UnderWay() == 0 })
		for slot := range conns - 1 {
			c.Abort(slot)
		}
		if c.Empty(); c.State(conns-1) != tcp.Established {
			t.Fatalf("the last one is %v", c.State(conns-1))
		}
		c.Abort(conns - 1)
		if c.Empty(); c.Used(0) {
			t.Fatal("a connection is remembered")
		}
		c.until("the server to lose all", func() bool { open, _ := s.counts(); return open == 0 })
	}
	if len(numbers) != 3 {
		t.Errorf("%d initial sequence numbers for 3 connections of a slot", len(numbers))
	}
}
