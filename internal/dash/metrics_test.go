package dash

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
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
	for _, d := range []time.Duration{80 * time.Microsecond, 2 * time.Millisecond, 2 * time.Millisecond, 700 * time.Millisecond} {
		at.Record(int64(d))
	}
	return End{
		Meta: Meta{Role: Client, Commit: "abc", Max: 10, Shard: "thread"},
		Look: func(bool) (Sample, error) {
			client := uint64(1 << 20)
			return Sample{Phase: "hold", Open: 4, Errors: result.ErrorCounts{"connect_refused": 2}, Memory: &Memory{Total: 1 << 30, Client: &client}, Net: &Net{},
				Shards: []Shard{{ID: 5, Open: 4, CPU: 0.5}},
				Run: &Run{Attempted: 6, Failed: 2, By: []Proto{{Name: "tcp", Open: 3, Established: 3, Connect: at, Echo: at},
					{Name: "ws", Open: 1, Established: 1, Connect: at, Upgrade: at, Echo: result.NewHistogram()}}}}, nil
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
		{"c10m_refused_total", []string{"cause=new_cause"}, 1},
		{"c10m_handshake_failures_total", []string{"cause=handshake_timeout"}, 0},
		{"c10m_handshake_failures_total", []string{"cause=ws_utf8"}, 0},
		{"c10m_port_connections", []string{"port=15000", "proto=ws"}, 3},
		{"c10m_shard_connections", []string{"shard=0"}, 7},
		{"c10m_shard_restarts_total", []string{"shard=0"}, 1},
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
		t.Errorf("%d classic buckets; native: schema %d, spans %v", len(h.GetBucket()), h.GetSchema(), h.GetPositiveSpan())
	}
	if got := all["c10m_client_handshake_seconds"].GetMetric(); len(got) != 1 || got[0].GetLabel()[0].GetValue() != "ws" {
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
	for accept, want := range map[string]string{"": "text/plain", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited": "application/vnd.google.protobuf"} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body, _ := io.ReadAll(w.Body)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || !strings.HasPrefix(got, want) || !strings.Contains(string(body), "c10m_client_echo_seconds") {
			t.Errorf("Accept %q: status %d, Content-Type %q", accept, w.Code, got)
		}
	}
}

// TestGrafana: the dashboard loads (it is JSON with what Grafana wants of a
// panel), and every metric that a query names is exported by an end.
func TestGrafana(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "scripts", "grafana", "c10m.json"))
	if err != nil {
		t.Fatal(err)
	}
	type query struct {
		Expr  string `json:"expr"`
		RefID string `json:"refId"`
	}
	type panel struct {
		ID      int                `json:"id"`
		Type    string             `json:"type"`
		Title   string             `json:"title"`
		GridPos struct{ W, H int } `json:"gridPos"`
		Targets []query            `json:"targets"`
	}
	var board struct {
		Title         string  `json:"title"`
		UID           string  `json:"uid"`
		SchemaVersion int     `json:"schemaVersion"`
		Panels        []panel `json:"panels"`
		Templating    struct {
			List []struct {
				Name       string `json:"name"`
				Definition string `json:"definition"`
			} `json:"list"`
		} `json:"templating"`
	}
	if err := json.Unmarshal(file, &board); err != nil {
		t.Fatal(err)
	}
	if board.Title == "" || board.UID == "" || board.SchemaVersion < 36 || len(board.Panels) < 10 {
		t.Fatalf("title %q, uid %q, schema %d, %d panels", board.Title, board.UID, board.SchemaVersion, len(board.Panels))
	}
	known := exported(t)
	check := func(where, expr string) {
		names := metricsOf(expr)
		if len(names) == 0 {
			t.Errorf("%s: no metric in %q", where, expr)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s: %q names %s, which neither end exports", where, expr, name)
			}
		}
	}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("panel %d %q: its id, title or place", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("panel %q has no query", p.Title)
		}
		for _, q := range p.Targets {
			check(p.Title, q.Expr)
		}
	}
	for _, v := range board.Templating.List {
		if v.Definition != "" {
			check("variable "+v.Name, v.Definition)
		}
	}
}

// exported are the names of the series that both ends have.
func exported(t *testing.T) map[string]bool {
	known := map[string]bool{}
	for _, end := range []End{(&fake{}).end(), runEnd(t)} {
		for name, f := range gather(t, end) {
			known[name] = true
			if f.GetType() == dto.MetricType_HISTOGRAM {
				known[name+"_bucket"], known[name+"_sum"], known[name+"_count"] = true, true, true
			}
		}
	}
	return known
}

var (
	selectors = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|"[^"]*"`)
	groupings = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`)
	names     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	call      = regexp.MustCompile(`^\s*(\(|by\b|without\b)`)
)

// metricsOf finds the metrics in a PromQL expression: what is left of its
// identifiers without selectors, groupings, functions and words.
func metricsOf(expr string) (all []string) {
	expr = groupings.ReplaceAllString(selectors.ReplaceAllString(expr, " "), " ")
	for _, at := range names.FindAllStringIndex(expr, -1) {
		name := expr[at[0]:at[1]]
		switch {
		case at[0] > 0 && strings.ContainsAny(expr[at[0]-1:at[0]], "0123456789$."): // 5m, 1e9, $__rate_interval
		case call.MatchString(expr[at[1]:]), slices.Contains([]string{"and", "or", "unless", "bool", "offset", "le", "instance"}, name):
		default:
			all = append(all, name)
		}
	}
	return all
}

func TestMetricsOf(t *testing.T) {
	for expr, want := range map[string][]string{
		`sum by (cause) (rate(c10m_refused_total{instance=~"$instance"}[$__rate_interval]))`: {"c10m_refused_total"},
		`histogram_quantile(0.99, sum(rate(a_bucket[5m])) by (le)) * 1e3`:                    {"a_bucket"},
		`a - b offset 5m and on(x) c`:             {"a", "b", "c"},
		`label_values(c10m_build_info, instance)`: {"c10m_build_info"},
	} {
		if got := metricsOf(expr); !slices.Equal(got, want) {
			t.Errorf("metrics of %s: %v, want %v", expr, got, want)
		}
	}
}
