package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/tests/nettest"
)

// peer is a connection as a WebSocket server sees it, over gobwas/ws.
type peer struct {
	net.Conn
	in *bufio.Reader
}

func (p *peer) Read(b []byte) (int, error) { return p.in.Read(b) }

// wsServer lets serve handle each connection, upgraded if upgrade says so.
func wsServer(tb testing.TB, upgrade bool, serve func(*peer)) int {
	tb.Helper()
	return wsServerOver(tb, upgrade, serve, func(c net.Conn) net.Conn { return c })
}

// wsServerOver is a wsServer over something that wraps its connections.
func wsServerOver(tb testing.TB, upgrade bool, serve func(*peer), wrap func(net.Conn) net.Conn) int {
	tb.Helper()
	return listen(tb, func(c net.Conn) {
		c = wrap(c)
		p := &peer{c, bufio.NewReader(c)}
		if upgrade {
			if _, err := (ws.Upgrader{}).Upgrade(struct {
				io.Reader
				io.Writer
			}{p, c}); err != nil {
				return
			}
		}
		serve(p)
	})
}

// next reads a frame; its payload comes unmasked.
func (p *peer) next() (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(p.in); err != nil {
		return f, err
	}
	f.Payload = make([]byte, f.Header.Length)
	if _, err = io.ReadFull(p.in, f.Payload); err == nil && !f.Header.Masked {
		err = fmt.Errorf("the client's frame is not masked")
	}
	return ws.UnmaskFrameInPlace(f), err
}

func (p *peer) write(frames ...ws.Frame) error {
	var b bytes.Buffer
	for _, f := range frames {
		_ = ws.WriteFrame(&b, f)
	}
	_, err := p.Conn.Write(b.Bytes())
	return err
}

// plainEcho answers each frame as it came.
func plainEcho(p *peer) {
	for {
		f, err := p.next()
		if err != nil {
			return
		}
		if f.Header.OpCode == ws.OpClose {
			_ = p.write(ws.NewCloseFrame(f.Payload))
			return
		}
		if p.write(ws.NewFrame(f.Header.OpCode, true, f.Payload)) != nil {
			return
		}
	}
}

func wsPlan(port int, conns int64) plan.Plan {
	p := testPlan(port, conns, 1)
	p.Proto = plan.WS
	return p
}

// run ramps, lets every connection echo n messages, closes and counts.
func run(tb testing.TB, p plan.Plan, size int, n uint32) Tally {
	tb.Helper()
	e, err := Start(p, size)
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background()
	e.Ramp(ctx)
	e.Exchange(ctx, Exchange{Size: size, PerConn: n, Drain: 20 * time.Second})
	e.Close(ctx)
	t, err := e.Stop()
	if err != nil {
		tb.Fatal(err)
	}
	if t.Attempted != t.Established+t.Failed || t.Established != t.Lost+t.Closed || t.Sent != t.Received+t.Missing {
		tb.Errorf("the counts do not add up: %+v", t.Counts)
	}
	return t
}

func TestWebSocket(t *testing.T) {
	for _, size := range []int{1, 125, 126, 5000, 65535, 65536, 500_000} {
		p := wsPlan(wsServer(t, true, plainEcho), 20)
		p.Close = plan.CloseFIN
		got := run(t, p, size, 5)
		if got.Established != 20 || got.Received != 100 || got.Lost != 0 || got.Bytes != int64(100*size) ||
			len(got.Errors) > 0 || got.Closed != 20 {
			t.Errorf("%d B: %+v, %v", size, got.Counts, got.Errors)
		}
		if got.Upgrade.Summary().Count != 20 || got.By[WS].Received != 100 || got.By[TCP].Attempted != 0 {
			t.Errorf("%d B: upgrades %+v, by protocol %+v", size, got.Upgrade.Summary(), got.By)
		}
	}
}

// The handshake says what was asked for, and has a key of its own each time.
func TestWebSocketHandshake(t *testing.T) {
	keys := make(chan string, 3)
	port := wsServer(t, false, func(p *peer) {
		var key string
		u := ws.Upgrader{
			Protocol:  func(s []byte) bool { return string(s) == "b" },
			OnRequest: func(uri []byte) error { key += string(uri); return nil },
			OnHeader:  func(k, v []byte) error { key += " " + string(k) + "=" + string(v); return nil },
		}
		if _, err := u.Upgrade(struct {
			io.Reader
			io.Writer
		}{p, p.Conn}); err != nil {
			key = err.Error()
		}
		keys <- key
		plainEcho(p)
	})
	p := wsPlan(port, 3)
	p.WebSocket = plan.WebSocket{Path: "/chat?room=1", Headers: [][2]string{{"X-One", "1"}, {"Origin", "http://o"}},
		Subprotocol: "a, b"}
	got := run(t, p, 10, 1)
	if got.Received != 3 {
		t.Errorf("%+v %v", got.Counts, got.Errors)
	}
	for range 3 {
		if k := <-keys; !strings.HasPrefix(k, "/chat?room=1") || !strings.Contains(k, "X-One=1") ||
			!strings.Contains(k, "Origin=http://o") {
			t.Errorf("request had %q", k)
		}
	}
}

