package dash

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/c10m/c10m/internal/result"
)

// classic are the upper bounds of the classic buckets, seconds.
var classic = []float64{
	50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30,
}

// schema says how fine the native buckets are: 2^schema of them where a value
// doubles, 9 % each.
const schema = 3

// histogram is one metric in both forms: native for a Prometheus that asks for it,
// classic in the text format and for an older Prometheus.
type histogram struct{ classic, native prometheus.Metric }

// Desc implements prometheus.Metric.
func (h histogram) Desc() *prometheus.Desc { return h.classic.Desc() }

// Write implements prometheus.Metric.
func (h histogram) Write(m *dto.Metric) error {
	var c dto.Metric
	if err := h.classic.Write(&c); err != nil {
		return err
	}
	if err := h.native.Write(m); err != nil {
		return err
	}
	m.Histogram.Bucket = c.Histogram.Bucket
	return nil
}

// times is a histogram of durations as a metric, counted since that moment.
func times(desc *prometheus.Desc, h *result.Histogram, since time.Time, labels ...string) prometheus.Metric {
	var sum float64
	below := make(map[float64]uint64, len(classic)) // cumulative
	for _, bound := range classic {
		below[bound] = 0
	}
	fine := map[int]int64{}
	h.Buckets(func(ns float64, n int64) {
		seconds := ns / 1e9
		sum += seconds * float64(n)
		for _, bound := range classic {
			if seconds <= bound {
				below[bound] += uint64(n)
			}
		}
		fine[int(math.Ceil(math.Log2(seconds)*(1<<schema)))] += n
	})
	count := uint64(h.Count())
	native, err := prometheus.NewConstNativeHistogram(desc, count, sum, fine, nil, 0, schema,
		prometheus.DefNativeHistogramZeroThreshold, since, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	old, err := prometheus.NewConstHistogram(desc, count, sum, below, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return histogram{classic: old, native: native}
}
