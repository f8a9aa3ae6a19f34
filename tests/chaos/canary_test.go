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
	conns []speaker
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

// speaker is one of these connections. out and in are the first bytes of its messages and
// of their echoes, as its protocol has them.
type speaker struct {
	*net.TCPConn
	out, in []byte
}

// said is the payload of a well-behaved message.
const said = 64

// newCanary connects, spread over the server's ports, every second one to a
// WebSocket port if there are any, and begins to talk.
func newCanary(t *testing.T, s *rig.Server) *canary {
	t.Helper()
	c := &canary{}
	for i := range canaries {
		sp := speaker{}
		at := s.Addr(i)
		if s.NWS > 0 && i%2 == 0 {
			at = fmt.Sprintf("127.0.0.1:%d", s.WS+i%s.NWS)
			sp.out, sp.in = frame(fin|opBinary, said, nil), []byte{fin | opBinary, said}
		}
		conn, err := net.Dial("tcp4", at)
		if err != nil {
			t.Fatal(err)
		}
		sp.TCPConn = conn.(*net.TCPConn)
		c.conns = append(c.conns, sp)
		if sp.out != nil {
			if err := upgrade(sp.TCPConn); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(c.close)
	c.talk()
	return c
}

// talk starts a goroutine for each connection, which sends messages and checks their
// echoes.
func (c *canary) talk() {
	c.stop.Store(false)
	for i, conn := range c.conns {
		c.wg.Add(1)
		go c.chat(i, conn)
	}
}

// hush ends these goroutines and keeps the connections, so that the server's memory can be
// measured while they are silent.
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

func (c *canary) chat(i int, conn speaker) {
	defer c.wg.Done()
	out := append(conn.out, make([]byte, said)...)
	want := append(conn.in, make([]byte, said)...)
	in := make([]byte, len(want))
	for n := 0; !c.stop.Load(); n++ {
		copy(out[len(conn.out):], fmt.Sprintf("canary %d message %d", i, n))
		copy(want[len(conn.in):], out[len(conn.out):])
		began := time.Now()
		_ = conn.SetDeadline(began.Add(rig.Patience))
		_, err := conn.Write(out)
		if err == nil {
			_, err = io.ReadFull(conn, in)
		}
		if err == nil && !bytes.Equal(in, want) {
			err = fmt.Errorf("want %q, came back %q", want, in)
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

// calm is the latency to compare with: the median of the slower of two windows, and no
// less than a wake-up takes on a busy machine, so that noise is not compared with noise.
func (c *canary) calm() time.Duration {
	var m []time.Duration
	for range 2 {
		m = append(m, c.median())
	}
	slices.Sort(m)
	return max(m[1], 200*time.Microsecond)
}

// factor is how much slower than before a well-behaved connection may be while
// others misbehave.
const factor = 3.0

// slowed is how many times slower than calm the middle one of the windows is in
// which cond holds all the time; 0 if there is none.
func (c *canary) slowed(calm time.Duration, cond func() bool) float64 {
	var all []float64
	for cond() {
		if m := c.median(); cond() {
			all = append(all, float64(m)/float64(calm))
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}
