package ws

import (
	"fmt"
	"testing"

	gobwas "github.com/gobwas/ws"
)

func BenchmarkMask(b *testing.B) {
	for _, n := range []int{64, 1024, 64 << 10} {
		buf, other := make([]byte, n), make([]byte, n)
		b.Run(fmt.Sprintf("inplace/%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				mask(buf, buf, testKey)
			}
		})
		b.Run(fmt.Sprintf("copy/%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				mask(other, buf, testKey)
			}
		})
		b.Run(fmt.Sprintf("gobwas/%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				gobwas.Cipher(buf, [4]byte{1, 2, 3, 4}, 0)
			}
		})
	}
}

// echoBench echoes one message that arrives in reads of at most size bytes.
// The bytes are unmasked anew each time: what they are does not matter for
// binary, and text is masked with 0.
type echoBench struct {
	frame, in []byte
	size      int
}

func newEchoBench(op byte, n, size int, key uint32) *echoBench {
	frame := AppendFrame(nil, op, []byte(long(n)), key)
	return &echoBench{frame: frame, in: make([]byte, len(frame)), size: size}
}

func (e *echoBench) run() (sent int) {
	copy(e.in, e.frame)
	var s *Session
	for in := e.in; len(in) > 0; {
		var out []byte
		var n int
		s, out, n, _, _ = Echo(s, in[:min(e.size, len(in))], Limits{})
		sent += len(out)
		s, in = s.Sent(), in[n:]
	}
	return sent
}

var echoBenches = []struct {
	name string
	e    *echoBench
}{
	{"64", newEchoBench(OpBinary, 64, 1<<16, testKey)},
	{"64-text", newEchoBench(OpText, 64, 1<<16, 0)},
	{"4096-text", newEchoBench(OpText, 4096, 1<<16, 0)},
	{"65536-whole", newEchoBench(OpBinary, 64<<10, 1<<20, testKey)},
	{"65536-streamed", newEchoBench(OpBinary, 64<<10, 1<<16, testKey)},
	{"65536-text-streamed", newEchoBench(OpText, 64<<10, 40_000, 0)},
}

func BenchmarkEcho(b *testing.B) {
	for _, tc := range echoBenches {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(tc.e.frame)))
			for b.Loop() {
				tc.e.run()
			}
		})
	}
}

func BenchmarkUpgrade(b *testing.B) {
	t, err := NewTemplate("127.0.0.1:15000", "/", nil, "")
	if err != nil {
		b.Fatal(err)
	}
	in, out := t.AppendRequest(nil, 1), make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		Upgrade(in, out, Limits{})
	}
}

func BenchmarkClient(b *testing.B) {
	t, err := NewTemplate("127.0.0.1:15000", "/", nil, "")
	if err != nil {
		b.Fatal(err)
	}
	_, answer, _ := Upgrade(t.AppendRequest(nil, 1), nil, Limits{})
	buf := make([]byte, 0, 1024)
	payload, reply := []byte(long(64)), server(raw{first: fin | OpBinary, payload: long(64)})
	b.Run("AppendRequest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t.AppendRequest(buf, 1)
		}
	})
	b.Run("CheckResponse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := t.CheckResponse(answer, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("AppendFrame", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			AppendFrame(buf, OpBinary, payload, testKey)
		}
	})
	b.Run("Reader", func(b *testing.B) {
		b.ReportAllocs()
		var r Reader
		for b.Loop() {
			r.Next(reply)
		}
	})
}
