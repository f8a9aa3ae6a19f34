package sys

import (
	"bytes"
	"os"
	"testing"
)

// TestClear: all of a range is zero, whatever part of pages it covers, and nothing
// beside it.
func TestClear(t *testing.T) {
	page := os.Getpagesize()
	mem, err := Alloc(4 * page)
	if err != nil {
		t.Fatal(err)
	}
	defer Free(mem)
	for _, tt := range []struct{ from, to int }{
		{0, 4 * page}, {0, 1}, {page, 2 * page}, {page - 1, page + 1}, {1, page - 1}, {5, 3*page + 7}, {page, page},
		{page + 3, 2 * page}, {page, 2*page + 3}, {4*page - 1, 4 * page},
	} {
		for i := range mem {
			mem[i] = 1
		}
		Clear(mem[tt.from:tt.to])
		if !bytes.Equal(mem[tt.from:tt.to], make([]byte, tt.to-tt.from)) ||
			bytes.IndexByte(mem[:tt.from], 0) >= 0 || bytes.IndexByte(mem[tt.to:], 0) >= 0 {
			t.Errorf("%d..%d: not that, or more than that, is zero", tt.from, tt.to)
		}
	}
}
