//go:build !race

// The race detector has memory of its own.

package loadgen

import (
	"fmt"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// instant connects at once, and keeps nothing.
type instant struct {
	mirror
	opened []int64
}

func (i *instant) open(slot int64) cause {
	i.opened = append(i.opened, slot)
	return noCause
}

func (i *instant) close(int64, bool) {}

func (i *instant) poll(int) error {
	for _, slot := range i.opened {
		i.to.connected(slot)
	}
	i.opened = i.opened[:0]
	return nil
}

// A connection that never had a message has no memory but its state: its talk is
// not touched by opening it, nor by an exchange of others. Once all are closed, all of
// it is given back, that of messages too.
func TestIdleConnectionsAreSmall(t *testing.T) {
	const conns = 2 << 20
	mem, err := sys.Alloc(int(conns * connBytes))
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Free(mem)
	s := &shared{to: make([]plan.Dest, 1), pattern: newPattern(64, false), opcode: ws.OpBinary}
	one, err := newThread(s, testPlan(1, conns, 1), mem)
	if err != nil {
		t.Fatal(err)
	}
	one.cs.link.stop(false)
	link := &instant{mirror: mirror{to: one.cs}, opened: make([]int64, 0, connectBurst)}
	one.cs.link = link
	before := resident(t)
	one.lane.to = conns
	r := newRamp(one.cs, &one.lane, time.Now(), func() {})
	for one.cs.work = r; ; {
		if _, done := r.step(); done {
			break
		}
		_ = link.poll(0)
	}
	one.cs.msgs.begin(64, 64, 1)
	grew := resident(t) - before
	if c := one.cs.total(); c.Established != conns || grew > conns*int(unsafe.Sizeof(conn{}))*3/2 {
		t.Errorf("%d connections took %d bytes, want about %d each", c.Established, grew, unsafe.Sizeof(conn{}))
	}
	for slot := 0; slot < conns; slot += 1000 { // each in a page of its own
		one.cs.talks[slot].seq = 3
	}
	x := newCloseAll(one.cs)
	for one.cs.work = x; ; {
		if _, done := x.step(); done {
			break
		}
	}
	left := resident(t) - before
	if c := one.cs.total(); c.Closed != conns || left > conns || one.cs.msgs.spent != 3 {
		t.Errorf("%d connections were closed and leave %d bytes; %d messages were sent", c.Closed, left,
			one.cs.msgs.spent)
	}
}

// resident is the memory of this process that there is, bytes, /proc/PID/statm.
func resident(t *testing.T) int {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var all, here int
	if _, err := fmt.Sscan(string(statm), &all, &here); err != nil {
		t.Fatal(err)
	}
	return here * os.Getpagesize()
}
