package loadgen

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/ws"
)

// pingThread is a thread of WebSocket connections over a wire that a test answers
// for; its clock is moved by hand.
func pingThread(t *testing.T, conns int64, every, timeout time.Duration) (*thread, *wire) {
	t.Helper()
	p := wsPlan(1, conns)
	p.Ping, p.PingTimeout = every, timeout
	one, _ := idleThread(t, p)
	w := &wire{mirror: mirror{t: t, to: one.cs}, frames: map[int64][][]byte{}}
	one.cs.link.stop(false)
	one.cs.link = w
	for slot := range conns {
		one.cs.list[slot].state = open
		one.cs.n[WS].Established++
	}
	one.cs.pings.begin()
	t.Cleanup(one.cs.pings.free)
	return one, w
}

// wire keeps what was sent, by slot.
type wire struct {
	mirror
	frames map[int64][][]byte
	room   int // of the next send; 0: all
}

func (w *wire) send(slot int64, p []byte) int {
	if w.room > 0 {
		return w.room
	}
	w.frames[slot] = append(w.frames[slot], append([]byte(nil), p...))
	return len(p)
}

func (w *wire) close(int64, bool) {}

// payload is that of a masked frame of less than 126 bytes.
func payload(frame []byte) []byte {
	b := append([]byte(nil), frame[6:]...)
	for i := range b {
		b[i] ^= frame[2+i%4]
	}
	return b
}

// pong answers the last ping of a connection.
func (w *wire) pong(slot int64) {
	all := w.frames[slot]
	said := payload(all[len(all)-1])
	w.to.received(slot, append([]byte{0x80 | ws.OpPong, byte(len(said))}, said...))
}

// steps lets time pass in steps of a millisecond.
func steps(one *thread, d time.Duration, then func()) {
	for range d / time.Millisecond {
		one.cs.epoch = one.cs.epoch.Add(-time.Millisecond)
		for one.cs.pings.step() == 0 {
		}
		then()
	}
}

// Each connection is pinged once in an interval, and never many at once; a pong in
// time keeps it, and its round trip is counted.
func TestPingsAreStaggered(t *testing.T) {
	const conns, every = 100, time.Second
	one, w := pingThread(t, conns, every, every)
	began, p := time.Now(), one.cs.pings
	last := int64(0)
	steps(one, 3*every, func() {
		now := time.Duration(one.cs.now()-p.began) * time.Microsecond
		n := one.cs.total().Pings
		if due := p.turns.Before(now); n > due+1 || n < last {
			t.Fatalf("%d pings after %v, want %d", n, now, due)
		}
		last = n
		for slot := range w.frames {
			w.pong(slot)
			delete(w.frames, slot)
		}
	})
	if time.Since(began) > stoppedFor*time.Microsecond/2 {
		t.Skip("the machine stood still, and the thread made nothing up")
	}
	c := one.cs.total()
	if c.Pings < 3*conns-1 || c.Pongs != c.Pings || c.Lost != 0 || one.cs.times[WS].Ping.Count() != c.Pongs {
		t.Errorf("%+v", c)
	}
}

// Without a pong for the timeout a connection is lost, by a cause of its own; a pong
// that nobody asked for, or of an earlier ping, changes nothing.
func TestPingTimeout(t *testing.T) {
	const conns = 10
	for _, timeout := range []time.Duration{200 * time.Millisecond, time.Second} {
		one, w := pingThread(t, conns, time.Second, timeout)
		w.to.received(3, []byte{0x80 | ws.OpPong, 0})
		steps(one, time.Second, func() {
			for slot := range w.frames {
				if slot != 3 && slot != 7 {
					w.pong(slot)
					delete(w.frames, slot)
				}
			}
		})
		steps(one, timeout+100*time.Millisecond, func() {
			w.to.received(7, []byte{0x80 | ws.OpPong, 4, 1, 2, 3, 4})
			for slot := range w.frames {
				if slot != 3 && slot != 7 {
					w.pong(slot)
					delete(w.frames, slot)
				}
			}
		})
		if c := one.cs.total(); c.Lost != 2 || one.cs.errs[WS][pingTimeout] != 2 || one.cs.list[3].state != closed ||
			one.cs.list[7].state != closed {
			t.Errorf("timeout %v: %+v, %v", timeout, c, one.cs.errs[WS])
		}
	}
}

// After a stop of the process nothing is made up for, and pongs that lay unread
// meanwhile are no timeouts.
func TestPingsAfterAStop(t *testing.T) {
	const conns, every = 100, time.Second
	one, w := pingThread(t, conns, every, every/2)
	steps(one, every, func() {})
	sent := one.cs.total().Pings
	lost := one.cs.total().Lost
	one.cs.epoch = one.cs.epoch.Add(-time.Minute)
	for one.cs.pings.step() == 0 {
	}
	if c := one.cs.total(); c.Pings > sent+conns/2 || c.Lost != lost {
		t.Errorf("after a stop of a minute %+v, before %d pings and %d lost", c, sent, lost)
	}
	for slot := range w.frames {
		if one.cs.list[slot].state == open {
			w.pong(slot)
		}
	}
	if c := one.cs.total(); c.Pongs == 0 || c.Lost != lost {
		t.Errorf("pongs that came late are not taken: %+v", c)
	}
}

// A connection in the middle of a frame is not idle and is not pinged; a ping that is
// written in part leaves nothing that could follow.
func TestPingBetweenFrames(t *testing.T) {
	one, w := pingThread(t, 2, time.Second, time.Second)
	one.cs.msgs.begin(64, 64, 1)
	one.cs.list[0].busy = true
	one.cs.talks[0] = talk{seq: 1, sent: 5}
	w.room = 3
	steps(one, time.Second, func() {})
	if c := one.cs.total(); c.Pings != 1 || c.Lost != 1 || one.cs.list[0].state != open ||
		one.cs.errs[WS][writeOther] != 1 {
		t.Errorf("%+v, %v", c, one.cs.errs[WS])
	}
}

// A run without pings has nothing of theirs.
func TestNoPings(t *testing.T) {
	for _, p := range []plan.Plan{wsPlan(1, 10), testPlan(1, 10, 1)} {
		one, _ := idleThread(t, p)
		if one.cs.pings != nil || one.cs.pings.step() != -1 {
			t.Error("there are pings")
		}
	}
}

// A server that never answers pings loses those connections alone; one that does
// keeps all, whatever else they do.
func TestPingsOverSockets(t *testing.T) {
	deaf := wsServer(t, true, func(p *peer) { _, _ = io.Copy(io.Discard, p.in) })
	p := wsPlan(deaf, 20)
	p.Ping, p.PingTimeout = 100*time.Millisecond, 100*time.Millisecond
	e, err := Start(p, 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	for end := time.Now().Add(time.Minute); e.Counts().Open() > 0 &&
		time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	tally, err := e.Stop()
	if err != nil || tally.Errors["ping_timeout"] != 20 || tally.Pongs != 0 {
		t.Errorf("%+v, %v, %v", tally.Counts, tally.Errors, err)
	}
}
