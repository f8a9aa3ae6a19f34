//go:build chaos

package chaos

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/tcp"
	"github.com/c10m/c10m/tests/rig"
)

// overheard is what somebody who sees a segment of the server to a client without
// sockets knows of their connection.
type overheard struct {
	device         int // that the client has
	server, client netip.AddrPort
	next           uint32 // what the client expects of the server
	acked          uint32 // what the server expects of the client
}

// forgeries are segments that must change nothing. Sequence numbers that lie in a
// window are never those of a message's end, of which each has messageSize bytes.
var forgeries = []func(o overheard) []byte{
	func(o overheard) []byte { // a storm of resets in the window, but for the one number
		return forgery(o.server, o.client, tcp.Out{Seq: inWindow(o.next), Flags: tcp.RST}, "")
	},
	func(o overheard) []byte { // and outside of it
		return forgery(o.server, o.client, tcp.Out{Seq: o.next - 100_000 - rand.Uint32N(1<<30), Flags: tcp.RST}, "")
	},
	func(o overheard) []byte {
		return forgery(o.server, o.client, tcp.Out{Seq: inWindow(o.next), Flags: tcp.SYN}, "")
	},
	func(o overheard) []byte { // acknowledges what was never sent
		return forgery(o.server, o.client, tcp.Out{Seq: o.next, Ack: o.acked + 1<<30, Flags: tcp.ACK}, "forged")
	},
	func(o overheard) []byte { // corrupted on its way
		b := forgery(o.server, o.client, tcp.Out{Seq: o.next, Ack: o.acked, Flags: tcp.ACK}, "forged")
		b[len(b)-1] ^= 1
		return b
	},
	func(o overheard) []byte { // from an address that is not the target's
		stranger := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), o.server.Port())
		return forgery(stranger, o.client, tcp.Out{Seq: o.next, Flags: tcp.RST}, "")
	},
	func(o overheard) []byte { // from a port that is not
		return forgery(netip.AddrPortFrom(o.server.Addr(), 9), o.client, tcp.Out{Seq: o.next, Flags: tcp.RST}, "")
	},
	func(o overheard) []byte { // to a connection that there is not
		nobody := netip.AddrPortFrom(o.client.Addr(), 60_000)
		return forgery(o.server, nobody, tcp.Out{Seq: o.next, Ack: 1, Flags: tcp.SYN | tcp.ACK}, "")
	},
}

// messageSize is that of the messages that the attacked connections exchange.
const messageSize = 64

// inWindow is a number within the window that begins at next and no message's end.
func inWindow(next uint32) uint32 { return next + rand.Uint32N(900)*messageSize + 17 }

// forgery is a whole packet.
func forgery(src, dst netip.AddrPort, o tcp.Out, payload string) []byte {
	o.Len, o.Window = len(payload), 65535
	b := append(tcp.AppendPacket(nil, src, dst, o), payload...)
	tcp.Finish(b)
	return b
}

// etherTypes are those of IPv4, and of all, in network byte order, packet(7).
const (
	ethIPv4 = 0x0008
	ethAll  = 0x0300
)

