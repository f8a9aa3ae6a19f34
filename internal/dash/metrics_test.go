package dash

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/c10m/c10m/internal/result"
)

// runEnd is a client's end with everything in it.
func runEnd(t *testing.T) End {
	t.Helper()
	at := result.NewHistogram()
	for _, d := range []time.Duration{80 * time.Microsecond, 2 * time.Millisecond, 2 * time.Millisecond,
		700 * time.Millisecond} {
		at.Record(int64(d))
	}
	return End{
		Meta: Meta{Role: Client, Commit: "abc", Max: 10, Shard: "thread"},
		Look: func(bool) (Sample, error) {
			client := uint64(1 << 20)
			return Sample{Phase: "hold", Open: 4, Errors: result.ErrorCounts{"connect_refused": 2},
				Memory: &Memory{Total: 1 << 30, Client: &client}, Net: &Net{},
				Shards: []Shard{{ID: 5, Open: 4, CPU: 0.5}},
				Run: &Run{Attempted: 6, Failed: 2,
					By: []Proto{{Name: "tcp", Open: 3, Established: 3, Connect: at, Echo: at},
						{Name: "ws", Open: 1, Established: 1, Pushed: 7, Connect: at, Upgrade: at,
							Echo: result.NewHistogram()}}}}, nil
		},
		Causes: []string{"connect_refused", "read_reset", "ws_upgrade_refused"},
	}
}

// gather is what the two ends export, by name.
func gather(t *testing.T, end End) map[string]*dto.MetricFamily {
	t.Helper()
	all, err := registry(newHub(end)).Gather()
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]*dto.MetricFamily{}
	for _, f := range all {
		by[f.GetName()] = f
	}
	return by
}

// value is a metric's, by name and labels ("cause=over_limit").
func value(t *testing.T, all map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	for _, m := range all[name].GetMetric() {
		var has []string
		for _, l := range m.GetLabel() {
			has = append(has, l.GetName()+"="+l.GetValue())
		}
		if slices.Equal(has, labels) {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Errorf("no %s%v", name, labels)
	return 0
}

func TestServerMetrics(t *testing.T) {
	all := gather(t, (&fake{}).end())
	for _, tt := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"c10m_connections", []string{"proto=tcp"}, 4},
		{"c10m_connections", []string{"proto=ws"}, 3},
		{"c10m_accepts_total", nil, 1},
		{"c10m_handshakes_total", nil, 6},
		{"c10m_messages_total", nil, 2},
		{"c10m_bytes_total", nil, 3},
		{"c10m_refused_total", []string{"cause=over_limit"}, 5},
		{"c10m_engine_info", []string{"engine=gnet"}, 1},
		{"c10m_buffered_bytes", nil, 4096},
		{"c10m_buffer_budget_bytes", nil, 1 << 20},
		{"c10m_refused_total", []string{"cause=new_cause"}, 1},
		{"c10m_handshake_failures_total", []string{"cause=handshake_timeout"}, 0},
		{"c10m_protocol_errors_total", []string{"cause=ws_utf8"}, 0},
		{"c10m_tls_handshakes_total", []string{"kind=full"}, 5},
		{"c10m_tls_handshakes_total", []string{"kind=resumed"}, 4},
		{"c10m_tls_handshakes_under_way", nil, 1},
		{"c10m_tls_failures_total", []string{"cause=tls_timeout"}, 2},
		{"c10m_refused_total", []string{"cause=tls_hello"}, 0},
		{"c10m_port_connections", []string{"port=15000", "proto=ws"}, 3},
		{"c10m_shard_connections", []string{"shard=0"}, 7},
		{"c10m_shard_restarts_total", []string{"shard=0"}, 1},
		{"c10m_shard_heap_bytes", []string{"shard=0"}, 11},
		{"c10m_tcp_time_wait", nil, 9},
		{"c10m_listen_drops_total", nil, 2},
		{"c10m_memory_process_bytes", []string{"end=server"}, 1 << 20},
		{"c10m_memory_kernel_bytes", []string{"cache=nf_conntrack"}, 3},
		{"c10m_ready", nil, 1},
	} {
		if got := value(t, all, tt.name, tt.labels...); got != tt.want {
			t.Errorf("%s%v is %v, want %v", tt.name, tt.labels, got, tt.want)
		}
	}
	for name, prefix := range map[string]string{"c10m_handshake_failures_total": "handshake_",
		"c10m_protocol_errors_total": "ws_",
		"c10m_tls_failures_total":    "tls_"} {
		for _, m := range all[name].GetMetric() {
			if cause := m.GetLabel()[0].GetValue(); !strings.HasPrefix(cause, prefix) {
				t.Errorf("%s counts %s", name, cause)
			}
		}
	}
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total"} {
		if all[name] == nil {
			t.Errorf("no %s", name)
		}
	}
}

