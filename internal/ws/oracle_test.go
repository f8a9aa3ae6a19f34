package ws

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
)

// seen is what one end makes of a stream: messages and control frames in order.
type seen struct {
	events []string // opcode and payload
	open   string   // what is there of a message that is not whole, with its opcode
	cause  Cause
}

// oracle is a server's view of a client's bytes, slow and plain: whole input,
// header by gobwas, a message in one piece, RFC 6455 word by word. unsure says
// that in ends inside a header that no rest can make legal: Echo may know.
func oracle(in []byte, most int64) (o seen, unsure bool) {
	r := bytes.NewReader(in)
	var message []byte
	var op gobwas.OpCode
	for {
		at := len(in) - r.Len()
		h, err := gobwas.ReadHeader(r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return o, neverLegal(in[at:], op, most-int64(len(message)))
		}
		if err != nil || !legal(h, in[at:], op) {
			o.cause = Protocol
			return o, false
		}
		if h.OpCode.IsData() && h.Length > most-int64(len(message)) {
			o.cause = TooBig
			return o, false
		}
		payload := make([]byte, min(h.Length, int64(r.Len())))
		io.ReadFull(r, payload)
		gobwas.Cipher(payload, h.Mask, 0)
		whole := int64(len(payload)) == h.Length
		if h.OpCode.IsControl() {
			if !whole {
				return o, false
			}
			if o.control(h.OpCode, payload) {
				return o, false
			}
			continue
		}
		if h.OpCode != gobwas.OpContinuation {
			op = h.OpCode
		}
		message = append(message, payload...)
		last := whole && h.Fin
		if op == gobwas.OpText && !(canBeText(message) && (!last || utf8.Valid(message))) {
			o.cause = UTF8
			return o, false
		}
		o.open = string(append([]byte{byte(op)}, message...))
		if last {
			o.events, o.open, message, op = append(o.events, o.open), "", nil, 0
		}
		if !whole {
			return o, false
		}
	}
}

// control notes a control frame and reports whether it is the end.
func (o *seen) control(op gobwas.OpCode, payload []byte) bool {
	switch op {
	case gobwas.OpPing:
		o.events = append(o.events, string(append([]byte{OpPong}, payload...)))
	case gobwas.OpClose:
		o.cause = Normal
		if len(payload) == 1 {
			o.cause = Protocol
		}
		if len(payload) < 2 {
			return true
		}
		err := gobwas.CheckCloseFrameData(gobwas.ParseCloseFrameData(payload))
		switch code := binary.BigEndian.Uint16(payload); {
		case code >= 5000 || err != nil && !errors.Is(err, gobwas.ErrProtocolInvalidUTF8):
			o.cause = Protocol
		case err != nil:
			o.cause = UTF8
		}
		return true
	}
	return false
}

// legal applies gobwas's checks, and that lengths are minimal, to a header.
func legal(h gobwas.Header, b []byte, op gobwas.OpCode) bool {
	state := gobwas.StateServerSide
	if op != 0 {
		state |= gobwas.StateFragmented
	}
	short := b[1] & 0x7F
	return gobwas.CheckHeader(h, state) == nil && !(short == 126 && h.Length < 126 || short == 127 && h.Length < 1<<16)
}

// neverLegal says whether no end makes the beginning b of a header legal.
func neverLegal(b []byte, op gobwas.OpCode, room int64) bool {
	if len(b) == 0 {
		return false
	}
	for second := range 256 {
		for _, fill := range []string{"\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\xff\xff\xff\xff\xff\xff\xff",
			"\xff\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x00\x00\x01\x00\x00", "\x7e\x7e\x7e\x7e\x7e\x7e\x7e\x7e"} {
			full := bytes.Clone(b)
			if len(full) == 1 {
				full = append(full, byte(second))
			}
			if rest := 10 - len(full); rest > 0 {
				full = append(full, fill[8-rest:]...)
			}
			full = append(full, 0, 0, 0, 0)
			h, err := gobwas.ReadHeader(bytes.NewReader(full))
			if err == nil && legal(h, full, op) && (h.OpCode.IsControl() || h.Length <= room) {
				return false
			}
		}
	}
	return true
}

