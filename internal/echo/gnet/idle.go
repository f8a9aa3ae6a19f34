package gnet

import (
	"time"

	"github.com/panjf2000/gnet/v2"
)

// idleTable keeps when each connection of a loop last sent something, by fd,
// without a timer per connection. It exists only with an idle timeout, and then
// costs 24 B a connection. Times are of the monotonic clock.
type idleTable struct {
	timeout time.Duration
	began   time.Time
	conns   []gnet.Conn
	last    []time.Duration // since began
	swept   time.Duration
}

func newIdleTable(timeout time.Duration) *idleTable {
	return &idleTable{timeout: timeout, began: time.Now()}
}

func (t *idleTable) add(c gnet.Conn) {
	for c.Fd() >= len(t.conns) {
		t.conns = append(t.conns, nil)
		t.last = append(t.last, 0)
	}
	t.conns[c.Fd()] = c
	t.touch(c.Fd())
}

func (t *idleTable) touch(fd int)  { t.last[fd] = time.Since(t.began) }
func (t *idleTable) remove(fd int) { t.conns[fd] = nil }

// sweep calls silent for each connection that has been silent for the timeout. It runs
// four times per timeout. Each call gives a connection the whole timeout again, for its
// closing handshake.
func (t *idleTable) sweep(silent func(gnet.Conn)) {
	now := time.Since(t.began)
	if now-t.swept < t.timeout/4 {
		return
	}
	t.swept = now
	for fd, c := range t.conns {
		if c != nil && now-t.last[fd] >= t.timeout {
			t.touch(fd)
			silent(c)
		}
	}
}