// forgeSegments listens to what the server sends to clients without sockets, and
// answers each segment in the server's name, and to the server in the client's.
func forgeSegments(t target) (d deed) {
	wire, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, ethAll)
	if err != nil {
		return deed{Error: "listen to devices: " + err.Error()}
	}
	defer func() { _ = syscall.Close(wire) }()
	raw, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.IPPROTO_RAW)
	if err != nil {
		return deed{Error: "open raw socket: " + err.Error()}
	}
	defer func() { _ = syscall.Close(raw) }()
	patience := syscall.Timeval{Usec: 50_000}
	if err := syscall.SetsockoptTimeval(wire, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &patience); err != nil {
		return deed{Error: err.Error()}
	}
	in, devices := make([]byte, 1<<16), map[int]bool{}
	for !t.over() {
		o, err := overhear(wire, in, devices, t)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR), err == nil && o.device == 0:
			continue
		case err != nil:
			d.Error = err.Error()
			return d
		}
		for _, of := range forgeries {
			b := of(o)
			if syscall.Sendto(wire, b, 0, &syscall.SockaddrLinklayer{Protocol: ethIPv4, Ifindex: o.device}) == nil {
				d.Conns, d.Bytes = d.Conns+1, d.Bytes+int64(len(b))
			}
		}
		b := forgery(o.client, o.server, tcp.Out{Seq: inWindow(o.acked), Flags: tcp.RST}, "")
		if syscall.Sendto(raw, b, 0, &syscall.SockaddrInet4{Addr: o.server.Addr().As4()}) == nil {
			d.Conns, d.Bytes = d.Conns+1, d.Bytes+int64(len(b))
		}
	}
	return d
}

// overhear takes the next segment from the server to a client's device; another is a
// zero device.
func overhear(wire int, in []byte, devices map[int]bool, t target) (o overheard, err error) {
	n, from, err := syscall.Recvfrom(wire, in, 0)
	if err != nil {
		return o, err
	}
	at, is := from.(*syscall.SockaddrLinklayer)
	if !is || at.Pkttype != syscall.PACKET_OUTGOING {
		return o, nil
	}
	own, known := devices[at.Ifindex]
	if !known {
		device, err := net.InterfaceByIndex(at.Ifindex)
		own = err == nil && strings.HasPrefix(device.Name, "c10m")
		devices[at.Ifindex] = own
	}
	p, err := tcp.Parse(in[:n], true) // what the kernel sends has no checksum yet
	if !own || err != nil || p.Error != tcp.NoError || int(p.Src.Port()) < t.first || int(p.Src.Port()) >= t.first+t.n {
		return o, nil
	}
	s := p.Segment
	if s.Flags&(tcp.SYN|tcp.FIN|tcp.RST) != 0 {
		return o, nil
	}
	return overheard{device: at.Ifindex, server: p.Src, client: p.Dst, next: s.Seq + uint32(len(s.Payload)),
		acked: s.Ack}, nil
}

// TestPacketsForged: somebody who sees the segments between a server and a client
// without sockets forges others: resets and SYNs in and out of the window, data that
// is damaged or acknowledges what was never sent, packets from elsewhere and to
// nobody. Nothing is lost of what RFC 5961 protects, and the report counts them.
func TestPacketsForged(t *testing.T) {
	rig.NoLeaks(t)
	needsDevices(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	var attacker *running
	o := rig.Client(t, nil, func(*exec.Cmd) {
		rig.Await(t, "messages", func() bool { return s.Report(t).Messages >= 400 })
		attacker = hostile{attack: "forged", short: 3 * time.Second}.unleash(t, s)
		<-attacker.done
		attacker.end()
	}, packetsTo(s, "--conns", "200", "--hold", lasting(7*time.Second, 70*time.Second).String(), "--interval", "100ms",
		"--size", "64", "--verify", "200")...)
	d := attacker.deed
	o.HasResult(t)
	r := o.Result
	if o.Status != 0 || r.Conns.Established != 200 || r.Conns.Lost != 0 || r.Echo.Lost != 0 || r.Echo.Mismatched != 0 ||
		r.Echo.Verified != 200 {
		t.Errorf("status %d, %+v, %+v: want nothing lost: %s", o.Status, r.Conns, r.Echo, o.Stderr)
	}
	if p := r.Packets; p == nil || p.Challenged == 0 || p.Damaged == 0 || p.Foreign == 0 {
		t.Errorf("packets %+v after %+v: want each kind counted", p, d)
	} else {
		t.Logf("%d segments forged: %+v", d.Conns, *p)
	}
	if d.Error != "" || d.Conns == 0 {
		t.Errorf("attacker: %+v", d)
	}
	s.Open(t, 0)
	noDevice(t)
}
