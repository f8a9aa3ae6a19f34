package dash

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// TestGrafana: the dashboard loads (it is JSON with what Grafana wants of a
// panel), and every metric and label that a query names is exported by an end.
func TestGrafana(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "scripts", "grafana", "c10m.json"))
	if err != nil {
		t.Fatal(err)
	}
	type query struct {
		Expr   string `json:"expr"`
		Legend string `json:"legendFormat"`
		RefID  string `json:"refId"`
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
	check := func(where, expr, legend string) {
		for _, problem := range problems(known, expr, legend) {
			t.Errorf("%s: %q: %s", where, expr, problem)
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
			check(p.Title, q.Expr, q.Legend)
		}
	}
	for _, v := range board.Templating.List {
		if v.Definition != "" {
			check("variable "+v.Name, v.Definition, "")
		}
	}
}

// problems are what is wrong with a query: a metric that no end exports, or a
// label that it does not have, in a selector, a grouping or the legend.
func problems(known map[string][]string, expr, legend string) (all []string) {
	metrics := metricsOf(expr)
	if len(metrics) == 0 {
		return []string{"no metric"}
	}
	given := []string{"instance", "job"} // by Prometheus, to every series
	for i, name := range metrics {
		labels, ok := known[name]
		if !ok {
			all = append(all, "neither end exports "+name)
		}
		if i == 0 {
			given = append(given, labels...)
		}
		given = slices.DeleteFunc(given, func(l string) bool {
			return l != "instance" && l != "job" &&
				!slices.Contains(labels, l)
		})
	}
	used := submatches(matchers, expr)
	legible := given
	if aggregations.MatchString(expr) {
		legible = nil
		for _, list := range submatches(by, expr) {
			for _, l := range strings.Split(list, ",") {
				used, legible = append(used, strings.TrimSpace(l)), append(legible, strings.TrimSpace(l))
			}
		}
	}
	if strings.Contains(expr, "histogram_quantile") {
		legible = slices.DeleteFunc(legible, func(l string) bool { return l == "le" })
	}
	for _, l := range used {
		if !slices.Contains(given, l) {
			all = append(all, fmt.Sprintf("%v have no label %s", metrics, l))
		}
	}
	for _, l := range submatches(placeholders, legend) {
		if !slices.Contains(legible, l) {
			all = append(all, fmt.Sprintf("the legend %q shows %s, and the result has %v", legend, l, legible))
		}
	}
	return all
}

// exported are the names of the series that both ends have, with their labels.
func exported(t *testing.T) map[string][]string {
	known := map[string][]string{}
	for _, end := range []End{(&fake{}).end(), runEnd(t)} {
		for name, f := range gather(t, end) {
			var labels []string
			for _, l := range f.GetMetric()[0].GetLabel() {
				labels = append(labels, l.GetName())
			}
			known[name] = labels
			if f.GetType() == dto.MetricType_HISTOGRAM {
				known[name+"_bucket"], known[name+"_sum"], known[name+"_count"] = append(slices.Clone(labels), "le"), labels, labels
			}
		}
	}
	return known
}

// submatches are all that a group of an expression matches in s.
func submatches(re *regexp.Regexp, s string) (all []string) {
	for _, m := range re.FindAllStringSubmatch(s, -1) {
		all = append(all, m[1])
	}
	return all
}

var (
	selectors    = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|"[^"]*"`)
	groupings    = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`)
	names        = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	matchers     = regexp.MustCompile(`[{,]\s*([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)`)
	by           = regexp.MustCompile(`\bby\s*\(([^)]*)\)`)
	aggregations = regexp.MustCompile(`\b(?:sum|min|max|avg|count|topk)\b`)
	placeholders = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
	call         = regexp.MustCompile(`^\s*(\(|by\b|without\b)`)
)

// metricsOf finds the metrics in a PromQL expression: what is left of its
// identifiers without selectors, groupings, functions and words.
func metricsOf(expr string) (all []string) {
	expr = groupings.ReplaceAllString(selectors.ReplaceAllString(expr, " "), " ")
	for _, at := range names.FindAllStringIndex(expr, -1) {
		name := expr[at[0]:at[1]]
		switch {
		case at[0] > 0 && strings.ContainsAny(expr[at[0]-1:at[0]], "0123456789$."): // 5m, 1e9, $__rate_interval
		case call.MatchString(expr[at[1]:]), slices.Contains([]string{"and", "or", "unless", "bool", "offset", "le",
			"instance"}, name):
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

// TestProblems: what TestGrafana is for is noticed.
func TestProblems(t *testing.T) {
	known := exported(t)
	for _, tt := range []struct {
		expr, legend string
		good         bool
	}{
		{`sum by (cause) (rate(c10m_refused_total{instance=~"x"}[5m]))`, "{{cause}}", true},
		{`rate(c10m_shard_cpu_seconds_total[5m])`, "{{instance}} {{shard}}", true},
		{`histogram_quantile(0.5, sum by (le, proto) (rate(c10m_client_connect_seconds_bucket[5m])))`, "{{proto}}", true},
		{`c10m_memory_size_bytes - c10m_memory_used_bytes`, "{{instance}} free", true},
		{`sum by (causes) (rate(c10m_refused_total[5m]))`, "", false},
		{`sum by (cause) (rate(c10m_refused_total[5m]))`, "{{port}}", false},
		{`sum by (cause) (rate(c10m_refused_total[5m]))`, "{{instance}}", false},
		{`sum(c10m_connections)`, "{{proto}}", false},
		{`c10m_connections - c10m_connections_max`, "{{proto}}", false},
		{`c10m_connections{protocol="ws"}`, "", false},
		{`histogram_quantile(0.5, sum by (le, proto) (rate(c10m_client_connect_seconds_bucket[5m])))`, "{{le}}", false},
		{`sum by (le) (rate(c10m_client_connect_seconds_sum[5m]))`, "", false},
		{`c10m_nothing`, "", false},
	} {
		if got := problems(known, tt.expr, tt.legend); (len(got) == 0) != tt.good {
			t.Errorf("%s, legend %q: problems %q", tt.expr, tt.legend, got)
		}
	}
}
