package echo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/ws"
)

// masked is a frame of a client, whose key is 0.
func masked(first byte, payload []byte) []byte {
	return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// A connection that has agreed to compression keeps a session, and nothing that is charged,
// while it is idle; its messages come back as they came. One that has not is refused
// compressed messages.
func TestDeflate(t *testing.T) {
	packed := ws.AppendDeflated(nil, []byte(strings.Repeat("again ", 50)))
	const text = 0x81 | ws.Compressed
	want := append([]byte{text, byte(len(packed))}, packed...)
	offer := strings.Replace(request, "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1)

	b := newBench(t, Config{Deflate: true}).open(wsPort)
	if next := b.in([]byte(offer)); next != Read || !bytes.Contains(b.out, []byte("permessage-deflate; server_no")) {
		t.Fatalf("%v, %q", next, b.out)
	}
	for i := range 3 {
		b.out = nil
		in := masked(text, packed)
		if i == 1 { // in two reads
			b.in(in[:20])
			in = in[20:]
		}
		if next := b.in(in); next != Read || !bytes.Equal(b.out, want) {
			t.Errorf("%v, % x came back, want % x", next, b.out, want)
		}
		if b.s == nil || !b.s.resting() || b.ctr.Buffered.Load() != 0 || b.partial.n+b.waiting.n != 0 {
			t.Errorf("idle: session %+v, %d charged", b.s, b.ctr.Buffered.Load())
		}
	}
	if m, _ := b.ctr.Messages(); m != 3 {
		t.Errorf("%d messages were counted", m)
	}
	b.out = nil
	if s, next := b.Leave(b.fd, b.port, b.s, NoCause); next != Read || s == nil || !bytes.HasPrefix(b.out, []byte{0x88}) {
		t.Errorf("sent away: %v, %q", next, b.out)
	}
	b.Gone(b.fd, b.port, b.s)
	if n := b.ctr.Buffered.Load(); n != 0 {
		t.Errorf("%d bytes are charged for nobody", n)
	}

	b = newBench(t, Config{Deflate: true}).upgraded() // which offers nothing
	b.in(masked(text, packed))
	if !bytes.Equal(b.out, closeFrame(ws.CodeProtocol)) || b.ctr.Causes[BadFrames].Load() != 1 {
		t.Errorf("compressed without an agreement: % x, %d counted", b.out, b.ctr.Causes[BadFrames].Load())
	}
}
