package ws

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// raw is a frame as it stands on the wire; length 0 is that of the payload.
type raw struct {
	first   byte
	plain   bool // no mask
	payload string
}

const testKey = 0xA1B2C3D4

// client writes frames of a client.
func client(frames ...raw) []byte {
	var b []byte
	for _, f := range frames {
		n := headerSize(len(f.payload))
		at := len(b)
		b = append(b, make([]byte, n)...)
		bit := byte(bitMask)
		if f.plain {
			bit = 0
		}
		putHeader(b[at:], f.first, bit, len(f.payload))
		if f.plain {
			b = append(b, f.payload...)
			continue
		}
		var key [4]byte
		binary.LittleEndian.PutUint32(key[:], testKey)
		b = append(b, key[:]...)
		for i := range len(f.payload) {
			b = append(b, f.payload[i]^key[i%4])
		}
	}
	return b
}

// server writes frames of a server.
func server(frames ...raw) []byte {
	for i := range frames {
		frames[i].plain = true
	}
	return client(frames...)
}

// feed gives the chunks to Echo the way a connection would, one read each, and
// keeps what is not consumed. It checks what Echo promises of its input.
func feed(t *testing.T, lim Limits, chunks ...[]byte) (out []byte, v Verdict, s *Session) {
	t.Helper()
	var held []byte
	var count Count
	defer func() { sameCount(t, count, out) }()
	for _, c := range chunks {
		in := append(held, c...)
		before := bytes.Clone(in)
		var n int
		var o []byte
		var now Count
		s, o, n, now, v = Echo(s, in, lim)
		out = append(out, o...)
		count.Messages, count.Bytes = count.Messages+now.Messages, count.Bytes+now.Bytes
		if s = s.Sent(); s != nil && (s.spare != nil || s.state == state{}) {
			t.Fatalf("after Sent the session is %+v", *s)
		}
		if v.Closed() {
			if n != len(in) || s != nil && (s.state != state{skip: s.skip} || !s.skip.on) {
				t.Fatalf("closed after %d of %d bytes, session %+v", n, len(in), s)
			}
			s.Free()
			return out, v, nil
		}
		if !bytes.Equal(in[n:], before[n:]) {
			t.Fatalf("unconsumed bytes were changed")
		}
		if held = bytes.Clone(in[n:]); len(held) >= MaxHeld {
			t.Fatalf("%d bytes are held, at most %d may be", len(held), MaxHeld-1)
		}
	}
	return out, v, s
}

// sameCount holds what Echo has counted against what it has sent, as gobwas reads it.
func sameCount(t *testing.T, got Count, out []byte) {
	t.Helper()
	var want Count
	sent := decode(t, out)
	for _, ev := range sent.events {
		if op := ev[0]; op == OpText || op == OpBinary {
			want.Messages++
			want.Bytes += len(ev) - 1
		}
	}
	if sent.open != "" {
		want.Bytes += len(sent.open) - 1
	}
	if got != want {
		t.Fatalf("counted %+v, sent %+v", got, want)
	}
}

// splits calls f with b whole, cut in two at every place, and byte by byte.
func splits(b []byte, f func(name string, chunks [][]byte)) {
	f("whole", [][]byte{b})
	single := make([][]byte, 0, len(b))
	for i := range b {
		if i > 0 {
			f(fmt.Sprintf("cut at %d", i), [][]byte{b[:i], b[i:]})
		}
		single = append(single, b[i:i+1])
	}
	f("byte by byte", single)
}
