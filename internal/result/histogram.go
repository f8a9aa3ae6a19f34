package result

import (
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range and precision of every histogram, in microseconds and significant
// digits: all of a kind, so that any two can be merged.
const (
	lowestMicros  = 1
	highestMicros = 120_000_000
	digits        = 2
)

// Histogram records durations from 1 microsecond to 120 seconds with two
// significant digits; longer ones count as 120 s. It takes about 24 KiB, and
// Record does not allocate. In and out are nanoseconds.
type Histogram struct{ h *hdrhistogram.Histogram }

// NewHistogram makes an empty one.
func NewHistogram() *Histogram {
	return &Histogram{h: hdrhistogram.New(lowestMicros, highestMicros, digits)}
}

// Record counts one duration.
func (h *Histogram) Record(ns int64) {
	_ = h.h.RecordValue(min(max(ns/1000, lowestMicros), highestMicros)) // in range: cannot fail
}

// Merge adds what other has recorded.
func (h *Histogram) Merge(other *Histogram) { h.h.Merge(other.h) }

// Summary is nil for an empty histogram: what was not measured is absent.
func (h *Histogram) Summary() *Latency {
	if h.h.TotalCount() == 0 {
		return nil
	}
	at := func(q float64) int64 { return h.h.ValueAtQuantile(q) * 1000 }
	l := &Latency{Count: h.h.TotalCount(), P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: h.h.Max() * 1000}
	if b, err := h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err == nil {
		l.Encoded = string(b)
	}
	return l
}

// decode is the inverse of Summary.
func (l *Latency) decode() (*Histogram, error) {
	h, err := hdrhistogram.Decode([]byte(l.Encoded))
	if err != nil {
		return nil, fmt.Errorf("decode latency histogram: %w", err)
	}
	if h.LowestTrackableValue() != lowestMicros || h.HighestTrackableValue() != highestMicros {
		return nil, fmt.Errorf("decode latency histogram: range %d..%d, want %d..%d", h.LowestTrackableValue(), h.HighestTrackableValue(), lowestMicros, highestMicros)
	}
	return &Histogram{h: h}, nil
}

// mergeLatency adds two summaries without loss; either may be nil.
func mergeLatency(a, b *Latency) (*Latency, error) {
	if a == nil || b == nil {
		if a == nil {
			a = b
		}
		return a, nil
	}
	ha, err := a.decode()
	if err != nil {
		return nil, err
	}
	hb, err := b.decode()
	if err != nil {
		return nil, err
	}
	ha.Merge(hb)
	return ha.Summary(), nil
}