// canBeText says whether b is the beginning of UTF-8.
func canBeText(b []byte) bool {
	for len(b) > 0 && utf8.FullRune(b) {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return false
		}
		b = b[n:]
	}
	return true
}

// decode is a client's view of what Echo sent, by gobwas. It fails the test on
// a frame that a server may not send, or one that is cut off.
func decode(t *testing.T, out []byte) (o seen) {
	t.Helper()
	r := bytes.NewReader(out)
	var message []byte
	state := gobwas.StateClientSide
	for r.Len() > 0 {
		h, err := gobwas.ReadHeader(r)
		if err == nil {
			err = gobwas.CheckHeader(h, state)
		}
		if err != nil || h.Length > int64(r.Len()) || o.cause != None {
			t.Fatalf("sent an illegal frame, %d bytes before the end: %v", r.Len(), err)
		}
		payload := make([]byte, h.Length)
		io.ReadFull(r, payload)
		switch {
		case h.OpCode == gobwas.OpClose:
			o.cause = Normal
			if len(payload) > 0 {
				o.cause = map[uint16]Cause{1002: Protocol, 1007: UTF8, 1009: TooBig}[binary.BigEndian.Uint16(payload)]
			}
			if o.cause == None {
				o.cause = Normal
			}
		case h.OpCode.IsControl():
			o.events = append(o.events, string(append([]byte{byte(h.OpCode)}, payload...)))
		default:
			if h.OpCode != gobwas.OpContinuation {
				message = []byte{byte(h.OpCode)}
			}
			message = append(message, payload...)
			state = state.Set(gobwas.StateFragmented)
			if o.open = string(message); h.Fin {
				o.events, o.open, message = append(o.events, o.open), "", nil
				state = state.Clear(gobwas.StateFragmented)
			}
		}
	}
	return o
}

const oracleLimit = 60_000

// compare runs Echo over chunks of in and holds its output against both oracles.
func compare(t *testing.T, in []byte, chunks [][]byte) {
	t.Helper()
	want, unsure := oracle(bytes.Clone(in), oracleLimit)
	out, v, s := feed(t, Limits{MaxMessage: oracleLimit}, chunks...)
	defer s.Free()
	got := decode(t, out)
	compareSecond(t, in, got, v)
	if unsure && v.Cause != None {
		if v.Cause != Protocol && v.Cause != TooBig {
			t.Fatalf("an illegal header is a %v", v)
		}
		want.cause = v.Cause
	}
	if v.Cause != want.cause {
		t.Fatalf("got %v, want %v", v, want.cause)
	}
	// A client that closes with 1002, 1007 or 1009 gets the same code back.
	if (got.cause == None) != (v.Cause == None) || v.Cause > Normal && got.cause != v.Cause {
		t.Fatalf("closed with %v, verdict %v", got.cause, v)
	}
	if !slices.Equal(got.events, want.events) {
		t.Fatalf("got %d events, want %d\n got %.200q\nwant %.200q", len(got.events), len(want.events), got.events,
			want.events)
	}
	// What came back of an unfinished message is a beginning of it, and no
	// more than a frame that may be held is missing.
	if v.Cause == None && (len(want.open)-len(got.open) >= MaxHeld || len(got.open) > len(want.open) ||
		got.open != want.open[:len(got.open)]) {
		t.Fatalf("of an unfinished message of %d bytes %d came back", len(want.open), len(got.open))
	}
}

// chop cuts in into chunks whose sizes come from seed; each read starts with a
// size class, so that both single bytes and long reads appear.
func chop(in []byte, seed uint64) (chunks [][]byte) {
	r := rand.New(rand.NewPCG(seed, 1))
	for len(in) > 0 {
		n := min(1+r.IntN(1<<(1+r.IntN(17))), len(in))
		chunks, in = append(chunks, in[:n]), in[n:]
	}
	return chunks
}
