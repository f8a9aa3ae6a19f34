package echo

import (
	"bytes"
	"testing"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/ws"
)

// A TCP connection has no session while its echoes are taken.
func TestPlain(t *testing.T) {
	b := newBench(t, Config{}).open(tcpPort)
	if next := b.in([]byte("hello")); next != Read || b.s != nil || string(b.out) != "hello" {
		t.Errorf("%v, session %v, %q", next, b.s, b.out)
	}
	if next := b.eof(); next != Close {
		t.Errorf("end: %v", next)
	}
	b.Gone(b.fd, b.port, b.s)
	m, n := b.ctr.Messages()
	if m != 1 || n != 5 || b.ctr.Open.Load() != 0 || b.ctr.Closed.Load() != 1 || b.ctr.PortOpen[tcpPort].Load() != 0 {
		t.Errorf("counted %d, %d bytes, %d open", m, n, b.ctr.Open.Load())
	}
	b.broken = true
	if next := b.open(tcpPort).in([]byte("x")); next != Abort {
		t.Errorf("a broken connection: %v", next)
	}
}

func TestEOT(t *testing.T) {
	for _, tt := range []struct {
		room int
		want []Next // after the input, and after the rest was taken
	}{{100, []Next{Close}}, {2, []Next{Write, Close}}} {
		b := newBench(t, Config{CloseOnEOT: true}).open(tcpPort)
		b.room = tt.room
		got := []Next{b.in([]byte("bye\x04"))}
		if len(tt.want) > 1 {
			got = append(got, b.took(100))
		}
		for i := range tt.want {
			if got[i] != tt.want[i] || string(b.out) != "bye\x04" {
				t.Errorf("room %d: %v, want %v; %q", tt.room, got, tt.want, b.out)
			}
		}
	}
}

// What is not taken waits; above the bound nothing is read until half of it is
// taken, and when all is, no session is left. All comes in order.
func TestBackPressure(t *testing.T) {
	b := newBench(t, Config{MaxOutbound: 100_000}).open(tcpPort)
	b.room = 10_000
	var want []byte
	step := func(name string, got, want Next) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v, %d wait", name, got, want, b.s.Waiting())
		}
	}
	send := func(n int) Next {
		p := bytes.Repeat([]byte{byte(len(want) >> 12)}, n)
		want = append(want, p...)
		return b.in(p)
	}
	step("a part is taken", send(50_000), ReadWrite)
	step("more than the bound", send(65_000), Write)
	step("not half yet", b.took(40_000), Write)
	step("half of it", b.took(20_000), ReadWrite)
	step("a little more", send(5000), ReadWrite)
	step("all", b.took(1<<20), Read)
	if b.s != nil || !bytes.Equal(b.out, want) || b.ctr.Buffered.Load() != 0 {
		t.Errorf("session %v, %d of %d bytes, %d still charged", b.s, len(b.out), len(want), b.ctr.Buffered.Load())
	}
}

// A peer that ends its half gets what waits for it, then the end.
func TestHalfClosed(t *testing.T) {
	b := newBench(t, Config{}).open(tcpPort)
	b.room = 3
	if next := b.in([]byte("whole")); next != ReadWrite {
		t.Fatal(next)
	}
	if next := b.eof(); next != Write {
		t.Errorf("its end: %v", next)
	}
	if next := b.took(1); next != Write {
		t.Errorf("not all: %v", next)
	}
	if next := b.took(9); next != Close || string(b.out) != "whole" {
		t.Errorf("all: %v, %q", next, b.out)
	}
}

// Who takes nothing for Stall is dropped, who takes a little now and then is not.
func TestStall(t *testing.T) {
	b := newBench(t, Config{Stall: 30 * time.Second}).open(tcpPort)
	b.room = 1
	b.in(make([]byte, 1000))
	for range 5 {
		b.now += 29 * time.Second
		b.Tick()
		b.took(1)
	}
	if len(b.turned) > 0 {
		t.Fatalf("dropped though it takes some: %v", b.turned)
	}
	s := b.s
	b.now += 30 * time.Second
	if b.Tick(); b.turned[s] != Abort || b.ctr.Causes[SlowReader].Load() != 1 || b.ctr.Buffered.Load() != 0 {
		t.Errorf("%v, counted %d", b.turned, b.ctr.Causes[SlowReader].Load())
	}
}

