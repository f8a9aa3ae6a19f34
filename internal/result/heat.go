package result

import (
	"fmt"
	"slices"
)

// Heat is how many messages took how long at which time of a run.
type Heat struct {
	Seconds float64   `json:"column_seconds"` // time that each column covers
	Bounds  []int64   `json:"bounds_ns"`      // the upper end of each row but the last, which has none
	Counts  [][]int64 `json:"counts"`         // by column, then by row from fast to slow
}

// Quantile is the upper end of the row in which a column's quantile q lies, ns;
// 0 for a column without messages. Of the last row it is twice the end of the
// row before.
func (h *Heat) Quantile(column int, q float64) int64 {
	sum := int64(0)
	for _, n := range h.Counts[column] {
		sum += n
	}
	if sum == 0 {
		return 0
	}
	upTo := int64(0)
	for row, n := range h.Counts[column] {
		if upTo += n; float64(upTo) >= q*float64(sum) && row < len(h.Bounds) {
			return h.Bounds[row]
		}
	}
	return 2 * h.Bounds[len(h.Bounds)-1]
}

func (h *Heat) check() error {
	if h == nil {
		return nil
	}
	for i := 1; i < len(h.Bounds); i++ {
		if h.Bounds[i] <= h.Bounds[i-1] {
			return fmt.Errorf("heat: bound %d does not rise", i)
		}
	}
	for i, column := range h.Counts {
		if len(h.Bounds) == 0 || len(column) != len(h.Bounds)+1 {
			return fmt.Errorf("heat: column %d has %d rows for %d bounds", i, len(column), len(h.Bounds))
		}
		for _, n := range column {
			if err := legal("heat.counts", n); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeHeats adds parts that ran at the same time. One may have ended earlier; of
// columns or rows that differ there is no sum.
func mergeHeats(parts []*Result) (sum *Heat, err error) {
	for _, p := range parts {
		h := p.Heat
		switch {
		case h == nil:
			continue
		case sum == nil:
			sum = &Heat{Seconds: h.Seconds, Bounds: h.Bounds}
		case sum.Seconds != h.Seconds || !slices.Equal(sum.Bounds, h.Bounds):
			return nil, fmt.Errorf("columns of %g s and of %g s, %d and %d rows", sum.Seconds, h.Seconds,
				len(sum.Bounds)+1, len(h.Bounds)+1)
		}
		for i, column := range h.Counts {
			if i == len(sum.Counts) {
				sum.Counts = append(sum.Counts, make([]int64, len(column)))
			}
			for j := range column {
				sum.Counts[i][j] += column[j]
			}
		}
	}
	return sum, nil
}
