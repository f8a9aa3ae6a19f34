package result

import (
	"math"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/unit"
)

func TestParseMetric(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		kind       unit.Kind
		err        string // part of
	}{
		{"memory.total_bytes_per_conn", "memory.total_bytes_per_conn", unit.InBytes, ""},
		{"total_bytes_per_conn", "memory.total_bytes_per_conn", unit.InBytes, ""},
		{"setup.rate", "setup.rate", unit.InPerSecond, ""},
		{"setup.latency.p99", "setup.latency.p99", unit.InNanos, ""},
		{"setup.seconds", "setup.seconds", unit.InSeconds, ""},
		{"r2", "memory.fit.r2", unit.InShare, ""},
		{"plan.hold", "plan.hold", unit.InNanos, ""},
		{"protocols.ws.handshake.p99", "protocols.ws.handshake.p99", unit.InNanos, ""},
		{"plain.total", "memory.plain.total", unit.InBytes, ""},
		{"conns.errors", "conns.errors", unit.InCount, ""},
		{"errors.connect_refused", "conns.errors.connect_refused", unit.InCount, ""},
		{"caches.TCP.bytes_per_conn", "memory.caches.TCP.bytes_per_conn", unit.InBytes, ""},
		{"spread.client threads.min", "spread.client threads.min", unit.InCount, ""},
		{"rate", "", "", `"rate" may be plan.rate, setup.rate, echo.rate`},
		{"p99", "", "", "setup.latency.p99, setup.handshake.p99, echo.latency.p99"},
		{"total_bytes", "", "", "memory.total_bytes_per_conn"},
		{"command", "", "", "is no number"},
		{"", "", "", "is no number"},
		{"TCP.bytes_per_conn", "", "", "is no number"},
		{"connect_refused", "", "", "is no number"},
		{"memory.caches..bytes_per_conn", "", "", "is no number"},
		{"thresholds.value", "", "", "is no number"},
	} {
		m, err := ParseMetric(tt.name)
		switch {
		case tt.err == "" && (err != nil || m.Path != tt.want || m.Kind != tt.kind):
			t.Errorf("%s: %+v, %v; want %s in %s", tt.name, m, err, tt.want, tt.kind)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
		}
	}
}

// Each number that a result can hold has one name, which finds it again.
func TestNumbersAreMetrics(t *testing.T) {
	r := complete()
	numbers, err := r.Numbers()
	if err != nil {
		t.Fatal(err)
	}
	if len(numbers) < 60 {
		t.Errorf("only %d numbers: %v", len(numbers), numbers)
	}
	for path, want := range numbers {
		m, err := ParseMetric(path)
		if err != nil || m.Path != path {
			t.Errorf("%s: %+v, %v", path, m, err)
			continue
		}
		if v, ok := m.Of(numbers); !ok || v != want {
			t.Errorf("%s is %g, %v; want %g", path, v, ok, want)
		}
	}
	if numbers["memory.total_bytes_per_conn"] != r.Memory.TotalPerConn || numbers["setup.rate"] != r.Setup.Rate {
		t.Errorf("%v", numbers)
	}
}

