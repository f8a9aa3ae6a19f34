//go:build !race

package echo

import (
	"testing"
	"time"

	"github.com/c10m/c10m/tests/heap"
)

// A message over TLS costs crypto/tls an allocation for each of two looks whether
// more has come, and us none.
func TestTLSMallocs(t *testing.T) {
	b, cfg := overTLS(t, Config{})
	c := b.open(tcpPort).shake(cfg)
	b.agree(c)
	const n = 200
	var sealed [][]byte
	for range n + 10 {
		if err := c.Write(make([]byte, 64)); err != nil {
			t.Fatal(err)
		}
		sealed = append(sealed, c.Out(nil))
	}
	b.out = make([]byte, 0, 1<<20)
	next := 0
	one := func() {
		b.s, _ = b.Input(b.fd, b.port, b.s, sealed[next])
		next++
	}
	for range 10 {
		one()
	}
	least := uint64(1 << 60) // a collection may come between, which empties the pools
	for range 4 {
		least = min(least, heap.Mallocs(func() {
			for range n / 4 {
				one()
			}
		}))
		time.Sleep(time.Millisecond)
	}
	if each := float64(least) / (n / 4); each > 2.2 {
		t.Errorf("%.2f allocations a message", each)
	}
}
