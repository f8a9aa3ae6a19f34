package result

import (
	"cmp"
	"maps"
	"slices"
)

// ErrorCounts counts failures by "<phase>_<cause>", for example
// connect_refused, connect_no_address, read_reset, echo_mismatch.
type ErrorCounts map[string]int64

// ErrorCount is one line of ErrorCounts.
type ErrorCount struct {
	Name string
	N    int64
}

// Add counts n more of name. Nothing is nothing: n = 0 leaves no entry.
func (e *ErrorCounts) Add(name string, n int64) {
	if n == 0 {
		return
	}
	if *e == nil {
		*e = ErrorCounts{}
	}
	(*e)[name] += n
}

// Sum is how many failures there were in all.
func (e ErrorCounts) Sum() (n int64) {
	for _, v := range e {
		n += v
	}
	return n
}

// Plus is the sum of two counts; either may be nil and neither is changed.
func (e ErrorCounts) Plus(f ErrorCounts) ErrorCounts {
	sum := maps.Clone(e)
	for name, n := range f {
		sum.Add(name, n)
	}
	return sum
}

// Top lists the n largest counts, most first, equal ones by name; all of them
// if n is 0 or less.
func (e ErrorCounts) Top(n int) []ErrorCount {
	list := make([]ErrorCount, 0, len(e))
	for name, v := range e {
		list = append(list, ErrorCount{name, v})
	}
	slices.SortFunc(list, func(a, b ErrorCount) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
	if n > 0 && n < len(list) {
		list = list[:n]
	}
	return list
}
