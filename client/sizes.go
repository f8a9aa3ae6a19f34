package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/unit"
)

// sizes is a flag for the size of messages: BYTES, or FIRST:LAST for a range.
type sizes struct{ first, last int }

func (s *sizes) String() string {
	if s.last > s.first {
		return fmt.Sprintf("%d:%d", s.first, s.last)
	}
	return strconv.Itoa(s.first)
}

// Type names the kind of value.
func (*sizes) Type() string { return "size" }

// Set reads BYTES or FIRST:LAST.
func (s *sizes) Set(text string) error {
	bad := fmt.Errorf(
		"%q is not a size of messages: want BYTES or FIRST:LAST, each within 1..%d, like 64, 8KiB, 64:1024", text, maxSize)
	a, b, isRange := strings.Cut(text, ":")
	if !isRange {
		b = a
	}
	var first, last unit.Size
	err1, err2 := first.Set(a), last.Set(b)
	if err1 != nil || err2 != nil || first < 1 || last < first || last > maxSize {
		return bad
	}
	*s = sizes{int(first), int(last)}
	return nil
}
