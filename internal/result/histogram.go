package result

import (
	"errors"
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

// maxEncoded bounds Latency.Encoded, bytes: each of the 2,688 counts of our
// histograms takes at most 9 bytes before compression, 4/3 of that in base64.
const maxEncoded = 40_000

// Histogram records durations from 1 microsecond to 120 seconds with two
// significant digits (HdrHistogram), and the longest exactly. It takes 21 KiB:
// 126 loops with two each take 5.3 MiB, whatever the number of connections.
// Record does not allocate. In and out are nanoseconds. It belongs to one loop;
// histograms are merged once the loops have stopped.
type Histogram struct {
	h       *hdrhistogram.Histogram
	longest int64 // ns, exact
}

// NewHistogram makes an empty one.
func NewHistogram() *Histogram {
	return &Histogram{h: hdrhistogram.New(lowestMicros, highestMicros, digits)}
}

// Record counts one duration. Beyond 120 s the quantiles say 120 s and the
// maximum the truth; a clock that went backwards counts as 1 microsecond.
func (h *Histogram) Record(ns int64) {
	ns = max(ns, 1000*lowestMicros)
	h.longest = max(h.longest, ns)
	_ = h.h.RecordValue(min((ns-500)/1000+1, highestMicros)) // rounded and in range: cannot fail
}

// Merge adds what other has recorded, without loss.
func (h *Histogram) Merge(other *Histogram) {
	h.h.Merge(other.h)
	h.longest = max(h.longest, other.longest)
}

// Summary is nil for an empty histogram: what was not measured is absent.
func (h *Histogram) Summary() *Latency {
	l := h.Quantiles()
	if l == nil {
		return nil
	}
	if b, err := h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err == nil {
		l.Encoded = string(b)
	}
	return l
}

// Quantiles is Summary without the whole histogram in it.
func (h *Histogram) Quantiles() *Latency {
	if h.h.TotalCount() == 0 {
		return nil
	}
	// A quantile is the upper end of its bucket, which may lie above the longest.
	at := func(q float64) int64 { return min(h.h.ValueAtQuantile(q)*1000, h.longest) }
	return &Latency{Count: h.h.TotalCount(), P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: h.longest}
}

// Histogram is the inverse of Summary.
func (l *Latency) Histogram() (*Histogram, error) {
	switch {
	case l.Encoded == "":
		return nil, errors.New("decode latency histogram: the file holds only its summary")
	case len(l.Encoded) > maxEncoded:
		return nil, fmt.Errorf("decode latency histogram: %d bytes, at most %d are legal", len(l.Encoded), maxEncoded)
	}
	h, err := hdrhistogram.Decode([]byte(l.Encoded))
	if err != nil {
		return nil, fmt.Errorf("decode latency histogram: %w", err)
	}
	if h.LowestTrackableValue() != lowestMicros || h.HighestTrackableValue() != highestMicros ||
		h.SignificantFigures() != digits {
		return nil, fmt.Errorf("decode latency histogram: %d..%d µs with %d digits, want %d..%d with %d",
			h.LowestTrackableValue(), h.HighestTrackableValue(), h.SignificantFigures(), lowestMicros, highestMicros, digits)
	}
	if h.TotalCount() != l.Count {
		return nil, fmt.Errorf("decode latency histogram: it holds %d values, count says %d", h.TotalCount(), l.Count)
	}
	return &Histogram{h: h, longest: l.Max}, nil
}