// A peer that takes some of what the socket holds is slow, not stalled, though the
// socket does not say that it has room.
func TestSlowIsNotStalled(t *testing.T) {
	b := newBench(t, Config{Stall: 30 * time.Second}).open(tcpPort)
	b.room, b.unsent = 1, 4<<20
	b.in(make([]byte, 1000))
	for range 100 {
		for range 10 {
			b.now += time.Second
			b.Tick()
		}
		b.unsent -= 1000
	}
	if len(b.turned) > 0 {
		t.Fatalf("dropped though it takes some: %v", b.turned)
	}
	s := b.s
	for range 31 + 31 {
		b.now += time.Second
		b.Tick()
	}
	if b.turned[s] != Abort || b.ctr.Causes[SlowReader].Load() != 1 {
		t.Errorf("%v, counted %d, after it took nothing for two times --stall", b.turned, b.ctr.Causes[SlowReader].Load())
	}
}

// Above the budget the largest and slowest go first, those below the average stay.
func TestShed(t *testing.T) {
	budget := new(Budget)
	budget.Size.Store(1 << 40)
	b := newBench(t, Config{Budget: budget})
	var all []*Session
	for _, n := range []int{300_000, 1000, 500_000, 200_000, 800} {
		b.open(tcpPort).room = 0
		for ; n > 0; n -= 50_000 {
			b.in(make([]byte, min(n, 50_000)))
		}
		all = append(all, b.s)
		b.now += time.Second
	}
	budget.Size.Store(720_000)
	b.Tick()
	if b.turned[all[0]] != Abort || len(b.turned) != 1 || budget.Used.Load() > 760_000 {
		t.Errorf("%d of %d went, %d bytes are kept", len(b.turned), len(all), budget.Used.Load())
	}
	budget.Size.Store(100_000)
	b.Tick()
	if b.turned[all[2]] != Abort || b.turned[all[3]] != Abort || len(b.turned) != 3 ||
		b.ctr.Causes[OverBudget].Load() != 3 {
		t.Errorf("%d went: %v", len(b.turned), b.turned)
	}
	// A loop that keeps less than its share of an overdrawn budget sheds nothing.
	budget.Used.Add(1 << 30)
	if b.Tick(); len(b.turned) != 3 {
		t.Errorf("%d went, though others keep it all", len(b.turned))
	}
}

// Each of many peers has less of what is left, so that dozens who take nothing do
// not use up the budget and none is dropped; with hundreds, each of which may bring
// one read, the largest make room.
func TestDynamicThreshold(t *testing.T) {
	budget := new(Budget)
	budget.Size.Store(64 << 20)
	b := newBench(t, Config{Budget: budget, MaxOutbound: 64 << 20})
	first := 0
	for i := range 100 {
		b.open(tcpPort).room = 0
		for next := ReadWrite; next == ReadWrite; {
			next = b.in(make([]byte, 64<<10))
		}
		if i == 0 {
			first = b.s.Waiting()
		}
		if i < 25 && len(b.turned) > 0 {
			t.Fatalf("%d peers, and one was dropped", i)
		}
	}
	if first < 10<<20 {
		t.Errorf("one alone may have %d bytes waiting", first)
	}
	if used := budget.Used.Load(); used > 64<<20 || len(b.turned) > 20 {
		t.Errorf("%d bytes are kept, %d connections were dropped", used, len(b.turned))
	}
}

// TestIdleIsNothing: a WebSocket connection has a session only while something is
// half done.
func TestIdleIsNothing(t *testing.T) {
	b := newBench(t, Config{}).upgraded()
	own := func(when string, want bool) {
		t.Helper()
		if (b.s != nil) != want || !want && b.ctr.Buffered.Load() != 0 {
			t.Errorf("%s: a session: %v, %d B charged, want %v", when, b.s != nil, b.ctr.Buffered.Load(), want)
		}
	}
	whole := ws.AppendFrame(nil, ws.OpText, []byte("whole"), 9)
	b.in(whole)
	own("after a message", false)
	fragment := ws.AppendFrame(nil, ws.OpText, []byte("frag"), 9)
	fragment[0] &^= 0x80 // not the last
	b.in(fragment)
	own("inside a fragmented message", true)
	b.in(ws.AppendFrame(nil, ws.OpPing, nil, 9))
	own("inside it after a ping", true)
	b.in(ws.AppendFrame(nil, ws.OpContinuation, []byte("ments"), 9))
	own("after a fragmented message", false)
	for cut := 1; cut < len(whole); cut++ {
		b.in(whole[:cut])
		own("inside a frame", true)
		b.in(whole[cut:])
		own("after a frame in two reads", false)
	}
	large := ws.AppendFrame(nil, ws.OpBinary, make([]byte, 100_000), 9)
	for len(large) > 0 {
		n := min(len(large), 30_000)
		b.in(large[:n])
		large = large[n:]
		own("in a streamed frame", len(large) > 0)
	}
	if m, n := b.ctr.Messages(); m != int64(3+len(whole)-1) || n != int64(5*len(whole)+9+100_000) {
		t.Errorf("%d messages of %d bytes", m, n)
	}
}

