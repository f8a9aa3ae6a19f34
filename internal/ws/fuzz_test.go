package ws

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gobwas "github.com/gobwas/ws"
)

// FuzzEcho: any bytes in any splitting give what the oracle gives.
func FuzzEcho(f *testing.F) {
	for i, tc := range echoCases {
		f.Add(tc.in, uint64(i))
	}
	big := strings.Repeat("κόσμε ", 4000)
	f.Add(client(raw{first: fin | OpText, payload: big}), uint64(1))
	f.Add(client(raw{first: OpText, payload: big}, raw{first: fin | OpPing, payload: "p"},
		raw{first: fin, payload: big[:1001]}), uint64(2))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		compare(t, in, [][]byte{in})
		compare(t, in, chop(in, seed))
		if len(in) < 300 {
			compare(t, in, chop(in, 0)) // a splitting of its own
			single := make([][]byte, len(in))
			for i := range in {
				single[i] = in[i : i+1]
			}
			compare(t, in, single)
		}
	})
}

// Sequences that are mostly legal, with large frames, in random splittings:
// what a fuzzer finds too rarely.
func TestEchoAgainstOracle(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		in := sequence(r)
		for range 3 {
			compare(t, in, chop(in, r.Uint64()))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// sequence makes a client's stream: messages in fragments with control frames
// between them, and now and then one fault.
func sequence(r *rand.Rand) []byte {
	var frames []raw
	for range 1 + r.IntN(5) {
		op := OpText + byte(r.IntN(2))
		payload := message(r, op)
		for first := op; ; first = OpContinuation {
			if r.IntN(3) == 0 {
				frames = append(frames, raw{first: fin | OpPing + byte(r.IntN(2)), payload: long(r.IntN(126))})
			}
			n := len(payload)
			if r.IntN(2) == 0 {
				n = r.IntN(n + 1)
			}
			f := raw{first: first, payload: payload[:n]}
			if payload = payload[n:]; payload == "" {
				f.first |= fin
			}
			frames = append(frames, f)
			if payload == "" {
				break
			}
		}
	}
	if r.IntN(4) == 0 {
		frames = append(frames, raw{first: fin | OpClose, payload: "\x03\xe8"})
	}
	if i := r.IntN(len(frames)); r.IntN(4) == 0 {
		frames[i].first ^= 1 << r.IntN(8)
	}
	in := client(frames...)
	if r.IntN(4) == 0 {
		in = in[:r.IntN(len(in)+1)]
	}
	if r.IntN(4) == 0 && len(in) > 0 {
		in[r.IntN(len(in))] ^= 1 << r.IntN(8)
	}
	return in
}

// message is a payload of some size class; text is UTF-8 of all lengths.
func message(r *rand.Rand, op byte) string {
	size := []int{0, 5, 125, 126, 4000, MaxHeld - 14, MaxHeld - 8, MaxHeld - 7, MaxHeld, 20_000, 50_000}[r.IntN(11)]
	if op == OpBinary {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	var b strings.Builder
	for b.Len()+4 <= size {
		b.WriteString([]string{"a", "é", "€", "👋"}[r.IntN(4)])
	}
	return b.String() + long(size-b.Len())
}

// FuzzReader: the splitting does not matter, and what Reader takes for a
// server's stream, gobwas takes too, with the same messages.
func FuzzReader(f *testing.F) {
	for i, tc := range readerCases {
		f.Add(tc.in, uint64(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole, end := readAll(t, in)
		parts, end2 := readAll(t, chop(in, seed)...)
		if !slices.Equal(whole, parts) || end != end2 {
			t.Fatalf("whole %q %v, split %q %v", whole, end, parts, end2)
		}
		if len(whole) > 0 && strings.HasPrefix(whole[len(whole)-1], "error") {
			return
		}
		if end != (Reader{}) || len(in) > 0 && !wholeFrames(in) {
			return
		}
		var messages []string
		for _, ev := range whole {
			if ev[0] == '1' || ev[0] == '2' {
				messages = append(messages, string(ev[0]-'0')+ev[2:])
			}
		}
		var want []string
		for _, ev := range decode(t, in).events {
			if ev[0] == OpText || ev[0] == OpBinary {
				want = append(want, ev)
			}
		}
		if !slices.Equal(messages, want) {
			t.Fatalf("got %q, want %q", messages, want)
		}
	})
}

// wholeFrames says whether in ends where a frame does and only its last frame
// is a close frame.
func wholeFrames(in []byte) bool {
	r := bytes.NewReader(in)
	for r.Len() > 0 {
		h, err := gobwas.ReadHeader(r)
		if err != nil || h.Length > int64(r.Len()) || h.OpCode == gobwas.OpClose && h.Length < int64(r.Len()) {
			return false
		}
		r.Seek(h.Length, io.SeekCurrent)
	}
	return true
}
