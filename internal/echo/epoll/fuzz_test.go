package epoll

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// FuzzConn has a peer write, read, end its half and vanish in any order and in
// parts of any size, while the loop reads by as little as it likes and is told of
// readiness that is there and of readiness that is not. Whatever comes back is what
// was sent, in order; and once the peer has ended its half and reads on, all of it
// has come back. The first byte says what is spoken, see newGame.
func FuzzConn(f *testing.F) {
	for _, mode := range []byte{0, overWS, overTLS, overWS | overTLS, small, 1 * bufferUnit, small | 4*bufferUnit,
		overTLS | small | 3*bufferUnit, overWS | overTLS | 4*bufferUnit} {
		f.Add([]byte{mode, 10, 200, 20, 30, 10, 40, 20, 50, 60})
		f.Add([]byte{mode, 10, 255, 10, 255, 30, 20, 255, 20, 30, 40, 10, 1, 20, 60, 50})
		f.Add([]byte{mode, 10, 255, 70, 31, 10, 255, 30, 70, 4, 20, 255, 50, 150, 30, 1})
		f.Add([]byte{mode, 10, 3, 30, 10, 90, 30, 80, 30})
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) < 2 {
			return
		}
		g := newGame(t, in[0])
		g.begin(t, in[1:])
		g.play(t, in[1:])
		g.finish(t)
	})
}

// What the first byte of a game says.
const (
	overWS     = 1 << iota // WebSocket; else TCP
	overTLS                // inside TLS
	small                  // little output may wait for a peer, so there is back-pressure
	bufferUnit             // the bits from this one on say which of buffers the loop reads with
)

// buffers are sizes of a loop's read buffer. With small ones reads are full, and a
// connection's turn ends before all is read.
var buffers = [...]int{readSize, 4000, 1000, 100, 17}

// game is one connection that the fuzzer drives.
type game struct {
	*harness
	pair
	tls   *secure.Conn // the peer's end; nil: no TLS
	sent  []byte       // payload that the peer has written
	queue []byte       // bytes that it has still to write, frames and records included
	back  []byte       // payload that came back
	rest  []byte       // the beginning of a frame that is not all there
	taken int          // bytes that came back, frames and records included
	ended bool         // the peer queues nothing more
	shut  bool         // the peer has ended its half
	eof   bool         // the server has ended its half
	left  bool         // the server was told to close
	gone  bool         // the connection was reset
	read  ws.Reader
}

// newGame makes the connection.
func newGame(t *testing.T, mode byte) *game {
	proto := echo.TCP
	if mode&overWS != 0 {
		proto = echo.WS
	}
	g := &game{harness: newHarness(t, proto, func(cfg *echo.Config) {
		if mode&overTLS != 0 {
			cfg.TLS = serverTLS()
		}
		if mode&small != 0 {
			cfg.MaxOutbound = 1000
		}
	})}
	if mode&overTLS != 0 {
		g.tls = secure.Client(clientTLS)
	}
	g.pair = g.fds[0]
	g.buf = g.buf[:buffers[int(mode/bufferUnit)%len(buffers)]]
	return g
}

// begin does the handshakes, over sockets that take little at a time.
func (g *game) begin(t *testing.T, parts []byte) {
	g.shrink(t)
	if g.tls != nil {
		g.agree(t, parts)
	}
	if g.proto() == echo.WS {
		g.tell(t, []byte(request))
		g.await(t, "the answer to the request", func() bool { return bytes.HasSuffix(g.rest, []byte("\r\n\r\n")) })
		g.rest = nil
		return
	}
	g.say(t, 1)
	g.await(t, "the first echo", func() bool { return len(g.back) == 1 })
}

// await has both ends go on until cond.
func (g *game) await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	g.until(t, what, func() bool {
		g.write(t, 1000)
		g.turn(t)
		g.take(t, 1000)
		return cond()
	})
}

