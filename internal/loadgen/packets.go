package loadgen

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/packets"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tcp"
)

const (
	// packetBatch is how many packets one poll handles at most, so that commands have
	// their turn.
	packetBatch = 512
	// sweepTimers is how often timers are checked, and how long a poll waits at most
	// while anything is under way.
	sweepTimers = 10 * time.Millisecond
	// lastAnswers is how long stop waits for the peers to acknowledge our FINs.
	lastAnswers = 3 * time.Second
)

// packetTransport is the transport without sockets: a TUN device, and our own
// TCP over it.
type packetTransport struct {
	cfg    packets.Config
	link   *packets.Link
	to     receiver
	ep     sys.Epoll
	events []sys.Event
	epoch  time.Time
	swept  time.Duration
	short  bool // some send was partial
	waits  int64
}

func newPackets(s *shared, part plan.Plan) *packetTransport {
	return &packetTransport{cfg: packets.Config{Plan: part, Secret: s.secret}, events: make([]sys.Event, 2),
		epoch: time.Now()}
}

func (p *packetTransport) start(wakes []int, to receiver) (err error) {
	p.to, p.cfg.Events = to, p
	if p.link, err = packets.New(p.cfg); err != nil {
		return err
	}
	if p.ep, err = sys.NewEpoll(); err != nil {
		return fmt.Errorf("create epoll fd: %w", err)
	}
	for _, wake := range wakes {
		if errno := p.ep.Add(wake, sys.EpollIn|sys.EpollET, wakeSlot, 0); errno != 0 {
			return fmt.Errorf("watch wake-up eventfd: epoll_ctl: %w", errno)
		}
	}
	if errno := p.ep.Add(p.link.FD(), sys.EpollIn, 0, 0); errno != 0 {
		return fmt.Errorf("watch device %v: epoll_ctl: %w", p.link, errno)
	}
	p.sweep()
	return nil
}

func (p *packetTransport) open(slot int64) cause {
	p.link.Open(int(slot))
	return noCause
}

func (p *packetTransport) send(slot int64, b []byte) int {
	n := p.link.Write(int(slot), b)
	if n < len(b) {
		p.short = true
	}
	return n
}

// noDelay does nothing: data is always sent at once.
func (p *packetTransport) noDelay(int64) {}

func (p *packetTransport) close(slot int64, reset bool) {
	if reset {
		p.link.Abort(int(slot))
	} else {
		p.link.Stack.Close(int(slot))
	}
}

func (p *packetTransport) calls() int64 {
	if p.link == nil {
		return 0
	}
	return p.waits + p.link.Packets.Sent + p.link.Packets.Received
}

func (p *packetTransport) poll(timeout int) error {
	got := p.link.Receive(packetBatch)
	if got == 0 && timeout != 0 {
		wait := time.Duration(timeout) * time.Microsecond
		if p.link.UnderWay() > 0 && (wait < 0 || wait > sweepTimers) {
			wait = sweepTimers
		}
		p.waits++
		if _, err := p.ep.Wait(p.events, wait); err != nil {
			return err
		}
		p.link.Receive(packetBatch)
	}
	if time.Since(p.epoch)-p.swept >= sweepTimers {
		p.sweep()
	}
	return nil
}

// sweep runs the timers.
func (p *packetTransport) sweep() {
	p.swept = time.Since(p.epoch)
	p.link.Sweep(uint32(p.swept / time.Millisecond))
}

// stop resets open connections, so that the server keeps nothing, and waits for
// the answers to FINs that were sent. Only then is the device closed: the kernel
// has processed everything written to it.
func (p *packetTransport) stop(bool) {
	if p.link == nil {
		return
	}
	for slot := range int(p.cfg.Plan.Conns) {
		switch p.link.State(slot) {
		case tcp.SynSent, tcp.SynReceived, tcp.Established, tcp.CloseWait:
			p.link.Abort(slot)
		}
	}
	for end := time.Now().Add(lastAnswers); p.link.UnderWay() > 0 && time.Now().Before(end); p.sweep() {
		if p.link.Receive(packetBatch) == 0 {
			_, _ = p.ep.Wait(p.events, sweepTimers)
		}
	}
	for slot := range int(p.cfg.Plan.Conns) {
		p.link.Abort(slot)
	}
	p.ep.Close()
	p.link.Close()
}

// empty implements ownTCP, as does counted.
func (p *packetTransport) empty() { p.link.Empty() }

func (p *packetTransport) counted() result.Packets {
	if p.link == nil {
		return result.Packets{}
	}
	l, s := &p.link.Packets, &p.link.Counts
	return result.Packets{Sent: l.Sent, Received: l.Received, Repeated: s.Repeated, Probes: s.Probes,
		Duplicates: s.Duplicates, Gaps: s.Gaps, Challenged: s.Challenges, Stray: s.Strange, Foreign: l.Foreign,
		Damaged: l.Damaged, Unanswered: s.Withheld, Refused: l.Unsent}
}

// Established implements tcp.Events, as do the others.
func (p *packetTransport) Established(slot int) { p.to.connected(int64(slot)) }

// Data of a connection that the engine has closed is dropped.
func (p *packetTransport) Data(slot int, b []byte) {
	if p.link.Sends(slot) {
		p.to.received(int64(slot), b)
	}
}

// Acked means room, which matters only after a partial send.
func (p *packetTransport) Acked(slot int, _ uint32) {
	if p.short && p.link.Sends(slot) {
		p.to.writable(int64(slot))
	}
}

// End is answered with our own FIN.
func (p *packetTransport) End(slot int) {
	if p.link.Sends(slot) {
		p.link.Stack.Close(slot)
		p.to.ended(int64(slot), readClosed)
	}
}

// Closed of a connection that one side has ended before is ignored.
func (p *packetTransport) Closed(slot int, why tcp.Cause, was tcp.State) {
	switch was {
	case tcp.SynSent, tcp.SynReceived:
		p.to.ended(int64(slot), packetConnectCause(why))
	case tcp.Established:
		p.to.ended(int64(slot), packetReadCause(why))
	}
}

// packetConnectCause maps why a connect failed.
func packetConnectCause(why tcp.Cause) cause {
	switch why {
	case tcp.Refused:
		return connectRefused
	case tcp.Unreachable:
		return connectUnreachable
	case tcp.TimedOut:
		return connectTimeout
	case tcp.Reset:
		return connectReset
	}
	return connectOther
}

// packetReadCause maps why an established connection ended.
func packetReadCause(why tcp.Cause) cause {
	switch why {
	case tcp.Reset:
		return readReset
	case tcp.TimedOut:
		return readTimeout
	case tcp.Finished:
		return readClosed
	}
	return readOther
}
