package shard

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/ws"
	"github.com/c10m/c10m/tests/nettest"
)

var wsPort = echo.Config{Limit: 100, Ports: []echo.Port{{Proto: echo.WS}}}

// wsConnection is a client's end of a WebSocket connection, over gobwas/ws.
type wsConnection struct {
	peer
	in *bufio.Reader
}

const request = nettest.Request

// upgradeTo dials and completes the handshake with the example of RFC 6455
// section 1.3; more follows the request in the same write.
func upgradeTo(tb testing.TB, addr string, more ...byte) *wsConnection {
	tb.Helper()
	c := &wsConnection{peer: dial(tb, addr)}
	c.in = bufio.NewReader(c)
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write(append([]byte(request), more...)); err != nil {
		tb.Fatal(err)
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil || resp.StatusCode != 101 ||
		resp.Header.Get("Sec-WebSocket-Accept") != nettest.AcceptKey {
		tb.Fatalf("answer to the handshake: %v, %v", resp, err)
	}
	return c
}

func (c *wsConnection) send(tb testing.TB, op byte, payload string) {
	tb.Helper()
	if _, err := c.Write(ws.AppendFrame(nil, op, []byte(payload), 0x01020304)); err != nil {
		tb.Error(err)
	}
}

// next reads a whole message, or a control frame, which may come inside one.
func (c *wsConnection) next(tb testing.TB) (op byte, payload string) {
	tb.Helper()
	var got []byte
	for {
		h, err := gobwas.ReadHeader(c.in)
		if err != nil {
			tb.Fatalf("read frame: %v", err)
		}
		part := make([]byte, h.Length)
		if _, err := io.ReadFull(c.in, part); err != nil {
			tb.Fatal(err)
		}
		if h.OpCode.IsControl() {
			return byte(h.OpCode), string(part)
		}
		if h.OpCode != gobwas.OpContinuation {
			op = byte(h.OpCode)
		}
		if got = append(got, part...); h.Fin {
			return op, string(got)
		}
	}
}

// want reads a whole message, or one control frame.
func (c *wsConnection) want(tb testing.TB, op byte, payload string) {
	tb.Helper()
	if first, got := c.next(tb); first != op || got != payload {
		tb.Fatalf("got opcode %d, %d bytes %.40q; want %d, %d bytes %.40q", first, len(got), got, op, len(payload),
			payload)
	}
}

// wantEnd reads a close frame with that code, answers it, ends our half, and sees
// the end of the stream.
func (c *wsConnection) wantEnd(tb testing.TB, code uint16) {
	tb.Helper()
	c.want(tb, ws.OpClose, string(binary.BigEndian.AppendUint16(nil, code)))
	c.bye(tb)
}

// bye answers a close frame.
func (c *wsConnection) bye(tb testing.TB) {
	tb.Helper()
	_, _ = c.Write(ws.AppendFrame(nil, ws.OpClose, nil, 1)) // the server may have closed already
	_ = c.CloseWrite()
	if n, err := io.Copy(io.Discard, c.in); n != 0 || err != nil {
		tb.Errorf("after the close frame: %d bytes, %v; want the end of the stream", n, err)
	}
}

func testWebSocketEcho(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, wsPort)
	c := upgradeTo(t, addr, ws.AppendFrame(nil, ws.OpText, []byte("with the request"), 7)...)
	c.want(t, ws.OpText, "with the request")
	for _, n := range []int{0, 1, 125, 126, 16383, 16384, 65535, 65536, 300_000, 1 << 20} {
		msg := strings.Repeat("é", n/2) + strings.Repeat("x", n%2)
		go c.send(t, ws.OpText, msg)
		c.want(t, ws.OpText, msg)
	}
	c.send(t, ws.OpPing, "are you there")
	c.want(t, ws.OpPong, "are you there")
	c.send(t, ws.OpClose, "\x03\xe8bye")
	c.wantEnd(t, 1000)
	_ = c.Close()
	await(t, func() bool { return ctr.Open.Load() == 0 })
	if n := ctr.Upgraded.Load(); n != 1 {
		t.Errorf("%d upgraded, want 1", n)
	}
}

// What is counted are messages and their payload, however frames and reads fall:
// neither headers nor control frames.
func testWebSocketCounts(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, wsPort)
	c := upgradeTo(t, addr)
	var all []byte
	for i := range 10 {
		all = ws.AppendFrame(all, ws.OpText, []byte(strings.Repeat("t", i)), 5)
	}
	if _, err := c.Write(ws.AppendFrame(all, ws.OpPing, []byte("ping"), 6)); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		c.want(t, ws.OpText, strings.Repeat("t", i))
	}
	c.want(t, ws.OpPong, "ping")
	long := strings.Repeat("l", 100_000)
	c.send(t, ws.OpBinary, long)
	c.want(t, ws.OpBinary, long)
	c.send(t, ws.OpClose, "\x03\xe8")
	c.wantEnd(t, 1000)
	await(t, func() bool { // a write is counted once it is done
		m, b := ctr.Messages()
		return m >= 11 && b >= 45+100_000
	})
	if m, b := ctr.Messages(); m != 11 || b != 45+100_000 {
		t.Errorf("counted %d messages, %d bytes; want 11 and %d", m, b, 45+100_000)
	}
}

