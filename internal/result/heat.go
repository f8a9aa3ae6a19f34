package result

import "fmt"

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

// mergeHeat adds parts that ran at the same time; of different shapes the first
// stays.
func mergeHeat(a, b *Heat) *Heat {
	switch {
	case a == nil:
		return b
	case b == nil, a.Seconds != b.Seconds, len(a.Counts) != len(b.Counts), len(a.Bounds) != len(b.Bounds):
		return a
	}
	for i := range a.Counts {
		for j := range a.Counts[i] {
			a.Counts[i][j] += b.Counts[i][j]
		}
	}
	return a
}
