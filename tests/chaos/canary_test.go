//go:build chaos

package chaos

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// canary is a handful of well-behaved connections that go on talking while
// others misbehave. None of them may be lost or get a wrong byte, and none may
// wait much longer than before.
type canary struct {
	conns []*net.TCPConn
	stop  atomic.Bool
	wg    sync.WaitGroup

	mu   sync.Mutex
	took []time.Duration // of the window under way
	err  error
}

const (
	canaries    = 24
	canaryEvery = 10 * time.Millisecond
	window      = 300 * time.Millisecond
)

// newCanary connects, spread over the server's ports, and begins to talk.
func newCanary(t *testing.T, s *rig.Server) *canary {
	t.Helper()
	c := &canary{}
	for i := range canaries {
		conn, err := net.Dial("tcp4", s.Addr(i))
		if err != nil {
			t.Fatal(err)
		}
		c.conns = append(c.conns, conn.(*net.TCPConn))
	}
	t.Cleanup(c.close)
	c.talk()
	return c
}

// talk starts a talker per connection.
func (c *canary) talk() {
	c.stop.Store(false)
	for i, conn := range c.conns {
		c.wg.Add(1)
		go c.chat(i, conn)
	}
}

// hush ends the talkers and keeps the connections: what the server needs for
// silent ones can be measured then.
func (c *canary) hush() {
	c.stop.Store(true)
	c.wg.Wait()
}

func (c *canary) close() {
	c.hush()
	for _, conn := range c.conns {
		_ = conn.SetLinger(0)
		_ = conn.Close()
	}
}

func (c *canary) chat(i int, conn *net.TCPConn) {
	defer c.wg.Done()
	out, in := make([]byte, 64), make([]byte, 64)
	for n := 0; !c.stop.Load(); n++ {
		copy(out, fmt.Sprintf("canary %d message %d", i, n))
		began := time.Now()
		_ = conn.SetDeadline(began.Add(rig.Patience))
		_, err := conn.Write(out)
		if err == nil {
			_, err = io.ReadFull(conn, in)
		}
		if err == nil && !bytes.Equal(in, out) {
			err = fmt.Errorf("sent %q, came back %q", out, in)
		}
		c.mu.Lock()
		c.took = append(c.took, time.Since(began))
		if err != nil && c.err == nil {
			c.err = fmt.Errorf("well-behaved connection %d: %w", i, err)
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
		time.Sleep(canaryEvery)
	}
}

// median is the median latency over the next window.
func (c *canary) median() time.Duration {
	c.mu.Lock()
	c.took = c.took[:0]
	c.mu.Unlock()
	for {
		time.Sleep(window)
		c.mu.Lock()
		n := len(c.took)
		var m time.Duration
		if n >= canaries {
			slices.Sort(c.took)
			m = c.took[n/2]
		}
		dead := c.err != nil
		c.mu.Unlock()
		if n >= canaries || dead {
			return m
		}
	}
}

// well fails the test if one of them was hurt.
func (c *canary) well(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		t.Fatal(c.err)
	}
}

// calm is the latency to compare with: the median of several windows, and no
// less than what a wake-up takes, so that noise is not measured in noise.
func (c *canary) calm() time.Duration {
	var m []time.Duration
	for range 3 {
		m = append(m, c.median())
	}
	slices.Sort(m)
	return max(m[1], 100*time.Microsecond)
}

// factor is how much slower than before (before) a well-behaved connection may
// be while others misbehave.
const factor = 3

// stays sees that latency is within factor of before: the best of several
// windows counts, because on a busy machine any one may be somebody else's.
func (c *canary) stays(t *testing.T, when string, before time.Duration, windows int) {
	t.Helper()
	best := time.Duration(0)
	for i := range windows {
		m := c.median()
		c.well(t)
		if i == 0 || m < best {
			best = m
		}
		if best <= factor*before {
			break
		}
	}
	t.Logf("latency %s: median %v, before %v: × %.2f", when, best, before, float64(best)/float64(before))
	if best > factor*before {
		t.Errorf("latency %s: median %v is more than %d × the %v before", when, best, factor, before)
	}
}