// RFC 6455 section 7: after our close frame we read on until the peer's, or its
// FIN, or a deadline; only then our half ends. A proxy that still has much to pass
// on to us would otherwise end the connection before the code is through.
func TestCloseWaits(t *testing.T) {
	tooBig := ws.AppendFrame(nil, ws.OpBinary, make([]byte, 90_000), 9)
	answer := ws.AppendFrame(nil, ws.OpClose, []byte("\x03\xf1"), 9)
	start := func(t *testing.T) *bench {
		b := newBench(t, Config{MaxMessage: 1000}).upgraded()
		next := b.in(tooBig[:50_000])
		if next != Read || !bytes.Equal(b.out, closeFrame(1009)) || b.shut || b.ctr.Causes[TooBig].Load() != 1 {
			t.Fatalf("%v, %q, shut down %v", next, b.out, b.shut)
		}
		return b
	}
	t.Run("its close frame", func(t *testing.T) {
		b := start(t)
		if next := b.in(tooBig[50_000:]); next != Read || b.shut {
			t.Fatalf("in the rest of the message: %v, shut down %v", next, b.shut)
		}
		if next := b.in(answer); next != Read || !b.shut {
			t.Errorf("at its close frame: %v, shut down %v", next, b.shut)
		}
		if next := b.eof(); next != Close {
			t.Errorf("at its FIN: %v", next)
		}
	})
	t.Run("its FIN", func(t *testing.T) {
		if next := start(t).eof(); next != Close {
			t.Error(next)
		}
	})
	t.Run("a deadline", func(t *testing.T) {
		b := start(t)
		b.now += closeTime
		if b.Tick(); !b.shut || b.turned[b.s] != Read {
			t.Errorf("shut down %v, %v", b.shut, b.turned)
		}
		b.now += closeTime
		if b.Tick(); b.turned[b.s] != Close {
			t.Errorf("%v", b.turned)
		}
	})
	t.Run("our answer to its close frame", func(t *testing.T) {
		b := newBench(t, Config{}).upgraded()
		next := b.in(ws.AppendFrame(nil, ws.OpClose, []byte("\x03\xe8"), 9))
		if next != Read || !b.shut || !bytes.Equal(b.out, closeFrame(1000)) {
			t.Errorf("%v, shut down %v, %q", next, b.shut, b.out)
		}
	})
}

// The close frame 1001 of a drain or an idle timeout, in whatever state the connection is.
func TestLeave(t *testing.T) {
	message := ws.AppendFrame(nil, ws.OpBinary, make([]byte, 50_000), 9)
	for _, cut := range []int{0, 3, 20_000} {
		b := newBench(t, Config{}).upgraded()
		b.in(message[:cut])
		b.out = b.out[:0]
		var next Next
		b.s, next = b.Leave(b.fd, b.port, b.s, IdleTimeout)
		if next != Read || !bytes.Equal(b.out, closeFrame(1001)) || b.shut || b.ctr.Causes[IdleTimeout].Load() != 1 {
			t.Errorf("%d: %v, %q, shut down %v", cut, next, b.out, b.shut)
		}
		b.s, _ = b.Leave(b.fd, b.port, b.s, IdleTimeout) // it is silent for long again
		if n := b.ctr.Causes[IdleTimeout].Load(); n != 1 {
			t.Errorf("%d: counted %d times", cut, n)
		}
		if b.in(append(append([]byte(nil), message[cut:]...), ws.AppendFrame(nil, ws.OpClose, nil, 9)...)); !b.shut {
			t.Errorf("%d: the peer's close frame was not found", cut)
		}
	}
	b := newBench(t, Config{}).open(tcpPort)
	if _, next := b.Leave(b.fd, b.port, b.s, NoCause); next != Close {
		t.Errorf("TCP: %v", next)
	}
	b.open(wsPort)
	if _, next := b.Leave(b.fd, b.port, b.s, NoCause); next != Close {
		t.Errorf("in the handshake: %v", next)
	}
}