// Every byte in a packet of its own: handshake, frames, close.
func testWebSocketByteAtATime(t *testing.T, e echo.Engine) {
	_, addr := serve(t, e, wsPort)
	c := &wsConnection{peer: dial(t, addr)}
	c.in = bufio.NewReader(c)
	all := []byte(request)
	all = ws.AppendFrame(all, ws.OpText, []byte("slowly"), 0xCAFE)
	all = ws.AppendFrame(all, ws.OpBinary, bytes.Repeat([]byte("b"), 200), 1)
	go func() {
		for i := range all {
			if _, err := c.Write(all[i : i+1]); err != nil {
				return
			}
		}
	}()
	if resp, err := http.ReadResponse(c.in, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("answer: %v, %v", resp, err)
	}
	c.want(t, ws.OpText, "slowly")
	c.want(t, ws.OpBinary, strings.Repeat("b", 200))
}

// RFC 6455 section 7: what ends a connection, with which code, counted how.
func testWebSocketEndings(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 100, Ports: []echo.Port{{Proto: echo.WS}}, MaxMessage: 1000})
	for _, tt := range []struct {
		name  string
		bytes []byte
		code  uint16
		cause int
	}{
		{"not masked", []byte{0x81, 1, 'x'}, 1002, echo.BadFrames},
		{"reserved bit", []byte{0xC1, 0x80, 0, 0, 0, 0}, 1002, echo.BadFrames},
		{"not UTF-8", ws.AppendFrame(nil, ws.OpText, []byte("\xff"), 9), 1007, echo.BadUTF8},
		{"too big", ws.AppendFrame(nil, ws.OpBinary, make([]byte, 1001), 9), 1009, echo.TooBig},
		{"close code 1005", ws.AppendFrame(nil, ws.OpClose, []byte("\x03\xed"), 9), 1002, echo.BadFrames},
	} {
		before := ctr.Causes[tt.cause].Load()
		c := upgradeTo(t, addr)
		if _, err := c.Write(tt.bytes); err != nil {
			t.Fatal(err)
		}
		c.wantEnd(t, tt.code)
		if n := ctr.Causes[tt.cause].Load() - before; n != 1 {
			t.Errorf("%s: counted %d times as %s", tt.name, n, echo.CauseNames[tt.cause])
		}
	}
}

// What is no handshake gets an HTTP answer and the end, never frames.
func testWebSocketRefusals(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, wsPort)
	for _, tt := range []struct {
		name, in string
		status   int
	}{
		{"no upgrade", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 426},
		{"version 8", strings.Replace(request, "Version: 13", "Version: 8", 1), 426},
		{"POST", strings.Replace(request, "GET", "POST", 1), 405},
		{"no key", strings.Replace(request, "Sec-WebSocket-Key", "X-Key", 1), 400},
		{"header of 9 KiB", "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 9<<10), 431},
	} {
		c := dial(t, addr)
		if _, err := c.Write([]byte(tt.in)); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != tt.status {
			t.Errorf("%s: %v, %v; want status %d", tt.name, resp, err, tt.status)
			continue
		}
		if n, err := io.Copy(io.Discard, in); n != 0 || err != nil {
			t.Errorf("%s: after the answer %d bytes, %v", tt.name, n, err)
		}
	}
	if n := ctr.Causes[echo.HandshakeRefused].Load(); n != 5 {
		t.Errorf("%d refusals counted, want 5", n)
	}
}

// A peer that says nothing, or never ends its half, is not waited for.
func testWebSocketDeadlines(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 100, Ports: []echo.Port{{Proto: echo.WS}}, Handshake: time.Second})
	silent, half := dial(t, addr), dial(t, addr)
	_, _ = half.Write([]byte(request[:40]))
	stubborn := upgradeTo(t, addr)
	stubborn.send(t, ws.OpClose, "")
	stubborn.want(t, ws.OpClose, "")
	await(t, func() bool { return ctr.Causes[echo.HandshakeTimeout].Load() == 2 })
	for _, c := range []net.Conn{silent, half} {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("data after the deadline")
		}
	}
	await(t, func() bool { return ctr.Open.Load() == 0 })
}

