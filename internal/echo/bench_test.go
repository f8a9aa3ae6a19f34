package echo

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/tests/nettest"
)

// bench is a loop without a kernel: one connection on each of two ports, whose
// sockets take room bytes more, and a clock that the test moves.
type bench struct {
	*Loop
	tb     testing.TB
	ctr    *Counters
	room   int // bytes that the sockets take
	broken bool
	unsent int // bytes that they hold
	out    []byte
	shut   bool
	now    time.Duration
	turned map[*Session]Next
	s      *Session // of the connection at hand
	port   int
	fd     int
}

func (b *bench) Send(_ int, p []byte) (int, sys.Errno) {
	if b.broken {
		return 0, sys.ECONNRESET
	}
	n := min(len(p), b.room)
	if n == 0 {
		return 0, sys.EAGAIN
	}
	b.room -= n
	b.out = append(b.out, p[:n]...)
	return n, 0
}

func (b *bench) Unsent(int) int { return b.unsent }

func (b *bench) ShutdownWrite(int) sys.Errno { b.shut = true; return 0 }

// Turn implements Conns, as an engine does that ends what is to end.
func (b *bench) Turn(s *Session, next Next) {
	b.turned[s] = next
	if next.Ends() {
		b.Gone(s.FD(), s.Port(), s)
	}
}

func (b *bench) Wake() {}

const (
	tcpPort = iota
	wsPort
)

func newBench(tb testing.TB, cfg Config) *bench {
	cfg.Ports, cfg.Loops, cfg.Limit, cfg.Logf = []Port{{10000, TCP}, {15000, WS}}, 1, 1000, tb.Logf
	b := &bench{tb: tb, ctr: new(Counters), room: 1 << 40, turned: map[*Session]Next{}}
	b.Loop = New(cfg, b.ctr).Loop(0, b)
	b.Loop.socket, b.clock = b, func() time.Duration { return b.now }
	return b
}

// open admits a connection, which is then the one at hand.
func (b *bench) open(port int) *bench {
	b.tb.Helper()
	if !b.Admit(port) {
		b.tb.Fatal("not admitted")
	}
	b.port, b.fd, b.out = port, b.fd+1, nil
	b.s = b.Open(b.fd, port)
	return b
}

// in has bytes arrive.
func (b *bench) in(p []byte) Next {
	var next Next
	b.s, next = b.Input(b.fd, b.port, b.s, append([]byte(nil), p...))
	return next
}

// took has the socket take n bytes more.
func (b *bench) took(n int) Next {
	b.room = n
	var next Next
	b.s, next = b.Writable(b.fd, b.port, b.s)
	return next
}

func (b *bench) eof() Next {
	var next Next
	b.s, next = b.EOF(b.fd, b.port, b.s)
	return next
}

// upgraded is a WebSocket connection after its handshake.
func (b *bench) upgraded() *bench {
	b.tb.Helper()
	next := b.open(wsPort).in([]byte(request))
	if next != Read || b.s != nil || !bytes.HasPrefix(b.out, []byte("HTTP/1.1 101")) {
		b.tb.Fatalf("upgrade: %v, session %v, %q", next, b.s, b.out)
	}
	b.out = b.out[:0]
	return b
}

const request = nettest.Request

func closeFrame(code uint16) []byte {
	return append([]byte{0x88, 2}, binary.BigEndian.AppendUint16(nil, code)...)
}
