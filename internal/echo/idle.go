package echo

import (
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// idleTable knows when each connection last spoke, by fd, without a timer per
// connection: one sweep a quarter of the timeout closes the silent ones. It
// exists only with an idle timeout, and costs 24 B a connection then.
type idleTable struct {
	timeout time.Duration
	mu      sync.Mutex
	conns   []gnet.Conn
	last    []int64 // Unix nanoseconds
	swept   time.Time
}

func newIdleTable(timeout time.Duration) *idleTable { return &idleTable{timeout: timeout} }

func (t *idleTable) add(c gnet.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c.Fd() >= len(t.conns) {
		t.conns = append(t.conns, nil)
		t.last = append(t.last, 0)
	}
	t.conns[c.Fd()], t.last[c.Fd()] = c, time.Now().UnixNano()
}

func (t *idleTable) touch(c gnet.Conn) {
	t.mu.Lock()
	t.last[c.Fd()] = time.Now().UnixNano()
	t.mu.Unlock()
}

func (t *idleTable) remove(c gnet.Conn) {
	t.mu.Lock()
	t.conns[c.Fd()] = nil
	t.mu.Unlock()
}

// sweep closes what has been silent for the timeout, and calls closed for each.
func (t *idleTable) sweep(now time.Time, closed func()) {
	if now.Sub(t.swept) < t.timeout/4 {
		return
	}
	t.swept = now
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := now.Add(-t.timeout).UnixNano()
	for fd, c := range t.conns {
		if c != nil && t.last[fd] < limit {
			_ = c.Close() // queued for its loop; remove follows from there
			t.last[fd] = now.UnixNano()
			closed()
		}
	}
}
