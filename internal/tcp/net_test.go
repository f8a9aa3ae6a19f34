package tcp

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// side is one end of a lossy network between two stacks, which open to each
// other at the same time. It sends a stream of total bytes, as fast as it may,
// and checks the other's.
type side struct {
	*Stack
	t          *testing.T
	seed       byte
	total      int
	given, got int
	wire       []Segment // on its way from here
	ended      bool
	closed     []Cause
	open       int
}

// stream is byte i of a side's stream.
func (s *side) stream(seed byte, i int) byte { return byte(i*7>>3) + seed }

func (s *side) Transmit(_ int, o Out) {
	g := Segment{Seq: o.Seq, Ack: o.Ack, Flags: o.Flags, Window: o.Window, MSS: o.MSS, Payload: make([]byte, o.Len)}
	for i := range g.Payload {
		g.Payload[i] = s.stream(s.seed, int(o.Offset)+i)
	}
	s.wire = append(s.wire, g)
}

func (s *side) Established(int) {
	s.open++
	s.feed()
}

func (s *side) feed() {
	for s.given < s.total && s.Unacked(0) < 20_000 {
		n := min(s.total-s.given, 7000)
		s.given += n
		if !s.Send(0, uint32(n)) {
			s.t.Fatal("an open connection takes no data")
		}
	}
	if s.given == s.total {
		s.Close(0)
	}
}

func (s *side) Data(_ int, b []byte) {
	for _, c := range b {
		if want := s.stream(s.seed^1, s.got); c != want {
			s.t.Fatalf("byte %d is %d, want %d", s.got, c, want)
		}
		s.got++
	}
}

func (s *side) Acked(int, uint32)                { s.feed() }
func (s *side) End(int)                          { s.ended = true }
func (s *side) Closed(_ int, why Cause, _ State) { s.closed = append(s.closed, why) }

// newPair is two sides whose segments are of at most mss bytes.
func newPair(t *testing.T, total int, mss uint16) (a, b *side) {
	make1 := func(seed byte) *side {
		s := &side{t: t, seed: seed, total: total}
		isn := uint32(seed)*0x80000000 - 1000
		s.Stack = New(Config{Output: s, Events: s, MSS: mss, ISN: func(int) uint32 { return isn }}, make([]Conn, 1))
		return s
	}
	return make1(0), make1(1)
}

// Every byte comes once and in order, and both ends finish, whatever the
// network loses, repeats and reorders.
func TestLossyNetwork(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		loss, repeat, reorder := r.Float64()*0.3, r.Float64()*0.2, r.Float64()*0.3
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			a, b := newPair(t, r.IntN(100_000), uint16(100+r.IntN(1400)))
			a.Open(0)
			b.Open(0)
			now := uint32(0)
			done := func(s *side) bool { return s.ended && len(s.closed) > 0 }
			for step := 0; !done(a) || !done(b); step++ {
				if step > 400_000 {
					t.Fatalf("not done: %v got %d, %v got %d of %d", a.State(0), a.got, b.State(0), b.got, a.total)
				}
				carry(r, a, b, loss, repeat, reorder)
				carry(r, b, a, loss, repeat, reorder)
				a.Flush()
				b.Flush()
				now += 10
				a.Sweep(now)
				b.Sweep(now)
			}
			for _, s := range []*side{a, b} {
				if s.got != s.total || s.open != 1 || s.UnderWay() != 0 {
					t.Errorf("got %d of %d bytes, opened %d times, %d under way", s.got, s.total, s.open, s.UnderWay())
				}
				if len(s.closed) != 1 || s.closed[0] != Finished {
					t.Errorf("closed: %v", s.closed)
				}
			}
		})
	}
}

// carry brings what is on its way from one side to the other.
func carry(r *rand.Rand, from, to *side, loss, repeat, reorder float64) {
	segments := from.wire
	from.wire = nil
	for i := range segments {
		if i > 0 && r.Float64() < reorder {
			segments[i], segments[i-1] = segments[i-1], segments[i]
		}
	}
	for _, g := range segments {
		if r.Float64() < loss {
			continue
		}
		to.Input(0, g)
		if r.Float64() < repeat {
			to.Input(0, g)
		}
	}
}

// What anybody sends must not upset a stack: it keeps its promises to its owner,
// and holds nothing for a connection that is gone.
func FuzzInput(f *testing.F) {
	f.Add([]byte{0, 2, 0, 0, 0, 0, 0})
	f.Add([]byte{1, 16, 1, 1, 0, 4, 0, 3, 40, 2, 200})
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &side{t: t, total: 1 << 30}
		s.Stack = New(Config{Output: s, Events: s, MSS: 1460, ISN: func(int) uint32 { return ourISN }}, make([]Conn, 1))
		quiet := &quietEvents{}
		s.cfg.Events = quiet
		s.Open(0)
		s.Input(0, Segment{Seq: theirISN, Ack: ourISN + 1, Flags: SYN | ACK, Window: 1000})
		now := uint32(0)
		for len(in) >= 7 {
			b := in[:7]
			in = in[7:]
			switch b[0] % 8 {
			case 0:
				s.Send(0, uint32(b[1])<<4)
			case 1:
				s.Close(0)
			case 2:
				s.Flush()
			case 3:
				now += uint32(b[1]) << 4
				s.Sweep(now)
			case 4:
				s.TooBig(0, ourISN+uint32(b[1]), uint32(b[2])<<3)
				s.Unreachable(0, ourISN+uint32(b[1]))
			default:
				s.Input(0, Segment{
					Flags: Flags(b[1] & 0x3f), Seq: theirISN + uint32(int8(b[2]))<<(b[6]%24),
					Ack:    ourISN + uint32(int8(b[3]))<<(b[6]>>3%24),
					Window: uint16(b[4]) << 8, MSS: uint16(b[5]) << 4, Payload: make([]byte, b[5]),
				})
			}
			s.wire = s.wire[:0]
			check(t, s.Stack, quiet)
		}
	})
}

// quietEvents counts what a stack tells.
type quietEvents struct{ established, ended, closed int }

func (q *quietEvents) Established(int)          { q.established++ }
func (q *quietEvents) Data(int, []byte)         {}
func (q *quietEvents) Acked(int, uint32)        {}
func (q *quietEvents) End(int)                  { q.ended++ }
func (q *quietEvents) Closed(int, Cause, State) { q.closed++ }

func check(t *testing.T, s *Stack, q *quietEvents) {
	c := &s.conns[0]
	if q.established > 1 || q.ended > 1 || q.closed > 1 {
		t.Fatalf("told twice: %+v", *q)
	}
	f := s.flightOf(c)
	if c.state == Closed && (f != nil || q.closed == 0) {
		t.Fatalf("closed with flight %v, told %d times", f, q.closed)
	}
	if f == nil {
		return
	}
	if f.slot != 0 || f.data() > f.queued && c.state.synchronized() || f.inFlight > f.most || f.most > f.queued+1 {
		t.Fatalf("%v: %+v", c.state, *f)
	}
	if f.queued > 0 && f.flags&armed == 0 && c.state.synchronized() {
		t.Fatalf("%v: data waits and no timer runs: %+v", c.state, *f)
	}
}
