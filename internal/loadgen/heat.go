package loadgen

import (
	"math/bits"
	"sync"
	"time"
)

// HeatRows is how many ranges of latency a Heat has: up to 16 µs, and then twice
// as long each, up to more than 8 s.
const HeatRows = 21

// heatFirst is the width of the first row as a power of two, microseconds.
const heatFirst = 4

// HeatBound is the upper end of a row, ns; 0 for the last, which has none.
func HeatBound(row int) int64 {
	if row >= HeatRows-1 {
		return 0
	}
	return 1000 << (heatFirst + row)
}

// Heat is a heat map: how many messages took how long, over the time of an
// exchange.
type Heat struct {
	Column  time.Duration // time covered by each
	Columns [][HeatRows]int64
}

// heat is one thread's part of it.
type heat struct {
	Heat
	open bool // the duration is not known beforehand
}

// openColumn is the time that a column covers at first if the duration is not
// known.
const openColumn = 10 * time.Millisecond

// newHeat covers total; if total is 0, columns double their time as needed.
func newHeat(columns int, total time.Duration) *heat {
	h := &heat{Heat{Column: max(1, total/time.Duration(columns)), Columns: make([][HeatRows]int64, columns)}, total == 0}
	if h.open {
		h.Column = openColumn
	}
	return h
}

// fold doubles the time that each column covers.
func (h *Heat) fold() {
	for i, c := range h.Columns {
		h.Columns[i] = [HeatRows]int64{}
		for row, n := range c {
			h.Columns[i/2][row] += n
		}
	}
	h.Column *= 2
}

// add counts a message that should have been sent at t and took ns.
func (h *heat) add(t time.Duration, ns int64) {
	for h.open && t >= h.Column*time.Duration(len(h.Columns)) {
		h.fold()
	}
	col := min(len(h.Columns)-1, max(0, int(t/h.Column)))
	row := min(HeatRows-1, max(0, bits.Len64(uint64(max(0, ns-1)/1000))-heatFirst))
	h.Columns[col][row]++
}

// Heat returns the heat map of the last exchange or churn, summed over all
// threads; without columns if none was kept. Call it between two exchanges.
func (e *Engine) Heat() (sum Heat) {
	var mu sync.Mutex
	e.each(func(t *thread) {
		if t.heat == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if sum.Columns == nil {
			sum = Heat{Column: t.heat.Column, Columns: make([][HeatRows]int64, len(t.heat.Columns))}
		}
		for sum.Column < t.heat.Column {
			sum.fold()
		}
		for t.heat.Column < sum.Column {
			t.heat.fold()
		}
		for i := range t.heat.Columns {
			for row, n := range t.heat.Columns[i] {
				sum.Columns[i][row] += n
			}
		}
	})
	return sum
}
