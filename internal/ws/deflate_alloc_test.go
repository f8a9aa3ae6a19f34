//go:build !race

package ws

import (
	"strings"
	"testing"
)

// Not under the race detector, where sync.Pool forgets at random.
func TestDeflateDoesNotAllocate(t *testing.T) {
	text := []byte(strings.Repeat("tick ", 20))
	message := AppendDeflated(nil, text)
	out, in := make([]byte, 0, 1<<13), make([]byte, 0, 1<<13)
	if n := testing.AllocsPerRun(100, func() {
		out = AppendDeflated(out[:0], text)
		in, _ = AppendInflated(in[:0], message, 1<<12)
	}); n > 2 {
		t.Errorf("%v allocations", n)
	}
}
