package epoll

import (
	"bytes"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// FuzzConn has a peer write, read, end its half and vanish in any order and in
// parts of any size, while the loop is told of readiness that is there and of
// readiness that is not. Whatever comes back is what was sent, in order; and once
// the peer has ended its half and reads on, all of it has come back.
func FuzzConn(f *testing.F) {
	f.Add([]byte{0, 10, 200, 20, 30, 10, 40, 20, 50, 60})
	f.Add([]byte{1, 10, 255, 10, 255, 30, 20, 255, 20, 30, 40, 10, 1, 20, 60, 50})
	f.Add([]byte{0, 10, 255, 70, 31, 10, 255, 30, 70, 4, 20, 255, 50, 30})
	f.Add([]byte{1, 10, 3, 30, 10, 90, 30, 80, 30})
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		proto := []string{echo.TCP, echo.WS}[in[0]%2]
		g := &game{harness: newHarness(t, proto), pair: pair{}}
		g.pair = g.fds[0]
		g.upgrade(t, g.harness)
		g.shrink(t)
		g.play(t, in[1:])
		g.finish(t)
	})
}

// game is one connection that the fuzzer drives.
type game struct {
	*harness
	pair
	sent  []byte // what the peer wrote, payload
	queue []byte // what it has still to write, as it goes over the wire
	back  []byte // what came back, payload
	rest  []byte // of a frame that is not all there
	ended bool   // the peer has ended its half
	eof   bool   // the server has
	left  bool   // it was asked to
	gone  bool   // reset
	read  ws.Reader
}

// play makes the fuzzer's moves, of two bytes each: what the peer does, and how much.
func (g *game) play(t *testing.T, moves []byte) {
	for ; len(moves) >= 2 && !g.gone && !g.eof; moves = moves[2:] {
		n := int(moves[1])
		switch moves[0] / 10 {
		case 0, 1:
			g.say(n * 97)
			g.write(t, n*61+1)
		case 2:
			g.take(t, n*83+1)
		case 3:
			g.turn(t)
		case 4:
			g.write(t, n+1)
		case 5:
			if len(g.queue) == 0 && n > 128 {
				g.ended = true
				sys.ShutdownWrite(g.peer)
			}
		case 6:
			g.core.Tick()
		case 7: // readiness that may not be there
			if c := g.conn(); c != nil {
				g.handle(g.own, c, uint32(n)&(sys.EpollIn|sys.EpollOut|sys.EpollRdHup|gone))
			}
		case 8:
			if c := g.conn(); c != nil && n > 250 {
				g.left = true
				g.bid(g.own, c, echo.NoCause)
			}
		case 9: // another one comes and goes
			p := g.connect(t)
			sys.Close(p.peer)
			g.fds = g.fds[:1]
			g.turn(t)
		}
	}
}

// conn is the loop's record, nil once it has closed it.
func (g *game) conn() *conn {
	if c := &g.table.conns[g.own]; c.ofLane(0) && g.open.Load() > 0 {
		return c
	}
	return nil
}

// say queues a message of n bytes for the peer to write.
func (g *game) say(n int) {
	if g.ended {
		return
	}
	from := len(g.sent)
	for i := range n {
		g.sent = append(g.sent, byte((from+i)*7+(from+i)>>8))
	}
	if msg := g.sent[from:]; g.eng.core.Ports[0].Proto == echo.WS {
		g.queue = ws.AppendFrame(g.queue, ws.OpBinary, msg, uint32(from))
	} else {
		g.queue = append(g.queue, msg...)
	}
}

// write writes up to n bytes of the queue.
func (g *game) write(t *testing.T, n int) {
	if n = min(n, len(g.queue)); n == 0 {
		return
	}
	k, errno := sys.Send(g.peer, g.queue[:n])
	switch errno {
	case 0, sys.EAGAIN:
		g.queue = g.queue[k:]
	case sys.EPIPE, sys.ECONNRESET:
		g.gone = true
	default:
		t.Fatal(errno)
	}
}

// take reads up to n bytes.
func (g *game) take(t *testing.T, n int) {
	buf := make([]byte, n)
	k, errno := sys.Read(g.peer, buf)
	switch {
	case errno == sys.EAGAIN:
		return
	case errno == sys.ECONNRESET:
		g.gone = true
		return
	case errno != 0:
		t.Fatal(errno)
	case k == 0:
		g.eof = true
		return
	}
	if g.eng.core.Ports[0].Proto == echo.TCP {
		g.back = append(g.back, buf[:k]...)
		g.compare(t)
		return
	}
	for g.rest = append(g.rest, buf[:k]...); ; {
		ev, n := g.read.Next(g.rest)
		if ev.Kind == ws.Data {
			g.back = append(g.back, ev.Payload...)
		}
		if ev.Kind == ws.Error || ev.Kind == ws.Closed && !g.left {
			t.Fatalf("event %+v", ev)
		}
		g.rest = g.rest[n:]
		if n == 0 {
			break
		}
	}
	g.compare(t)
}

func (g *game) compare(t *testing.T) {
	if !bytes.HasPrefix(g.sent, g.back) {
		t.Fatalf("%d bytes came back that were not sent so", len(g.back))
	}
}

// finish lets the peer write all, end its half and read on.
func (g *game) finish(t *testing.T) {
	for still := 0; !g.gone && !g.eof; still++ {
		if still > 100 {
			t.Fatalf("no end: %d of %d bytes are back, %d to be written", len(g.back), len(g.sent), len(g.queue))
		}
		before := len(g.back) - len(g.queue)
		g.write(t, 1000)
		if len(g.queue) == 0 && !g.ended {
			g.ended = true
			sys.ShutdownWrite(g.peer)
		}
		g.turn(t)
		g.take(t, 1000)
		if len(g.back)-len(g.queue) != before {
			still = 0
		}
	}
	if !g.left && (g.gone || len(g.back) != len(g.sent)) {
		t.Fatalf("%d of %d bytes came back; reset: %v", len(g.back), len(g.sent), g.gone)
	}
	if n := g.ctr.Open.Load(); !g.gone && n != 0 {
		t.Fatalf("%d connections are still open", n)
	}
	if n := g.ctr.Buffered.Load(); !g.gone && n != 0 {
		t.Fatalf("%d bytes are still kept", n)
	}
}