// until repeats step until it is true. A handshake of TLS has goroutines, which want a
// processor too.
func (g *game) until(t *testing.T, what string, step func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for i := 0; !step(); i++ {
		if i > 100 {
			time.Sleep(50 * time.Microsecond)
		}
		if time.Now().After(end) {
			t.Fatalf("waited for a minute: %s", what)
		}
	}
}

func (g *game) proto() string { return g.eng.core.Ports[0].Proto }

// play makes the fuzzer's moves, of two bytes each: what the peer does, and how much.
func (g *game) play(t *testing.T, moves []byte) {
	for ; len(moves) >= 2 && !g.gone && !g.eof; moves = moves[2:] {
		n := int(moves[1])
		switch moves[0] / 10 {
		case 0, 1:
			g.say(t, n*97)
			g.write(t, n*61+1)
		case 2:
			g.take(t, n*83+1)
		case 3:
			g.turn(t)
		case 4:
			g.write(t, n+1)
		case 5:
			if n > 128 {
				g.bye(t, n > 192)
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
				g.beginClose(g.own, c, echo.NoCause)
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
func (g *game) say(t *testing.T, n int) {
	if g.ended {
		return
	}
	from := len(g.sent)
	for i := range n {
		g.sent = append(g.sent, byte((from+i)*7+(from+i)>>8))
	}
	msg := g.sent[from:]
	if g.proto() == echo.WS {
		msg = ws.AppendFrame(nil, ws.OpBinary, msg, uint32(from))
	}
	g.tell(t, msg)
}

// tell queues bytes for the peer to write, encrypted where there is TLS.
func (g *game) tell(t *testing.T, p []byte) {
	if g.tls == nil {
		g.queue = append(g.queue, p...)
		return
	}
	if err := g.tls.Write(p); err != nil {
		t.Fatal(err)
	}
	g.queue = g.tls.Out(g.queue)
}

// bye has the peer end its half once its queue is written; politely, over TLS, with a
// close_notify before.
func (g *game) bye(t *testing.T, politely bool) {
	if g.tls != nil && politely && !g.ended {
		if err := g.tls.Shutdown(); err != nil {
			t.Fatal(err)
		}
		g.queue = g.tls.Out(g.queue)
	}
	g.ended = true
	g.write(t, 0)
}

// write writes up to n bytes of the queue.
func (g *game) write(t *testing.T, n int) {
	if g.ended && !g.shut && len(g.queue) == 0 {
		g.shut = true
		sys.ShutdownWrite(g.peer)
	}
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
	g.taken += k
	g.decrypt(t, buf[:k])
}

// decrypt passes what came back to hear, decrypted where there is TLS.
func (g *game) decrypt(t *testing.T, p []byte) {
	if g.tls == nil {
		g.hear(t, p)
		return
	}
	g.tls.Feed(p)
	for plain := make([]byte, secure.MaxPlaintext); ; {
		n, err := g.tls.Read(plain)
		g.hear(t, plain[:n])
		switch err {
		case nil:
		case secure.ErrWait, io.EOF:
			return
		default:
			t.Fatal(err)
		}
	}
}

// hear collects the payload of what the server has sent. Until a WebSocket's first
// message that is the answer to its request.
func (g *game) hear(t *testing.T, p []byte) {
	if g.proto() == echo.TCP {
		g.back = append(g.back, p...)
		g.compare(t)
		return
	}
	g.rest = append(g.rest, p...)
	for len(g.sent) > 0 || g.left {
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

// finish lets the peer write all, end its half and read on. A record, or a frame that
// is waited for, comes back after as many turns as reading it takes.
func (g *game) finish(t *testing.T) {
	patience := 100 + 2*(ws.MaxHeld+secure.MaxPlaintext)/(readBurst*len(g.buf))
	for still := 0; !g.gone && !g.eof; still++ {
		if still > patience {
			t.Fatalf("no end: %d of %d bytes are back, %d to be written", len(g.back), len(g.sent), len(g.queue))
		}
		before := g.taken - len(g.queue)
		g.write(t, 1000)
		if len(g.queue) == 0 {
			g.bye(t, false)
		}
		g.turn(t)
		g.take(t, 1000)
		if g.taken-len(g.queue) != before {
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
