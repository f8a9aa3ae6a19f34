package result

// Set makes h a copy of other, without taking memory. Who shows a histogram
// that its loop still writes copies it there first.
func (h *Histogram) Set(other *Histogram) {
	h.h.Reset()
	h.h.Merge(other.h)
	h.longest = other.longest
}

// Count is how many durations were recorded.
func (h *Histogram) Count() int64 { return h.h.TotalCount() }

// Buckets hands each bucket that is not empty to visit, shortest first: the
// middle of it in nanoseconds, and how many durations lie in it.
func (h *Histogram) Buckets(visit func(ns float64, n int64)) {
	for _, b := range h.h.Distribution() {
		if b.Count > 0 {
			visit(float64(b.From+b.To)/2*1000, b.Count)
		}
	}
}
