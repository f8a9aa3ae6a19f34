package loadgen

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// chat is a server that is no echo: it greets, answers a login, and acknowledges each
// message after it has told of something else. It counts what is not as it should be.
type chat struct {
	wrong  atomic.Int64
	logins atomic.Int64
}

func (c *chat) serve(p *peer) {
	say := func(text string) { _ = p.write(ws.NewTextFrame([]byte(text))) }
	say("hello")
	for logged := false; ; logged = true {
		f, err := p.next()
		switch text := string(f.Payload); {
		case err != nil:
			return
		case f.Header.OpCode == ws.OpClose:
			_ = p.write(ws.NewCloseFrame(f.Payload))
			return
		case f.Header.OpCode != ws.OpText, logged != strings.HasPrefix(text, `{"say":`),
			!logged && !strings.HasPrefix(text, `{"login":`):
			c.wrong.Add(1)
		case !logged:
			c.logins.Add(1)
			say("welcome")
		default:
			say("tick")
			half := ws.NewTextFrame([]byte(`{"ack":`))
			half.Header.Fin = false
			_ = p.write(half)
			_ = p.write(ws.NewFrame(ws.OpContinuation, true, []byte(text+"}")))
		}
	}
}

// count is how many values a histogram has.
func count(h *result.Histogram) int64 {
	if h == nil || h.Quantiles() == nil {
		return 0
	}
	return h.Quantiles().Count
}

// talkPlan is of WebSocket connections that say what t has.
func talkPlan(port int, conns int64, t plan.Talk) plan.Plan {
	p := wsPlan(port, conns)
	p.WebSocket.Text, p.Talk, p.Close = true, t, plan.CloseFIN
	return p
}

func TestChat(t *testing.T) {
	const conns, each = 20, 5
	for _, tt := range []struct {
		expect                   string
		received, pushed, firsts int64
	}{
		{"ack", conns * each, conns * each, conns},
		{plan.ExpectNone, 0, 2*conns*each + conns, 0}, // whatever comes is a push, and so is the answer to the login
	} {
		t.Run(tt.expect, func(t *testing.T) {
			server := &chat{}
			p := talkPlan(wsServer(t, true, server.serve), conns,
				plan.Talk{Message: `{"say":{i},"id":"{uuid}"}`, First: `{"login":{i}}`, Expect: tt.expect, Skip: 1})
			e, err := Start(p, 1)
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			e.Ramp(ctx)
			for n := e.Counts(); n.Skipped < conns || n.FirstsAnswered+n.Pushed < conns; n = e.Counts() {
				time.Sleep(time.Millisecond)
			}
			e.Exchange(ctx, Exchange{Size: 1, PerConn: each, Drain: 20 * time.Second})
			for e.Counts().Pushed+e.Counts().Received < tt.pushed+tt.received {
				time.Sleep(time.Millisecond)
			}
			e.Close(ctx)
			got, err := e.Stop()
			if err != nil {
				t.Fatal(err)
			}
			if got.Established != conns || got.Lost != 0 || got.Closed != conns || len(got.Errors) > 0 ||
				server.wrong.Load() > 0 || server.logins.Load() != conns {
				t.Errorf("%+v, %v; the server had %d logins and %d messages that it did not expect", got.Counts,
					got.Errors, server.logins.Load(), server.wrong.Load())
			}
			if got.Sent != conns*each || got.Received != tt.received || got.Missing != 0 || got.Pushed != tt.pushed ||
				got.Skipped != conns || got.Firsts != conns || got.Listeners != conns {
				t.Errorf("%+v", got.Counts)
			}
			if n := count(got.FirstAnswer); n != tt.firsts {
				t.Errorf("%d answers to the first message, want %d", n, tt.firsts)
			}
			if n := count(got.Gap); n != tt.pushed-conns {
				t.Errorf("%d gaps between %d pushes to %d connections", n, tt.pushed, conns)
			}
			if n := count(got.Echo); n != tt.received {
				t.Errorf("%d latencies of %d answers", n, tt.received)
			}
		})
	}
}

