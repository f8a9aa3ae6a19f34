package push

import (
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// convert turns Prometheus metrics into OTLP's: the same names, labels as attributes.
// Counters and histograms are cumulative since the beginning of the run.
func convert(families []*dto.MetricFamily, since, now time.Time) []metricdata.Metrics {
	var all []metricdata.Metrics
	for _, f := range families {
		if data := aggregation(f, since, now); data != nil {
			all = append(all, metricdata.Metrics{Name: f.GetName(), Description: f.GetHelp(), Data: data})
		}
	}
	return all
}

// aggregation is the data of one metric; nil if it is of a kind that we do not export.
func aggregation(f *dto.MetricFamily, since, now time.Time) metricdata.Aggregation {
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		return metricdata.Sum[float64]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
			DataPoints: points(f, since, now, (*dto.Metric).GetCounter)}
	case dto.MetricType_GAUGE:
		return metricdata.Gauge[float64]{DataPoints: points(f, since, now, (*dto.Metric).GetGauge)}
	case dto.MetricType_UNTYPED:
		return metricdata.Gauge[float64]{DataPoints: points(f, since, now, (*dto.Metric).GetUntyped)}
	case dto.MetricType_HISTOGRAM:
		h := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
		for _, m := range f.GetMetric() {
			h.DataPoints = append(h.DataPoints, histogram(m, since, now))
		}
		return h
	case dto.MetricType_SUMMARY:
		var s metricdata.Summary
		for _, m := range f.GetMetric() {
			s.DataPoints = append(s.DataPoints, summary(m, since, now))
		}
		return s
	}
	return nil
}

// points are the metric's values, one for each combination of labels.
func points[T interface{ GetValue() float64 }](f *dto.MetricFamily, since, now time.Time,
	of func(*dto.Metric) T) (list []metricdata.DataPoint[float64]) {
	for _, m := range f.GetMetric() {
		list = append(list, metricdata.DataPoint[float64]{Attributes: attributes(m), StartTime: since, Time: now,
			Value: of(m).GetValue()})
	}
	return list
}

// histogram turns Prometheus's cumulative buckets into a count for each bucket, and one
// for what lies above the last bound.
func histogram(m *dto.Metric, since, now time.Time) metricdata.HistogramDataPoint[float64] {
	from := m.GetHistogram()
	h := metricdata.HistogramDataPoint[float64]{Attributes: attributes(m), StartTime: since, Time: now,
		Count: from.GetSampleCount(), Sum: from.GetSampleSum()}
	below := uint64(0)
	for _, b := range from.GetBucket() {
		h.Bounds = append(h.Bounds, b.GetUpperBound())
		h.BucketCounts = append(h.BucketCounts, b.GetCumulativeCount()-below)
		below = b.GetCumulativeCount()
	}
	h.BucketCounts = append(h.BucketCounts, h.Count-min(h.Count, below))
	return h
}

func summary(m *dto.Metric, since, now time.Time) metricdata.SummaryDataPoint {
	from := m.GetSummary()
	s := metricdata.SummaryDataPoint{Attributes: attributes(m), StartTime: since, Time: now,
		Count: from.GetSampleCount(), Sum: from.GetSampleSum()}
	for _, q := range from.GetQuantile() {
		at := metricdata.QuantileValue{Quantile: q.GetQuantile(), Value: q.GetValue()}
		s.QuantileValues = append(s.QuantileValues, at)
	}
	return s
}

func attributes(m *dto.Metric) attribute.Set {
	var list []attribute.KeyValue
	for _, l := range m.GetLabel() {
		list = append(list, attribute.String(l.GetName(), l.GetValue()))
	}
	return attribute.NewSet(list...)
}