func TestClientMetrics(t *testing.T) {
	all := gather(t, runEnd(t))
	if got := value(t, all, "c10m_client_errors_total", "cause=refused", "phase=connect"); got != 2 {
		t.Errorf("%v refused, want 2", got)
	}
	if got := value(t, all, "c10m_client_errors_total", "cause=reset", "phase=read"); got != 0 {
		t.Errorf("%v reset, want 0", got)
	}
	if got := value(t, all, "c10m_client_pushes_total", "proto=ws"); got != 7 {
		t.Errorf("%v pushes, want 7", got)
	}
	if got := value(t, all, "c10m_client_connections", "proto=ws"); got != 1 {
		t.Errorf("%v connections, want 1", got)
	}
}

// TestHistogram: both forms of a histogram hold the same durations.
func TestHistogram(t *testing.T) {
	all := gather(t, runEnd(t))
	h := all["c10m_client_connect_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 4 || h.GetSampleSum() < 0.70 || h.GetSampleSum() > 0.71 {
		t.Errorf("count %d, sum %v; want 4 and 0.704", h.GetSampleCount(), h.GetSampleSum())
	}
	for _, b := range h.GetBucket() {
		want := uint64(0)
		for _, v := range []float64{80e-6, 2e-3, 2e-3, 0.7} {
			if v <= b.GetUpperBound() {
				want++
			}
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("%d up to %v s, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
	if len(h.GetBucket()) != len(classic) || h.GetSchema() != schema || len(h.GetPositiveSpan()) != 3 {
		t.Errorf("%d classic buckets; native: schema %d, spans %v", len(h.GetBucket()), h.GetSchema(),
			h.GetPositiveSpan())
	}
	if got := all["c10m_client_handshake_seconds"].GetMetric(); len(got) != 1 ||
		got[0].GetLabel()[0].GetValue() != "ws" {
		t.Errorf("handshakes of %v, want ws alone", got)
	}
}

// TestConventions: names and help as Prometheus wants them.
func TestConventions(t *testing.T) {
	for _, end := range []End{(&fake{}).end(), runEnd(t)} {
		r := prometheus.NewPedanticRegistry()
		r.MustRegister(&collector{h: newHub(end)})
		problems, err := testutil.GatherAndLint(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestScrape: what Prometheus gets is text, or with native histograms protobuf.
func TestScrape(t *testing.T) {
	h := routes(newHub(runEnd(t)))
	for accept, want := range map[string]string{"": "text/plain",
		"application/vnd.google.protobuf;" +
			"proto=io.prometheus.client.MetricFamily;encoding=delimited": "application/vnd.google.protobuf"} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body, _ := io.ReadAll(w.Body)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || !strings.HasPrefix(got, want) ||
			!strings.Contains(string(body), "c10m_client_echo_seconds") {
			t.Errorf("Accept %q: status %d, Content-Type %q", accept, w.Code, got)
		}
	}
}