// threadOf is the only thread of a plan, without its OS thread and its transport.
func threadOf(t testing.TB, p plan.Plan) *thread {
	t.Helper()
	all, err := newShared(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	one, err := newThread(all, p, make([]byte, p.Conns*connBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(one.cs.msgs.hears.free)
	return one
}

// A first message of which the transport took a part is written whole before anything
// else, and rendered the same again.
func TestFirstInParts(t *testing.T) {
	p := testPlan(1, 1, 1)
	p.Talk = plan.Talk{First: "{uuid}{rand}", Message: "next", Expect: plan.ExpectAny}
	one := threadOf(t, p)
	link := newMirror(t, one)
	link.piece, link.room = 0, 7 // what it is sent does not come back
	link.ramp(one)
	one.cs.msgs.begin(1, 1, 1)
	one.cs.msgs.start(0, 0)
	if !one.cs.msgs.midFrame(0) || len(link.conns[0].back) != 7 {
		t.Errorf("%q was written, and anything else may follow: %v", link.conns[0].back, !one.cs.msgs.midFrame(0))
	}
	for link.room < 60 {
		link.room += 7
		link.to.writable(0)
	}
	want := string(one.cs.shared.said.first.Append(nil, 0, 0, nil)) + "next"
	if got := string(link.conns[0].back); got != want || one.cs.msgs.midFrame(0) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A connection that was lost and restored is greeted anew, and says its first message
// again.
func TestFirstAfterReconnect(t *testing.T) {
	const conns = 5
	var ended atomic.Int64
	p := talkPlan(wsServer(t, true, func(p *peer) {
		_ = p.write(ws.NewTextFrame([]byte("hello")))
		if _, err := p.next(); err != nil {
			return
		}
		_ = p.write(ws.NewTextFrame([]byte("welcome")), ws.NewTextFrame([]byte("news")))
		if ended.Add(1) > conns {
			_, _ = p.next() // the last ones stay
		}
	}), conns, plan.Talk{First: "login {uuid}", Expect: plan.ExpectAny, Skip: 1})
	p.Reconnect = true
	e, err := Start(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	for end := time.Now().Add(20 * time.Second); e.Counts().Pushed < 2*conns && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	got, err := e.Stop()
	if err != nil || got.Reconnected != conns || got.Firsts != 2*conns || got.FirstsAnswered != 2*conns ||
		got.Skipped != 2*conns || got.Pushed != 2*conns ||
		got.Listeners != conns {
		t.Errorf("%+v, %v, %v", got.Counts, got.Errors, err)
	}
}

// TestOwnMessages: what an echo server sends back is compared with what was rendered,
// also where the socket took only a part of it.
func TestOwnMessages(t *testing.T) {
	long := strings.Repeat("x", 300_000)
	for name, tt := range map[string]struct {
		message plan.Payload
		size    int64 // of one
		depth   int
	}{
		"fixed":     {`{"a":1}`, 7, 1},
		"rendered":  {"{rand} of {uuid}", 10 + 4 + 36, 1},
		"pipelined": {"{rand}{rand}", 20, 4},
		"long":      {"{rand}" + plan.Payload(long), 300_010, 2},
	} {
		for proto, p := range map[string]plan.Plan{plan.TCP: testPlan(echoServer(t), 10, 1),
			plan.WS: wsPlan(wsServer(t, true, plainEcho), 10)} {
			t.Run(name+" "+proto, func(t *testing.T) {
				p.Talk.Message, p.WebSocket.Text = tt.message, proto == plan.WS
				e, err := Start(p, 1)
				if err != nil {
					t.Fatal(err)
				}
				ctx := context.Background()
				e.Ramp(ctx)
				e.Exchange(ctx, Exchange{Size: 1, PerConn: 4, Depth: tt.depth, Drain: 20 * time.Second})
				e.Close(ctx)
				got, err := e.Stop()
				if err != nil || got.Sent != 40 || got.Received != 40 || got.Mismatched != 0 || got.Lost != 0 ||
					got.Bytes != 40*tt.size {
					t.Errorf("%+v, %v, %v", got.Counts, got.Errors, err)
				}
			})
		}
	}
}

// No {uuid} is said twice in a run: not by the next workload, nor by the next connection
// of a slot, which churn opens for each message.
func TestSaidOnce(t *testing.T) {
	var said sync.Map
	var twice atomic.Int64
	port := listen(t, func(c net.Conn) {
		for one := [36]byte{}; ; {
			if _, err := io.ReadFull(c, one[:]); err != nil {
				return
			}
			if _, is := said.LoadOrStore(one, true); is {
				twice.Add(1)
			}
			if _, err := c.Write(one[:]); err != nil {
				return
			}
		}
	})
	p := testPlan(port, 6, 1)
	p.Talk.Message = "{uuid}"
	e, err := Start(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	e.Ramp(ctx)
	for range 3 {
		e.Exchange(ctx, Exchange{Size: 1, PerConn: 3, Drain: 20 * time.Second})
	}
	e.Churn(ctx, Churn{Users: 3, PerConn: 2, Loops: 10, Size: 1, Drain: 20 * time.Second})
	e.Churn(ctx, Churn{Users: 3, PerConn: 1, Loops: 10, Size: 1, Drain: 20 * time.Second})
	e.Close(ctx)
	got, err := e.Stop()
	if want := int64(6*3*3 + 3*10*2); err != nil || got.Received != want || got.Mismatched != 0 || twice.Load() != 0 {
		t.Errorf("%+v, %v, %v; want %d messages; %d were said before", got.Counts, got.Errors, err, want, twice.Load())
	}
}

// A message of one's own that comes back changed is a mismatch.
func TestOwnMessageThatDiffers(t *testing.T) {
	p := testPlan(listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 64))
		_, _ = c.Write([]byte("you are 1 "))
		_, _ = c.Read(make([]byte, 64))
	}), 2, 1)
	p.Talk.Message = "you are {i} "
	e, err := Start(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	e.Exchange(context.Background(), Exchange{Size: 1, PerConn: 1, Drain: 20 * time.Second})
	if got, err := e.Stop(); err != nil || got.Received != 1 || got.Mismatched != 1 ||
		got.Errors["echo_mismatch"] != 1 {
		t.Errorf("%+v, %v, %v", got.Counts, got.Errors, err)
	}
}

// TestStream: over TCP a message is a line if ours are lines, else what one read
// brings, and an answer is found wherever its words lie.
func TestStream(t *testing.T) {
	for _, tt := range []struct {
		name, expect    string
		message         plan.Payload
		skip            int
		reads           []string
		answers, pushes int64
		pushed          int64 // bytes
	}{
		{"lines", "any", "a\n", 1, []string{"hi\non", "e\ntwo\n", "three"}, 1, 1, 4},
		{"words in a line", "ok", "a\n", 0, []string{"no\n-o", "k-\nok\n"}, 1, 2, 6},
		{"words within reads", "ok!", "a", 0, []string{"no", "-ook", "!no", "ok!ok!"}, 1, 3, 2 + 4 + 6},
		{"any read", "any", "a", 0, []string{"one", "two"}, 1, 1, 3},
		{"none", "none", "a\n", 0, []string{"one\ntwo\n", "3"}, 0, 2, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := testPlan(1, 1, 1)
			p.Talk = plan.Talk{Message: tt.message, Expect: tt.expect, Skip: tt.skip}
			one := threadOf(t, p)
			link := newMirror(t, one)
			link.piece, link.room = 0, 100 // what it is sent does not come back
			cs := one.cs
			link.ramp(one)
			cs.msgs.begin(1, 1, 1)
			cs.msgs.start(0, cs.micros())
			for _, read := range tt.reads {
				link.to.received(0, []byte(read))
			}
			if n := cs.n[TCP]; n.Received != tt.answers || n.Pushed != tt.pushes || n.PushedBytes != tt.pushed ||
				n.Skipped != int64(tt.skip) || n.Lost != 0 {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	for words, streams := range map[string]map[string]int{
		"ok":      {"": 0, "o": 0, "ok": 1, "ook": 1, "okok": 2, "o k": 0},
		"aab":     {"aaab": 1, "aaaab": 1, "aabaab": 2, "aaaaa": 0},
		"abcabd":  {"abcabcabd": 1, "abcabcabcab": 0},
		"\"ack\"": {`{"ack":1}{"ack":2}`: 2},
	} {
		s, err := newSaid(plan.Talk{Expect: words}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for stream, want := range streams {
			for cut := range len(stream) + 1 { // wherever a read ends
				a, matched := s.match([]byte(stream[:cut]), 0)
				b, _ := s.match([]byte(stream[cut:]), matched)
				if a+b != want {
					t.Errorf("%q in %q, cut at %d: %d times, want %d", words, stream, cut, a+b, want)
				}
			}
		}
	}
}

// BenchmarkPush is a push of 64 bytes to each of many connections in turn, all of which
// have the same.
func BenchmarkPush(b *testing.B) {
	const conns = 100_000
	p := talkPlan(1, conns, plan.Talk{Expect: plan.ExpectAny})
	one := threadOf(b, p)
	for i := range one.cs.list {
		one.cs.list[i].state = open
	}
	push := append([]byte{0x81, 64}, strings.Repeat("x", 64)...)
	b.ReportAllocs()
	for i := range b.N {
		if i%conns == 0 {
			copy(push[2:], fmt.Sprintf("tick %d ", i))
		}
		one.cs.received(int64(i%conns), push)
	}
	if n := one.cs.total().Pushed; n != int64(b.N) {
		b.Errorf("%d pushes of %d", n, b.N)
	}
}
