package packets

import (
	"fmt"
	"net/netip"
	"unsafe"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tcp"
)

// DeviceName begins the names of our devices: c10m0, c10m1, ...
const DeviceName = "c10m"

// queue is the length of the device's transmit queue, in packets: it holds the answers
// that come while the thread is busy with something else.
const queue = 50_000

// readBuffer takes any packet: no MTU is larger than an IP packet.
const readBuffer = 65535

// sendBuffer is how many unacknowledged bytes a connection may have.
const sendBuffer = 256 << 10

// Config is one thread's part of a run.
type Config struct {
	Plan   plan.Plan  // this part; no other Link may use its Packets.Prefix
	Secret tcp.Secret // of the run, for initial sequence numbers
	Events tcp.Events
}

// Counts is what a Link counted beside its Stack.
type Counts struct {
	Sent, Received int64 // packets
	Unsent         int64 // packets that write(2) on the device refused; TCP repeats them like lost ones
	Foreign        int64 // TCP packets of other addresses, or of no slot
	Other          int64 // packets of another protocol: most are the kernel's own, like router solicitations
	Damaged        int64 // packets that are cut short or have a wrong checksum
}

// Link is a TUN device and the connections behind it. It is for one thread.
type Link struct {
	*tcp.Stack
	Packets Counts

	cfg    Config
	tun    *sys.Tun
	tuples *tuples
	mem    []byte
	unsent []unacked // by tcp.Stack.Flight: what may have to be sent again
	in     []byte
	out    []byte
	again  map[int]uint32 // how often each slot has been opened again
	rounds uint32         // how often all connections were forgotten
}

// unacked is what a connection has sent and the server has not acknowledged, and perhaps
// some bytes before that.
type unacked struct {
	offset uint32 // of its first byte in the stream
	bytes  []byte
}

// New makes the device, sets it up and routes the prefix to it.
func New(cfg Config) (*Link, error) {
	t, err := newTuples(cfg.Plan)
	if err != nil {
		return nil, err
	}
	l := &Link{cfg: cfg, tuples: t, in: make([]byte, sys.TunHeader+readBuffer),
		out: make([]byte, sys.TunHeader+tcp.MaxHeader+readBuffer)}
	if l.tun, err = sys.NewTun(DeviceName); err != nil {
		return nil, err
	}
	if err := l.setUp(); err != nil {
		l.tun.Close()
		return nil, err
	}
	// Outside the Go heap: there it would let as much garbage again gather before the next
	// collection (GOGC).
	if l.mem, err = sys.Alloc(max(1, int(cfg.Plan.Conns)) * int(unsafe.Sizeof(tcp.Conn{}))); err != nil {
		l.tun.Close()
		return nil, err
	}
	conns := unsafe.Slice((*tcp.Conn)(unsafe.Pointer(unsafe.SliceData(l.mem))), cfg.Plan.Conns)
	l.Stack = tcp.New(tcp.Config{Output: l, Events: cfg.Events, ISN: l.isn,
		MSS: uint16(tcp.MSS(cfg.Plan.Packets.MTU, cfg.Plan.Host().Is6()))}, conns)
	l.header()
	return l, nil
}

func (l *Link) setUp() error {
	if err := l.tun.Up(l.cfg.Plan.Packets.MTU, queue, l.cfg.Plan.Packets.Prefix); err != nil {
		return err
	}
	if l.cfg.Plan.Host().Is4() && l.cfg.Plan.Host().IsLoopback() {
		return l.tun.TakeLoopback()
	}
	return nil
}

