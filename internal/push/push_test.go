package push

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// sink is a collector that keeps what was pushed.
type sink struct {
	mu     sync.Mutex
	pushed []*collector.ExportMetricsServiceRequest
	paths  []string
	tokens []string
	status int
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, _ := io.ReadAll(body)
	var in collector.ExportMetricsServiceRequest
	if err := proto.Unmarshal(b, &in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushed, s.paths = append(s.pushed, &in), append(s.paths, r.URL.Path)
	s.tokens = append(s.tokens, r.Header.Get("X-Token"))
	if s.status != 0 {
		w.WriteHeader(s.status)
	}
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pushed)
}

func ptr[T any](v T) *T { return &v }

// families are one metric of each kind; n counts.
func families(n float64) []*dto.MetricFamily {
	label := []*dto.LabelPair{{Name: ptr("proto"), Value: ptr("ws")}}
	one := func(name string, kind dto.MetricType, m *dto.Metric) *dto.MetricFamily {
		m.Label = label
		return &dto.MetricFamily{Name: ptr(name), Help: ptr("of " + name), Type: &kind, Metric: []*dto.Metric{m}}
	}
	return []*dto.MetricFamily{
		one("c10m_total", dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{Value: &n}}),
		one("c10m_now", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{Value: ptr(-1.5)}}),
		one("c10m_any", dto.MetricType_UNTYPED, &dto.Metric{Untyped: &dto.Untyped{Value: ptr(2.0)}}),
		one("c10m_seconds", dto.MetricType_HISTOGRAM,
			&dto.Metric{Histogram: &dto.Histogram{SampleCount: ptr(uint64(10)), SampleSum: ptr(4.5),
				Bucket: []*dto.Bucket{{UpperBound: ptr(0.1), CumulativeCount: ptr(uint64(3))},
					{UpperBound: ptr(1.0), CumulativeCount: ptr(uint64(8))}}}}),
		one("c10m_pause", dto.MetricType_SUMMARY,
			&dto.Metric{Summary: &dto.Summary{SampleCount: ptr(uint64(2)), SampleSum: ptr(3.0),
				Quantile: []*dto.Quantile{{Quantile: ptr(0.5), Value: ptr(1.0)}}}}),
	}
}

// What a collector gets is what was gathered, and at the end the last values.
func TestPush(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Token=secret")
	s := &sink{}
	server := httptest.NewServer(s)
	defer server.Close()
	n := 0.0
	p, err := Start(Config{URL: server.URL, Every: 5 * time.Millisecond, Service: "c10m", Version: "abc",
		Gather: func() ([]*dto.MetricFamily, error) {
			n++
			return families(n), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); s.count() < 3 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	sent, failed, err := p.Stop()
	if err != nil || failed != 0 || sent != int64(s.count()) || sent < 4 {
		t.Fatalf("%d arrived of %d, %d failed: %v", s.count(), sent, failed, err)
	}
	last := s.pushed[len(s.pushed)-1].ResourceMetrics[0]
	named := map[string]string{}
	for _, a := range last.Resource.Attributes {
		named[a.Key] = a.Value.GetStringValue()
	}
	if named["service.name"] != "c10m" || named["service.version"] != "abc" || s.paths[0] != metricsPath ||
		s.tokens[0] != "secret" {
		t.Errorf("resource %v, path %s, token %q", named, s.paths[0], s.tokens[0])
	}
	got := map[string]*metrics.Metric{}
	for _, m := range last.ScopeMetrics[0].Metrics {
		got[m.Name] = m
	}
	total := got["c10m_total"].GetSum()
	if d := total.GetDataPoints()[0]; !total.IsMonotonic || d.GetAsDouble() != n || d.Attributes[0].Key != "proto" ||
		d.Attributes[0].Value.GetStringValue() != "ws" ||
		total.AggregationTemporality != metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE ||
		d.StartTimeUnixNano == 0 || got["c10m_total"].Description != "of c10m_total" {
		t.Errorf("counter %v, want %v", total, n)
	}
	if v := got["c10m_now"].GetGauge().DataPoints[0].GetAsDouble(); v != -1.5 {
		t.Errorf("gauge %v", v)
	}
	if v := got["c10m_any"].GetGauge().DataPoints[0].GetAsDouble(); v != 2 {
		t.Errorf("untyped %v", v)
	}
	h := got["c10m_seconds"].GetHistogram().DataPoints[0]
	if h.Count != 10 || h.GetSum() != 4.5 || len(h.ExplicitBounds) != 2 || len(h.BucketCounts) != 3 ||
		h.BucketCounts[0] != 3 || h.BucketCounts[1] != 5 || h.BucketCounts[2] != 2 {
		t.Errorf("histogram %v", h)
	}
	if q := got["c10m_pause"].GetSummary().DataPoints[0]; q.Count != 2 || q.QuantileValues[0].Value != 1 {
		t.Errorf("summary %v", q)
	}
}

// A collector that refuses, that nobody runs, or that never answers costs pushes and
// at most a moment at the end.
func TestPushFails(t *testing.T) {
	gather := func() ([]*dto.MetricFamily, error) { return families(1), nil }
	refusing := httptest.NewServer(&sink{status: http.StatusUnauthorized})
	defer refusing.Close()
	gone := httptest.NewServer(&sink{})
	gone.Close()
	for name, tt := range map[string]struct{ url, want string }{"refuses": {refusing.URL, "401"},
		"is gone": {gone.URL, "refused"}} {
		p, err := Start(Config{URL: tt.url, Every: time.Hour, Gather: gather})
		if err != nil {
			t.Fatal(err)
		}
		sent, failed, err := p.Stop()
		if sent != 0 || failed == 0 || err == nil || !strings.Contains(err.Error(), tt.want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %d arrived, %d failed: %v", name, sent, failed, err)
		}
	}
	hang := make(chan struct{})
	deaf := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer deaf.Close()
	defer close(hang)
	p, err := Start(Config{URL: deaf.URL, Every: time.Millisecond, Gather: gather})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		if sent, failed, err := p.Stop(); sent != 0 || failed == 0 || err == nil {
			t.Errorf("never answers: %d arrived, %d failed: %v", sent, failed, err)
		}
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("a collector that never answers holds the end up")
	}
}

func TestCheckURL(t *testing.T) {
	for text, want := range map[string]string{
		"http://collector:4318":            "http://collector:4318/v1/metrics",
		"https://collector/":               "https://collector/v1/metrics",
		"http://[::1]:4318/otlp/v1/metric": "http://[::1]:4318/otlp/v1/metric",
	} {
		if got, err := endpoint(text); got != want || err != nil || CheckURL(text) != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "collector:4318", "grpc://collector:4317", "http://", "http://a b",
		"http://c/?x=1", "http://c/#x"} {
		if err := CheckURL(text); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