func TestThreshold(t *testing.T) {
	run := map[string]float64{"setup.rate": 27_000, "setup.latency.p99": 2e6, "memory.total_bytes_per_conn": 8500,
		"memory.fit.r2": 0.98, "setup.seconds": 3,
		"memory.client_bytes_per_conn": -4, "conns.errors": 3, "conns.errors.read_reset": 3}
	base := map[string]float64{"setup.rate": 30_000, "memory.total_bytes_per_conn": 8000,
		"memory.client_bytes_per_conn": -10}
	for _, tt := range []struct {
		text   string
		failed bool
	}{
		{"setup.rate<30000", true}, {"setup.rate < 30k", true}, {"setup.rate<27k/s", false},
		{"setup.rate<=27_000", true}, {"setup.rate==27000", true}, {"setup.rate!=27000", false},
		{"setup.rate>=27000.5", false}, {"setup.latency.p99>1.5ms", true}, {"setup.latency.p99>2ms", false},
		{"setup.latency.p99>2000000", false}, {"setup.seconds>2500ms", true},
		{"total_bytes_per_conn>8.3KiB", true}, {"total_bytes_per_conn>8.4KiB", false},
		{"total_bytes_per_conn>+5%", true}, {"total_bytes_per_conn>+6.25%", false}, {"total_bytes_per_conn>=+6.25%", true},
		{"setup.rate<-5%", true}, {"setup.rate<-10%", false}, {"r2<99%", true}, {"r2<0.9", false},
		{"client_bytes_per_conn>+50%", true}, {"client_bytes_per_conn>+60%", false}, {"client_bytes_per_conn<-3", true},
		{"echo.rate<1", true}, {"setup.latency.p99>+5%", true}, // not measured, here or in the baseline
		{"conns.errors.connect_refused>0", false}, // none happened
		{"conns.errors.read_reset>2", true}, {"conns.errors>3", false},
		{"protocols.ws.conns.errors.read_reset>0", true}, // no such protocol ran
	} {
		th, err := ParseThreshold(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if v := th.Check(run, base); v.Failed != tt.failed {
			t.Errorf("%s: %+v, want failed %v", tt.text, v, tt.failed)
		}
	}
}

// What a lab found out can be held to a threshold like everything else, in units.
func TestThresholdsOfOutcomes(t *testing.T) {
	r := complete()
	for text, failed := range map[string]bool{
		"peak.users<1000": true, "peak.users<100": false, "peak.p99_ns>500ms": false, "peak.breaks_at_users>155": true,
		"soak.growth_bytes_per_hour>1M": false, "soak.growth_bytes_per_hour>0.9MiB": true,
		"soak.growth_bytes_per_hour>1MB": false, "soak.server.per_hour>500kB": true,
		"soak.fds.per_hour>1k": false, "churn.exhausted_after_seconds<60": true,
		"churn.exhausted_after_seconds<20s": false, "churn.rate<2k/s": true,
		"stress.error_share>0.1%": false, "stress.server_after.pss>4": true, "sweep.best.echo.rate<50k": true,
		"sweep.best.echo.latency.p99>1ms":           true,
		"sweep.best.conns.errors.connect_refused>0": false, "churn_matrix.pool_times<2": false,
		"diagnosis.limits>0": true, "usage.runnable_threads>4": false,
	} {
		th, err := ParseThreshold(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := r.Judge([]Threshold{th}); err != nil || got != failed {
			t.Errorf("%s: failed %v, %v; want %v: %+v", text, got, err, failed, r.Thresholds[len(r.Thresholds)-1])
		}
	}
	// Ports that last for ever do not run out within a minute; what was not measured
	// fails all the same.
	r.Churn.Exhausts, r.Churn.ExhaustedAfter, r.Peak.Users = false, nil, nil
	for text, failed := range map[string]bool{"churn.exhausted_after_seconds<60": false, "peak.users<1000": true} {
		th, err := ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Judge([]Threshold{th}); err != nil || got != failed {
			t.Errorf("%s: failed %v, %v; want %v", text, got, err, failed)
		}
	}
}

// A condition on a cause holds only of a file that names causes.
func TestCauses(t *testing.T) {
	ws := Protocol{Proto: "ws", Conns: Conns{Attempted: 2, Established: 1, Failed: 1}}
	for _, tt := range []struct {
		errors   ErrorCounts
		failed   int64
		want     float64
		measured bool
	}{
		{nil, 0, 0, true},
		{nil, 1, 0, false}, // a file from before there were causes by protocol
		{ErrorCounts{"connect_refused": 1}, 1, 1, true},
		{ErrorCounts{"connect_reset": 1}, 1, 0, true},
	} {
		ws.Conns.Failed, ws.Conns.Errors = tt.failed, tt.errors
		numbers, err := (&Result{Protocols: []Protocol{ws}}).Numbers()
		if err != nil {
			t.Fatal(err)
		}
		m, err := ParseMetric("protocols.ws.conns.errors.connect_refused")
		if cause, ok := m.Cause(); err != nil || !ok || cause != "connect_refused" {
			t.Fatalf("%+v: %q, %v, %v", m, cause, ok, err)
		}
		if got, measured := m.Of(numbers); got != tt.want || measured != tt.measured {
			t.Errorf("%v, %d failed: %g, %v", tt.errors, tt.failed, got, measured)
		}
	}
	for _, path := range []string{"conns.errors", "memory.caches.TCP.bytes_per_conn", "setup.rate"} {
		if m, err := ParseMetric(path); err != nil {
			t.Error(err)
		} else if cause, ok := m.Cause(); ok {
			t.Errorf("%s is of the cause %q", path, cause)
		}
	}
}

// A finding is held against by its code. One that is none has no severity, where
// somebody looked; of two of a code the severest counts.
func TestThresholdOfFinding(t *testing.T) {
	found := []Finding{Found("conntrack_full", 98).Count("entries", 64), Found("conntrack_full", 55)}
	for _, tt := range []struct {
		threshold string
		r         *Result
		failed    bool
	}{
		{"findings.conntrack_full.severity>=80", &Result{Usage: &Usage{}, Findings: found}, true},
		{"findings.conntrack_full.numbers.entries>63", &Result{Usage: &Usage{}, Findings: found}, true},
		{"findings.conntrack_full.numbers.entries>64", &Result{Usage: &Usage{}, Findings: found}, false},
		{"findings.server_full.severity>0", &Result{Usage: &Usage{}, Findings: found}, false},
		{"findings.server_full.severity>0", &Result{}, true}, // nobody looked
		{"findings.server_full.numbers.held>0", &Result{Usage: &Usage{}, Findings: found}, true},
	} {
		th, err := ParseThreshold(tt.threshold)
		if err != nil {
			t.Fatal(err)
		}
		numbers, err := tt.r.Numbers()
		if err != nil {
			t.Fatal(err)
		}
		if code, ok := th.Metric.Finding(); !ok || code == "" {
			t.Errorf("%s is of no finding", tt.threshold)
		}
		if v := th.Check(numbers, nil); v.Failed != tt.failed {
			t.Errorf("%s: %+v, want failed %v", tt.threshold, v, tt.failed)
		}
	}
	if _, ok := (Metric{Path: "conns.failed"}).Finding(); ok {
		t.Error("failed connections are taken for a finding")
	}
}

func TestBadThreshold(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "METRIC OP VALUE",
		"setup.rate":               "< > <= >= == !=",
		"setup.rate=5":             "< > <= >= == !=",
		"setup.rate<":              "want a number",
		"setup.rate<fast":          "want a number",
		"setup.rate<1ms":           "legal are k, M, G, /s",
		"setup.latency.p99>5KiB":   "ns, us, ms, s",
		"total_bytes_per_conn>5%":  "has a sign",
		"total_bytes_per_conn>5ms": "KiB",
		"total_bytes>5":            "memory.total_bytes_per_conn",
		"rate<5":                   "setup.rate, echo.rate",
		"setup.rate<NaN":           "want a number",
		"setup.rate<1e400":         "want a number",
		"setup.rate<0x10":          "want a number",
		"setup.rate<<5":            "want a number",
		"<5":                       "no number",
		"host.settings<5":          "no number", // a map of words
	} {
		if _, err := ParseThreshold(text); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", text, err, want)
		}
	}
}