// The drain says 1001 to every WebSocket connection and waits for its end.
func testWebSocketDrain(t *testing.T, e echo.Engine) {
	ctr := new(echo.Counters)
	cfg := wsPort
	addr := place(t, &cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- echo.Serve(ctx, e, cfg, ctr) }()
	await(t, func() bool { return echo.State(ctr.State.Load()) == echo.Ready })
	var all []*wsConnection
	for range 50 {
		all = append(all, upgradeTo(t, addr))
	}
	cancel()
	for _, c := range all {
		c.wantEnd(t, 1001)
		_ = c.Close()
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// The drain comes while echoes wait for a reader: they arrive whole, and behind
// them 1001, or the close frame that waited with them.
func testWebSocketDrainBusy(t *testing.T, e echo.Engine) {
	for _, tt := range []struct {
		last string
		code uint16
	}{{"fine", 1001}, {"\xff", 1007}} {
		ctr := new(echo.Counters)
		cfg := echo.Config{Limit: 10, Ports: []echo.Port{{Proto: echo.WS}}, MaxOutbound: 64 << 20}
		addr := place(t, &cfg)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- echo.Serve(ctx, e, cfg, ctr) }()
		await(t, func() bool { return echo.State(ctr.State.Load()) == echo.Ready })
		c := upgradeTo(t, addr)
		const messages = 24 // more than the kernel's buffers hold
		msg := strings.Repeat("m", 1<<20)
		for range messages {
			c.send(t, ws.OpText, msg)
		}
		c.send(t, ws.OpText, tt.last)
		await(t, func() bool {
			_, b := ctr.Messages()
			return b >= messages<<20 && (tt.code == 1001 || ctr.Causes[echo.BadUTF8].Load() == 1)
		})
		cancel()
		for range messages - 1 { // the last one may still be on its way
			c.want(t, ws.OpText, msg)
		}
		op, payload := c.next(t)
		for op != ws.OpClose {
			op, payload = c.next(t)
		}
		if payload != string(binary.BigEndian.AppendUint16(nil, tt.code)) {
			t.Errorf("ends with %q, want close code %d", payload, tt.code)
		}
		c.bye(t)
		_ = c.Close()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

// A message of 16 MiB, in one frame or in fragments, is sent to its end before its
// echo is read.
func testWebSocketLarge(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, wsPort)
	const size, parts = 16 << 20, 16
	msg := strings.Repeat("0123456789abcdef", size/16)
	c := upgradeTo(t, addr)
	c.send(t, ws.OpText, msg)
	c.want(t, ws.OpText, msg)
	op := ws.OpText
	for i := range parts {
		frame := ws.AppendFrame(nil, op, []byte(msg[i*size/parts:(i+1)*size/parts]), 7)
		if i < parts-1 {
			frame[0] &^= 0x80
		}
		if _, err := c.Write(frame); err != nil {
			t.Fatal(err)
		}
		op = ws.OpContinuation
	}
	c.want(t, ws.OpText, msg)
	c.send(t, ws.OpClose, "\x03\xe8")
	c.wantEnd(t, 1000)
	await(t, func() bool { return ctr.Open.Load() == 0 && ctr.Buffered.Load() == 0 })
}

func testWebSocketSlowReader(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 10, Ports: []echo.Port{{Proto: echo.WS}},
		MaxOutbound: 64 << 10, Stall: time.Second})
	c := upgradeTo(t, addr)
	_ = c.SetDeadline(time.Time{})
	frame := ws.AppendFrame(nil, ws.OpBinary, make([]byte, 64<<10), 3)
	for {
		if _, err := c.Write(frame); err != nil { // never read
			break
		}
	}
	await(t, func() bool { return ctr.Causes[echo.SlowReader].Load() == 1 && ctr.Open.Load() == 0 })
}

// Two whole megabytes are sent before the first byte is read: the second
// message may not cost the connection, and its close frame comes whole.
func testWebSocketLateReader(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 10, Ports: []echo.Port{{Proto: echo.WS}},
		MaxOutbound: 2 << 20, MaxMessage: 1 << 20})
	c := upgradeTo(t, addr)
	msg := strings.Repeat("m", 1<<20)
	c.send(t, ws.OpText, msg)
	c.send(t, ws.OpText, msg)
	c.send(t, ws.OpClose, "\x03\xe8")
	await(t, func() bool { _, b := ctr.Messages(); return b == 2<<20 })
	c.want(t, ws.OpText, msg)
	c.want(t, ws.OpText, msg)
	c.wantEnd(t, 1000)
}

// A dial to a server that is at its limit may fail, or be reset a moment later.
func testWebSocketOverLimit(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 1, Ports: []echo.Port{{Proto: echo.WS}}})
	c := upgradeTo(t, addr)
	if err := surplusConnection(addr); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the second connection: %v, want a reset", err)
	}
	c.send(t, ws.OpText, "still here")
	c.want(t, ws.OpText, "still here")
	await(t, func() bool { return ctr.Causes[echo.OverLimit].Load() == 1 })
}

// BenchmarkWebSocketEcho is one 64 B message there and back: 0 allocs/op.
func BenchmarkWebSocketEcho(b *testing.B) {
	_, addr := serve(b, engines[DefaultEngine], wsPort)
	c := upgradeTo(b, addr)
	_ = c.SetDeadline(time.Time{})
	out := ws.AppendFrame(nil, ws.OpBinary, make([]byte, 64), 0x12345678)
	in := make([]byte, 66)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := c.Write(out); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c.in, in); err != nil {
			b.Fatal(err)
		}
	}
}
