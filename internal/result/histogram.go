package result

import "github.com/HdrHistogram/hdrhistogram-go"

// Histogram records durations from 1 microsecond to 120 seconds with two
// significant digits; longer ones count as 120 s. Record does not allocate.
type Histogram struct{ h *hdrhistogram.Histogram }

// NewHistogram makes an empty one, about 24 KiB. It counts in microseconds
// inside; in and out are nanoseconds.
func NewHistogram() *Histogram {
	return &Histogram{h: hdrhistogram.New(1, 120_000_000, 2)}
}

// Record counts one duration in nanoseconds.
func (h *Histogram) Record(ns int64) {
	_ = h.h.RecordValue(min(max(ns/1000, 1), 120_000_000))
}

// Merge adds what other has recorded.
func (h *Histogram) Merge(other *Histogram) { h.h.Merge(other.h) }