func TestJudge(t *testing.T) {
	r := complete()
	var list []Threshold
	for _, text := range []string{"setup.rate<1", "echo.latency.p50>0", "setup.rate<1"} {
		th, err := ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, th)
	}
	if failed, err := r.Judge(list); err != nil || !failed || len(r.Thresholds) != 3 || !Failed(r.Thresholds[1:]) ||
		Failed(r.Thresholds[2:]) {
		t.Errorf("%v, %v, %+v", failed, err, r.Thresholds)
	}
}

func FuzzParseThreshold(f *testing.F) {
	for _, s := range []string{"setup.rate<30000", "total_bytes_per_conn>+5%", "setup.latency.p99>=1.5ms",
		"memory.caches.TCP.bytes_per_conn!=-3KiB", "r2<99%", "conns.errors.x==0", "a=b", "µ<µs"} {
		f.Add(s)
	}
	numbers := map[string]float64{"setup.rate": 1, "memory.total_bytes_per_conn": 2}
	f.Fuzz(func(t *testing.T, s string) {
		th, err := ParseThreshold(s)
		if err != nil {
			return
		}
		if math.IsNaN(th.Value) || math.IsInf(th.Value, 0) {
			t.Errorf("%q: value %g", s, th.Value)
		}
		again, err := ParseMetric(th.Metric.Path)
		if err != nil || again != th.Metric {
			t.Errorf("%q: metric %+v is found as %+v, %v", s, th.Metric, again, err)
		}
		_ = th.Check(numbers, numbers)
	})
}
