package packets

import (
	"fmt"
	"net/netip"
	"unsafe"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tcp"
)

// DeviceName begins the names of our devices: c10m0, c10m1, ...
const DeviceName = "c10m"

// queue is how many packets to us may wait in the device: what 2,000 answers
// and more need while the thread is busy with something else.
const queue = 50_000

// readBuffer takes any packet: no MTU is larger than an IP packet.
const readBuffer = 65535

// Config is one thread's part of a run.
type Config struct {
	Prefix netip.Prefix // source addresses, of this Link alone
	Host   netip.Addr   // of the server
	Ports  []int        // of the server
	Conns  int
	Number int64      // of slot 0 in the run; it keys the initial sequence numbers
	Secret tcp.Secret // of the run
	MTU    int        // of the way to the host
	Events tcp.Events
	// Render writes bytes offset.. of what a slot sends. It is asked again when
	// they must be repeated.
	Render func(slot int, offset uint32, b []byte)
}

// Counts is what a Link counted beside its Stack.
type Counts struct {
	Sent, Received int64 // packets
	Unsent         int64 // packets that write(2) did not take; they are repeated like lost ones
	Foreign        int64 // packets from elsewhere, or to nobody of us
	Damaged        int64 // packets with a wrong checksum, or cut off
}

// Link is a TUN device and the connections behind it. It is for one thread.
type Link struct {
	*tcp.Stack
	Packets Counts

	cfg    Config
	tun    *sys.Tun
	tuples tuples
	mem    []byte
	in     []byte
	out    []byte
	again  map[int]uint32 // how often a slot has been opened again
}

// Open makes the device, sets it up and routes the prefix to it.
func Open(cfg Config) (*Link, error) {
	t, err := newTuples(cfg.Prefix, cfg.Host, cfg.Ports, cfg.Conns)
	if err != nil {
		return nil, err
	}
	l := &Link{cfg: cfg, tuples: t, in: make([]byte, sys.TunHeader+readBuffer), out: make([]byte, sys.TunHeader+tcp.MaxHeader+readBuffer)}
	if l.tun, err = sys.NewTun(DeviceName); err != nil {
		return nil, err
	}
	if err := l.setUp(); err != nil {
		l.tun.Close()
		return nil, err
	}
	// Outside the Go heap, whose size would otherwise set how much garbage may
	// pile up beside it.
	if l.mem, err = sys.Alloc(max(1, cfg.Conns) * int(unsafe.Sizeof(tcp.Conn{}))); err != nil {
		l.tun.Close()
		return nil, err
	}
	conns := unsafe.Slice((*tcp.Conn)(unsafe.Pointer(unsafe.SliceData(l.mem))), cfg.Conns)
	l.Stack = tcp.New(tcp.Config{Output: l, Events: cfg.Events, ISN: l.isn, MSS: uint16(tcp.MSS(cfg.MTU, cfg.Host.Is6()))}, conns)
	l.header()
	return l, nil
}

func (l *Link) setUp() error {
	if err := l.tun.Up(l.cfg.MTU, queue, l.cfg.Prefix); err != nil {
		return err
	}
	if l.cfg.Host.Is4() && l.cfg.Host.IsLoopback() {
		return l.tun.TakeLoopback()
	}
	return nil
}

// header writes the part of struct virtio_net_hdr that is the same for every
// packet.
func (l *Link) header() {
	start := byte(tcp.Start([]byte{4 << 4}))
	if l.cfg.Host.Is6() {
		start = byte(tcp.Start([]byte{6 << 4}))
	}
	l.out[0] = sys.TunNeedsChecksum
	l.out[6], l.out[8] = start, tcp.ChecksumAt // little-endian on both platforms that we run on
}

// isn is a slot's initial sequence number.
func (l *Link) isn(slot int) uint32 {
	var generation uint32
	if len(l.again) > 0 {
		generation = l.again[slot]
	}
	return l.cfg.Secret.ISN(l.cfg.Number+int64(slot), generation)
}

// Again opens a slot whose connection is gone, with another sequence number.
func (l *Link) Again(slot int) {
	if l.again == nil {
		l.again = map[int]uint32{}
	}
	l.again[slot]++
	l.Open(slot)
}

// Port is the place of a slot's destination port among the Ports.
func (l *Link) Port(slot int) int { return l.tuples.port(slot) }

// Source is which of the prefix's addresses a slot uses.
func (l *Link) Source(slot int) netip.Addr {
	src, _ := l.tuples.of(slot)
	return src.Addr()
}

// Device is the name of the TUN device.
func (l *Link) Device() string { return l.tun.Name() }

// FD is readable when a packet waits.
func (l *Link) FD() int { return l.tun.FD() }

// Transmit implements tcp.Output.
func (l *Link) Transmit(slot int, o tcp.Out) {
	src, dst := l.tuples.of(slot)
	b := tcp.AppendPacket(l.out[:sys.TunHeader], src, dst, o)
	if o.Len > 0 {
		n := len(b)
		b = b[:n+o.Len]
		l.cfg.Render(slot, o.Offset, b[n:])
	}
	if l.tun.Write(b) != 0 {
		l.Packets.Unsent++
		return
	}
	l.Packets.Sent++
}

// Receive takes up at most so many of the packets that wait, and then
// acknowledges what needs it. It tells how many there were.
func (l *Link) Receive(most int) int {
	n := 0
	for ; n < most; n++ {
		size, errno := l.tun.Read(l.in)
		if errno == sys.EINTR {
			continue
		}
		if errno != 0 || size < sys.TunHeader {
			break
		}
		l.take(l.in[sys.TunHeader:size], l.in[0]&(sys.TunNeedsChecksum|sys.TunDataValid) != 0)
	}
	l.Flush()
	return n
}

// take is one packet from the device.
func (l *Link) take(b []byte, trusted bool) {
	l.Packets.Received++
	p, err := tcp.Parse(b, trusted)
	switch err {
	case nil:
	case tcp.ErrNotTCP: // the kernel's own, like router solicitations
		l.Packets.Foreign++
		return
	default:
		l.Packets.Damaged++
		return
	}
	if p.Error != tcp.NoError {
		l.takeError(p)
		return
	}
	if slot := l.tuples.slot(p.Dst, p.Src); slot >= 0 {
		l.Input(slot, p.Segment)
	} else {
		l.Packets.Foreign++
	}
}

// takeError is an ICMP error about a packet of ours.
func (l *Link) takeError(p tcp.Packet) {
	slot := l.tuples.slot(p.Src, p.Dst)
	switch {
	case slot < 0:
		l.Packets.Foreign++
	case p.Error == tcp.PacketTooBig:
		l.TooBig(slot, p.Segment.Seq, uint32(max(0, tcp.MSS(p.MTU, l.cfg.Host.Is6()))))
	default:
		l.Unreachable(slot, p.Segment.Seq)
	}
}

// Close removes the device and its route. Connections that are still open stay
// behind at the server until its keepalive finds them: Abort or Close each
// before, and let what is under way be answered.
func (l *Link) Close() {
	l.tun.Close()
	sys.Free(l.mem)
}

// String says what the link is, for messages.
func (l *Link) String() string { return fmt.Sprintf("%s (%s)", l.Device(), l.cfg.Prefix) }