// However a server cuts, fragments and interleaves: it is the same message.
func TestWebSocketServersAreFree(t *testing.T) {
	var pongs, wrong atomic.Int64
	bytewise := func(p *peer, frames ...ws.Frame) error {
		for _, f := range frames {
			b := ws.MustCompileFrame(f)
			for i := range b {
				if _, err := p.Conn.Write(b[i : i+1]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	port := wsServer(t, true, func(p *peer) {
		for {
			f, err := p.next()
			if err != nil {
				return
			}
			if f.Header.OpCode == ws.OpPong {
				pongs.Add(1)
				if string(f.Payload) != "ping" {
					wrong.Add(1)
				}
				continue
			}
			half := len(f.Payload) / 2
			ping := ws.NewPingFrame([]byte("ping"))
			err = bytewise(p, ping, ws.NewFrame(ws.OpBinary, false, f.Payload[:half]), ws.NewPongFrame(nil), ping,
				ws.NewFrame(ws.OpContinuation, false, nil), ws.NewFrame(ws.OpContinuation, false, f.Payload[half:]),
				ws.NewFrame(ws.OpContinuation, true, nil))
			if err != nil {
				return
			}
		}
	})
	got := run(t, wsPlan(port, 5), 300, 3)
	if got.Received != 15 || got.Lost != 0 || len(got.Errors) > 0 {
		t.Errorf("%+v %v", got.Counts, got.Errors)
	}
	if pongs.Load() < 5 || wrong.Load() > 0 {
		t.Errorf("%d pongs, %d with another payload", pongs.Load(), wrong.Load())
	}
}

// The close handshake: 1000 from us, an answer or not, and no connection stays.
func TestWebSocketClose(t *testing.T) {
	var normal atomic.Int64
	port := wsServer(t, true, func(p *peer) {
		f, err := p.next()
		if err == nil && f.Header.OpCode == ws.OpClose && string(f.Payload) == "\x03\xe8" && normal.Add(1)%2 == 0 {
			_ = p.write(ws.NewPingFrame(nil), f)
			return
		}
		_, _ = io.Copy(io.Discard, p) // never answers
	})
	p := wsPlan(port, 6)
	p.Close = plan.CloseFIN
	e, err := Start(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	e.Close(context.Background())
	got, err := e.Stop()
	if err != nil || got.Closed != 6 || normal.Load() != 6 || got.Errors["close_timeout"] != 3 {
		t.Errorf("%+v %v, %d close frames, %v", got.Counts, got.Errors, normal.Load(), err)
	}
}

// RFC 6455 sections 5.5.1 and 7.1.7: a server that closes gets its own code
// back, one that breaks the protocol hears which way it did.
func TestWebSocketCloseCodes(t *testing.T) {
	for _, tt := range []struct {
		name, bytes, want string
	}{
		{"5.5.1 code and reason", "\x88\x05\x03\xe9bye", "\x03\xe9"},
		{"5.5.1 of an application", "\x88\x02\x0f\xa0", "\x0f\xa0"},
		{"5.5.1 no code", "\x88\x00", ""},
		{"5.1 masked frame", "\x82\x81abcdx", "\x03\xea"},
		{"5.2 reserved bit", "\xc2\x00", "\x03\xea"},
		{"5.5 fragmented ping", "\x09\x00", "\x03\xea"},
		{"5.5.1 reason is not UTF-8", "\x88\x03\x03\xe8\xff", "\x03\xef"},
		{"7.4.1 code 1005", "\x88\x02\x03\xed", "\x03\xea"},
	} {
		answers := make(chan string, 1)
		port := wsServer(t, true, func(p *peer) {
			_, _ = io.WriteString(p.Conn, tt.bytes)
			f, err := p.next()
			answers <- fmt.Sprintf("%d %s %v", f.Header.OpCode, f.Payload, err)
		})
		e, err := Start(wsPlan(port, 1), 1)
		if err != nil {
			t.Fatal(err)
		}
		e.Ramp(context.Background())
		if got, want := <-answers, fmt.Sprintf("%d %s %v", ws.OpClose, tt.want, nil); got != want {
			t.Errorf("%s: the server got %q, want %q", tt.name, got, want)
		}
		if got, err := e.Stop(); err != nil || got.Lost != 1 {
			t.Errorf("%s: %+v, %v", tt.name, got.Counts, err)
		}
	}
}

// A pong that cannot be written ends its connection, once what its peer said
// meanwhile has been read.
func TestFlushLosesConnection(t *testing.T) {
	one, link := idleThread(t, wsPlan(1, 1))
	hold(one, 0, maxFD, open) // no file: send(2) and read(2) say EBADF
	one.cs.frames.rareOf(0).pong = []byte{0x8a, 0}
	if !one.cs.msgs.flush(0) || one.cs.total().Lost != 0 {
		t.Fatal("the connection was lost before all was read")
	}
	link.readOn()
	if one.cs.msgs.flush(0) || one.cs.errs[WS][writeOther] != 1 || len(link.broken) != 0 {
		t.Errorf("flush says that a connection lives which is %+v", one.cs.list[0])
	}
}

// A mixed run alternates, and counts each protocol by itself.
func TestMixed(t *testing.T) {
	p := testPlan(0, 101, 2)
	p.Proto = plan.Mixed
	p.Places = append(plan.At(p.Host(), echoServer(t), echoServer(t)),
		plan.Place{Host: p.Host(), WS: true, Ports: []int{wsServer(t, true, plainEcho), wsServer(t, true, plainEcho)}})
	got := run(t, p, 1000, 2)
	tcp, web := got.By[TCP], got.By[WS]
	if got.Received != 202 || tcp.Established != 51 || web.Established != 50 || tcp.Received != 102 ||
		web.Received != 100 || len(got.Errors) > 0 {
		t.Errorf("%+v\ntcp %+v\nws %+v\n%v", got.Counts, tcp.Counts, web.Counts, got.Errors)
	}
	if tcp.Connect.Summary().Count != 51 || web.Connect.Summary().Count != 50 || web.Upgrade.Summary().Count != 50 ||
		web.Echo.Summary().Count != 100 {
		t.Error("the latencies are not counted by protocol")
	}
}

// Failures count for the protocol that had them: nobody listens on the
// WebSocket port, and the TCP one never answers.
func TestMixedErrors(t *testing.T) {
	p := testPlan(0, 40, 2)
	p.Proto = plan.Mixed
	p.Places = append(plan.At(p.Host(), listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })),
		plan.Place{Host: p.Host(), WS: true, Ports: []int{nettest.DeadPort(t)}})
	e, err := Start(p, 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Live() // somebody looks
	e.Ramp(context.Background())
	e.Exchange(context.Background(), Exchange{Size: 64, PerConn: 1, Drain: time.Millisecond})
	for end := time.Now().Add(time.Minute); e.Live().By[WS].Errors.Sum() < 20; {
		if time.Now().After(end) {
			t.Fatalf("live: ws %v", e.Live().By[WS].Errors)
		}
	}
	got, err := e.Stop()
	if err != nil {
		t.Fatal(err)
	}
	tcp, web := got.By[TCP].Errors, got.By[WS].Errors
	if got.By[WS].Failed != 20 || web.Sum() != 20 || tcp["echo_timeout"] != 20 || tcp.Sum() != 20 ||
		!maps.Equal(got.Errors, tcp.Plus(web)) {
		t.Errorf("tcp %v, ws %v, together %v", tcp, web, got.Errors)
	}
}

// frugalEcho answers frames of 64 B and allocates nothing for each; the first cut
// bytes of an answer are written apart from the rest.
func frugalEcho(cut int) func(*peer) {
	return func(p *peer) {
		buf := make([]byte, 4<<10)
		for {
			n, err := io.ReadFull(p.in, buf[:70]) // 2 + 4 + 64
			if err != nil {
				return
			}
			buf[1] &= 0x7F
			for i := 6; i < n; i++ {
				buf[i] ^= buf[2+(i-6)&3]
			}
			copy(buf[2:], buf[6:n])
			for _, part := range [][]byte{buf[:cut], buf[cut : n-4]} {
				if _, err := p.Conn.Write(part); err != nil {
					return
				}
			}
		}
	}
}

// BenchmarkWebSocketExchange is messages of 64 B over 10 connections: 0 allocs/op.
func BenchmarkWebSocketExchange(b *testing.B) {
	port := wsServer(b, true, frugalEcho(0))
	e, err := Start(wsPlan(port, 10), 64)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	e.Ramp(ctx)
	b.ReportAllocs()
	b.ResetTimer()
	e.Exchange(ctx, Exchange{Size: 64, PerConn: uint32(b.N/10 + 1), Drain: time.Minute})
	b.StopTimer()
	if c := e.Counts(); c.Received < int64(b.N) || c.Lost > 0 {
		b.Fatalf("%+v", c)
	}
	_, _ = e.Stop()
}
