package loadgen

import (
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// closeWait is how long a server may take to answer a WebSocket close frame.
const closeWait = 5 * time.Second

// closeSome ends some of the connections and returns how long to wait for the
// answers to close frames, in microseconds.
func (l *loop) closeSome() int {
	for i := 0; i < workBurst && l.next > 0 && l.pending < l.plan.Window; l.next-- {
		if l.shared.leave.Load() {
			break
		}
		c := &l.conns[l.next-1]
		if c.state != open {
			continue
		}
		l.closeOne(l.next-1, c)
		i++
	}
	switch {
	case l.shared.leave.Load(), l.next == 0 && l.pending == 0:
		l.finish()
		return 0
	case l.next > 0 && l.pending < l.plan.Window:
		return 0
	}
	l.closeOverdue()
	return 10_000
}

// closeOne ends one connection the way the plan says.
func (l *loop) closeOne(slot int64, c *conn) {
	if l.plan.Close == plan.CloseRST {
		sys.Reset(int(c.fd))
	} else if l.isWS(slot) && l.sendClose(slot, c, ws.CodeNormal) {
		c.state, c.t = closing, l.micros()
		l.pending++
		return
	}
	l.forget(slot)
	l.closed(slot, c)
}

// sendClose begins the close handshake, RFC 6455 section 7.1.2. It tells
// whether an answer is to be waited for: not if we are in the middle of a frame
// that the server never took, nor if the socket is full. With ws.CodeNone the
// frame is empty.
func (l *loop) sendClose(slot int64, c *conn, code uint16) bool {
	if c.sent > 0 && !l.written(slot, c) {
		return false
	}
	payload := []byte{byte(code >> 8), byte(code)}
	if code == ws.CodeNone {
		payload = nil
	}
	frame := ws.AppendFrame(l.out[:0], ws.OpClose, payload, l.maskKey(0, uint32(c.fd)))
	n, errno := sys.Send(int(c.fd), frame)
	return errno == 0 && n == len(frame)
}

// closeDone is the end of a close handshake.
func (l *loop) closeDone(slot int64, c *conn) {
	l.pending--
	l.forget(slot)
	l.closed(slot, c)
}

// closed gives a connection up.
func (l *loop) closed(slot int64, c *conn) {
	sys.Close(int(c.fd))
	c.state = unused
	c.gen++
	l.count(slot).Closed++
	if l.churn != nil {
		l.release(slot)
	}
}

// closeOverdue ends the connections whose server does not answer.
func (l *loop) closeOverdue() {
	now := l.micros()
	if now-l.swept < sweepEvery {
		return
	}
	l.swept = now
	for slot := range l.conns {
		if c := &l.conns[slot]; c.state == closing && now-c.t >= uint32(closeWait/time.Microsecond) {
			l.blame(int64(slot), closeTimeout, 1)
			l.closeDone(int64(slot), c)
		}
	}
}