// After a refusal a bounded amount is read, and the end is ours.
func TestRefusal(t *testing.T) {
	for _, tt := range []struct {
		name, in, answer string
		cause            int
	}{
		{"a header of 9 KiB", "GET / HTTP/1.1\r\nX: " + string(make([]byte, 9<<10)), "HTTP/1.1 431 ", HandshakeRefused},
		{"no upgrade", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 426 ", HandshakeRefused},
		{"TLS", "\x16\x03\x01\x02", "HTTP/1.1 400 ", TLSHello},
	} {
		b := newBench(t, Config{}).open(wsPort)
		next := b.in([]byte(tt.in))
		if next != Read || !bytes.HasPrefix(b.out, []byte(tt.answer)) || !b.shut || b.ctr.Causes[tt.cause].Load() != 1 {
			t.Errorf("%s: %v, %q, shut down %v", tt.name, next, b.out, b.shut)
		}
		read := 0
		for next == Read && read < 1<<20 {
			next = b.in(make([]byte, 64<<10))
			read += 64 << 10
		}
		if next != Close || read > maxRefused+64<<10 {
			t.Errorf("%s: %v after %d bytes more", tt.name, next, read)
		}
	}
}

func TestHandshakeInParts(t *testing.T) {
	frame := ws.AppendFrame(nil, ws.OpText, []byte("with it"), 7)
	all := append([]byte("\r\n"+request), frame...)
	for _, size := range []int{1, 7, 100, len(all)} {
		b := newBench(t, Config{}).open(wsPort)
		for p := all; len(p) > 0; {
			n := min(size, len(p))
			b.in(p[:n])
			p = p[n:]
		}
		if !bytes.HasPrefix(b.out, []byte("HTTP/1.1 101")) || !bytes.HasSuffix(b.out, []byte("\x81\x07with it")) ||
			b.s != nil || b.TickEvery() != 0 {
			t.Errorf("%d bytes at a time: %q, session %v", size, b.out, b.s)
		}
	}
	b := newBench(t, Config{}).open(wsPort)
	b.in([]byte(request[:40]))
	b.now = DefaultHandshake
	if b.Tick(); b.turned[b.s] != Close || b.ctr.Causes[HandshakeTimeout].Load() != 1 {
		t.Errorf("deadline: %v", b.turned)
	}
}

// A message of 16 MiB, in one frame or in fragments, streams with the defaults.
func TestLargeMessages(t *testing.T) {
	const size = 16 << 20
	payload := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	var fragments []byte
	for at := 0; at < size; at += 1 << 20 {
		op := ws.OpContinuation
		if at == 0 {
			op = ws.OpText
		}
		f := ws.AppendFrame(nil, op, payload[at:at+1<<20], 5)
		if at+1<<20 < size {
			f[0] &^= 0x80
		}
		fragments = append(fragments, f...)
	}
	whole := ws.AppendFrame(nil, ws.OpText, payload, 5)
	for name, in := range map[string][]byte{"one frame": whole, "fragments": fragments} {
		b := newBench(t, Config{}).upgraded()
		most := int64(0)
		for len(in) > 0 {
			n := min(64<<10, len(in))
			if next := b.in(in[:n]); next != Read {
				t.Fatalf("%s: %v", name, next)
			}
			in = in[n:]
			most = max(most, b.ctr.Buffered.Load())
		}
		if m, n := b.ctr.Messages(); m != 1 || n != size || b.s != nil || most > 64<<10 {
			t.Errorf("%s: %d messages of %d bytes, at most %d kept", name, m, n, most)
		}
	}
}

// The state of a connection must not grow unseen: it is what a slow or hostile
// peer costs beside what it has sent.
func TestSessionSize(t *testing.T) {
	if n := unsafe.Sizeof(Session{}); n > 256 {
		t.Errorf("a session has %d bytes, more than 256", n)
	}
}
