package loadgen

import (
	"container/heap"
	"testing"
	"time"
)

// A pause lies around its mean, which doubles up to a bound; it is the same for
// the same connection in every run, and different ones do not come back in step.
func TestPause(t *testing.T) {
	for tries := range 256 {
		mean := min(firstPause<<min(tries, 16), lastPause)
		var sum time.Duration
		seen := map[time.Duration]bool{}
		const conns = 1000
		for conn := range int64(conns) {
			p := pause(conn, uint8(tries))
			if p < mean/2 || p >= mean/2+mean {
				t.Fatalf("try %d of connection %d after %v, want %v give or take a half", tries, conn, p, mean)
			}
			if p != pause(conn, uint8(tries)) {
				t.Fatalf("try %d of connection %d: not the same twice", tries, conn)
			}
			sum += p
			seen[p] = true
		}
		if avg := sum / conns; avg < mean*9/10 || avg > mean*11/10 {
			t.Errorf("try %d: %v on average, want %v", tries, avg, mean)
		}
		if len(seen) < conns*9/10 {
			t.Errorf("try %d: only %d different pauses of %d connections", tries, len(seen), conns)
		}
	}
}

// The queue gives the earliest first, also when the clock wraps around.
func TestQueueOverTheWrap(t *testing.T) {
	const start = 1<<32 - 1000
	var q queue
	for i := range uint32(100) {
		n := i * 37 % 100
		at := uint32(start)
		heap.Push(&q, try{due: at + n*50, slot: int32(n)})
	}
	for want := range int32(100) {
		if a := heap.Pop(&q).(try); a.slot != want {
			t.Fatalf("slot %d at place %d", a.slot, want)
		}
	}
}

// What came back is remembered for as long as it may be lost again at once, and
// no longer, also when nothing else happens.
func TestRestoredIsForgotten(t *testing.T) {
	const conns = 1000
	one, _ := idleThread(t, testPlan(1, conns, 1))
	cs, r := one.cs, one.cs.reconnect
	cs.epoch = cs.epoch.Add(-time.Hour)
	r.trying = map[int64]uint8{}
	for slot := range int64(conns) {
		r.trying[slot] = 3
		r.opened(slot)
		if wait := r.step(); wait < 0 {
			t.Fatal("the thread would sleep with something left to forget")
		}
	}
	cs.epoch = cs.epoch.Add(-stable / 2)
	r.step()
	if back, ok := r.last(7); !ok || back.tries != 4 {
		t.Errorf("%v later a connection that came back is %+v, %v; want its 4 tries", stable/2, back, ok)
	}
	for range 2 {
		cs.epoch = cs.epoch.Add(-stable)
		r.step()
	}
	if n := len(r.recent) + len(r.older); n != 0 || r.step() >= 0 {
		t.Errorf("%d are remembered for ever", n)
	}
}