// header writes the part of struct virtio_net_hdr (linux/virtio_net.h) that is the same
// for every packet: that the kernel is to fill in the TCP checksum.
func (l *Link) header() {
	start := byte(tcp.Start([]byte{4 << 4}))
	if l.cfg.Plan.Host().Is6() {
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
	return l.cfg.Secret.ISN(l.cfg.Plan.Offset+int64(slot), l.rounds<<16+generation)
}

// Open begins the connection of a slot, and resets the one before, if that is still
// open. Each time it takes another initial sequence number, because the server may
// remember the connection before.
func (l *Link) Open(slot int) {
	l.Abort(slot)
	if l.Used(slot) {
		if l.again == nil {
			l.again = map[int]uint32{}
		}
		l.again[slot]++
	}
	l.Stack.Open(slot)
}

// Write sends bytes and returns how many it took. They are copied and kept until the
// server acknowledges them; above sendBuffer it takes fewer than all, and
// tcp.Events.Acked tells when there is room again.
func (l *Link) Write(slot int, p []byte) int {
	if !l.Sends(slot) {
		return 0
	}
	waits := l.Unacked(slot)
	n := min(len(p), sendBuffer-int(waits))
	if n <= 0 {
		return 0
	}
	flight := l.Flight(slot)
	for len(l.unsent) <= flight {
		l.unsent = append(l.unsent, unacked{})
	}
	u, offset := &l.unsent[flight], l.Offset(slot)
	if waits == 0 {
		u.bytes = u.bytes[:0]
	} else {
		u.bytes = u.bytes[:copy(u.bytes, u.bytes[offset-u.offset:])]
	}
	u.offset = offset
	u.bytes = append(u.bytes, p[:n]...)
	l.Send(slot, uint32(n))
	return n
}

// Sweep is tcp.Stack.Sweep, and releases the buffers of a burst once nothing is
// unacknowledged any more.
func (l *Link) Sweep(now uint32) {
	l.Stack.Sweep(now)
	if l.UnderWay() == 0 && len(l.unsent) > 1024 {
		l.unsent = nil
	}
}

// Empty forgets all connections and gives their memory back, if all are closed.
func (l *Link) Empty() {
	if l.UnderWay() > 0 {
		return
	}
	for slot := range int(l.cfg.Plan.Conns) {
		if l.State(slot) != tcp.Closed {
			return
		}
	}
	sys.Clear(l.mem)
	l.again, l.rounds = nil, l.rounds+1
}

// Source is the source address of a slot's connection.
func (l *Link) Source(slot int) netip.Addr {
	src, _ := l.tuples.of(slot)
	return src.Addr()
}

// Device is the name of the TUN device.
func (l *Link) Device() string { return l.tun.Name() }

// FD is the device's file descriptor; it is readable when a packet waits.
func (l *Link) FD() int { return l.tun.FD() }

// Transmit implements tcp.Output.
func (l *Link) Transmit(slot int, o tcp.Out) {
	src, dst := l.tuples.of(slot)
	b := tcp.AppendPacket(l.out[:sys.TunHeader], src, dst, o)
	if o.Len > 0 {
		n := len(b)
		b = b[:n+o.Len]
		u := &l.unsent[l.Flight(slot)]
		copy(b[n:], u.bytes[o.Offset-u.offset:])
	}
	if l.tun.Write(b) != 0 {
		l.Packets.Unsent++
		return
	}
	l.Packets.Sent++
}

// Receive handles at most most waiting packets, and then sends the acknowledgements that
// are due. It returns how many packets there were.
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

// take handles one packet from the device. trusted: the kernel has vouched for its
// checksum.
func (l *Link) take(b []byte, trusted bool) {
	l.Packets.Received++
	p, err := tcp.Parse(b, trusted)
	switch err {
	case nil:
	case tcp.ErrNotTCP:
		l.Packets.Other++
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

// takeError handles an ICMP error about a packet of ours.
func (l *Link) takeError(p tcp.Packet) {
	slot := l.tuples.slot(p.Src, p.Dst)
	switch {
	case slot < 0:
		l.Packets.Foreign++
	case p.Error == tcp.PacketTooBig:
		l.TooBig(slot, p.Segment.Seq, uint32(max(0, tcp.MSS(p.MTU, l.cfg.Plan.Host().Is6()))))
	default:
		l.Unreachable(slot, p.Segment.Seq)
	}
}

// Close removes the device and its route. The server keeps connections that are still
// open until its keepalive finds that they are gone: so the owner first ends each by
// tcp.Stack's Abort or Close, and waits for the answers.
func (l *Link) Close() {
	l.tun.Close()
	sys.Free(l.mem)
}

// String names the link in messages, by its device and prefix.
func (l *Link) String() string { return fmt.Sprintf("%s (%s)", l.Device(), l.cfg.Plan.Packets.Prefix) }
