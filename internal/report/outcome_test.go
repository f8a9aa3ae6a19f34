package report

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// outcomes are one result of each lab.
func outcomes() []*result.Result {
	lab := func(scenario string, do func(*result.Result)) *result.Result {
		r := minimal()
		r.Scenario = scenario
		do(r)
		return r
	}
	load := result.Load{Mode: result.KeepAlive, Users: 100, Requests: 10}
	churn := result.Churn{Load: load, ClosedFirst: result.ByClient, Rate: 12_345, P50: ptr(int64(1e6)),
		P99: ptr(int64(9e6)), ConnRate: 1234,
		TimeWait: result.TimeWait{Client: 15_000, Server: ptr(int64(2)), Others: ptr(int64(0))}, LocalPorts: 28_232,
		LocalPortsUsed: 15_100,
		Exhausts:       true, ExhaustedAfter: ptr(10.6), TWReuse: ptr(int64(0)),
		Series: []result.ChurnSample{{T: 1, TimeWait: result.TimeWait{Client: 1200}, LocalPortsUsed: 1300,
			Rate: 12_000}, {T: 2, TimeWait: result.TimeWait{Client: 2500}, LocalPortsUsed: 2600, Rate: 12_400}}}
	pool := result.Churn{Load: result.Load{Mode: result.Pool, Users: 100, Pool: 10}, ClosedFirst: result.ByNobody,
		Rate: 30_000, TimeWait: result.TimeWait{Server: ptr(int64(0))}, LocalPorts: 30_000}
	growth := func(v result.GrowthVerdict) *result.Growth {
		return &result.Growth{Verdict: v, PerHour: 100 << 20, Low: 80 << 20, High: 120 << 20, Last: 50 << 20,
			Seconds: 480, PerTransaction: ptr(2048.)}
	}
	return []*result.Result{
		lab("churn", func(r *result.Result) { r.Churn = &churn }),
		lab("churn", func(r *result.Result) {
			r.ChurnMatrix = &result.ChurnMatrix{LocalPorts: 30_000, Buckets: 30_000,
				Cells: []result.Churn{churn, pool}, KeepAliveTimes: ptr(2.), PoolTimes: ptr(2.4)}
		}),
		lab("stress", func(r *result.Result) {
			r.Stress = &result.Stress{Load: load, Asked: 10_000, Undone: 10, Failures: 1, ErrorShare: 0.0001,
				ServerBefore: &result.ProcMemory{RSS: 9 << 20, PSS: 8 << 20, Private: 7 << 20}}
			r.Echo = &result.Echo{Received: 9990, Seconds: 2, Rate: 4995,
				Latency: &result.Latency{Count: 9990, P50: 1e6, P90: 2e6, P99: 3e6, P999: 4e6, Max: 5e6}}
		}),
		lab("peak", func(r *result.Result) {
			r.Peak = &result.Peak{Mode: result.Kept, Users: ptr(int64(160)), Rate: ptr(9000.), P99: ptr(int64(4e8)),
				BreaksAt: ptr(int64(170)), Broke: "p99>500ms", Steps: []result.PeakStep{
					{Users: 10, Rate: 5000, P50: ptr(int64(1e6)), P99: ptr(int64(2e6))},
					{Users: 160, Rate: 9000, P50: ptr(int64(1e7)), P99: ptr(int64(4e8)), ErrorShare: 0.001},
					{Users: 170, Rate: 8000, P50: ptr(int64(2e7)), P99: ptr(int64(6e8)), Broke: "p99>500ms"}}}
			r.Findings = []result.Finding{stored("processors busy", 72, "2 cores, 98 % busy", "Threads wait.",
				"more cores")}
		}),
		lab("soak", func(r *result.Result) {
			r.Soak = &result.Soak{LoadHeld: true, Server: growth(result.Leaks), Kernel: growth(result.Settled),
				Series: []result.SoakSample{{T: 1, Server: ptr(3e7)}, {T: 600, Server: ptr(5e7), FDs: ptr(20.)}}}
		}),
		lab("sweep", func(r *result.Result) {
			r.Sweep = &result.Sweep{Metric: "echo.rate", Kind: unit.InPerSecond, Repeat: 4, CanTell: true, Needed: 4,
				BestVariant: ptr(1), Equal: []int{1}, Pick: ptr(1), Sure: true, Variants: []result.Variant{
					{Choices: []result.Choice{{Of: "server", Name: "workers", Value: "1"}},
						Values: []float64{1000, 1100, 900, 1050}, Median: ptr(1025.), Chance: ptr(0.03)},
					{Choices: []result.Choice{{Of: "server", Name: "workers", Value: "2"}},
						Values: []float64{2000, 2100, 1900, 2050}, Median: ptr(2025.)},
					{Choices: []result.Choice{{Of: "server", Name: "workers", Value: "none"}},
						Error: &warned("exit status 2")[0]}}}
		}),
		lab("diagnose", func(r *result.Result) {
			r.Findings = []result.Finding{stored("processors busy", 72, "2 cores, 98 % busy", "Threads wait.",
				"more cores")}
			r.Diagnosis = result.NewDiagnosis(r.Findings)
			r.Usage = &result.Usage{Cores: []result.CoreUse{{ID: 1, Busy: 0.98, SoftIRQ: 0.2}}, CoreCount: 2,
				Runnable: ptr(3.5),
				Processes: []result.ProcessUse{{PID: 7, Command: "server", Ran: 0.9, Waited: 0.3, Threads: 4,
					CallsPerMessage: ptr(2.), FDs: ptr(int64(900))}}, ProcessCount: 1}
		}),
	}
}

// Every lab's text, as it is made from its outcome.
func TestOutcomes(t *testing.T) {
	var b bytes.Buffer
	for _, r := range outcomes() {
		if err := r.Check(); err != nil {
			t.Errorf("%s: %v", r.Scenario, err)
		}
		if err := WriteLab(&b, r, Options{Width: 100}); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n%s\n\n", strings.Repeat("=", 100))
	}
	golden(t, "labs", b.Bytes())
	for _, r := range outcomes() {
		page := pageOf(t, r)
		if over := strings.Contains(page, `class="plot plot-lines"`); over != (r.Peak != nil || r.Soak != nil ||
			r.Churn != nil) {
			t.Errorf("%s: a curve is %v", r.Scenario, over)
		}
		if said := Verdict(r); said == "" || !strings.Contains(html.UnescapeString(page), said) {
			t.Errorf("%s: the page does not say %q", r.Scenario, said)
		}
	}
}

// Where TLS resets what is closed, connections were closed all the same; with a pool
// none is.
func TestNothingInTimeWait(t *testing.T) {
	for _, mode := range []string{result.PerRequest, result.KeepAlive, result.Pool} {
		c := result.Churn{Load: result.Load{Mode: mode}, ClosedFirst: result.ByClient,
			TimeWait: result.TimeWait{Server: ptr(int64(0))}}
		said, nobody := whereTimeWait(&c), "No connection is closed"
		if strings.Contains(said, nobody) != (mode == result.Pool) || mode != result.Pool &&
			!strings.Contains(said, "reset") {
			t.Errorf("%s: %s", mode, said)
		}
	}
}

// An outcome of which nothing was measured is shown all the same: files may come
// from anybody.
func TestEmptyOutcomes(t *testing.T) {
	for _, do := range []func(*result.Result){
		func(r *result.Result) { r.Churn = &result.Churn{} },
		func(r *result.Result) { r.ChurnMatrix = &result.ChurnMatrix{} },
		func(r *result.Result) { r.Stress = &result.Stress{} },
		func(r *result.Result) { r.Peak = &result.Peak{} },
		func(r *result.Result) { r.Soak = &result.Soak{} },
		func(r *result.Result) { r.Sweep = &result.Sweep{} },
		func(r *result.Result) {
			r.Sweep = &result.Sweep{Variants: []result.Variant{{}}, BestVariant: ptr(0), Pick: ptr(0)}
		},
		func(r *result.Result) { r.Diagnosis, r.Usage = &result.Diagnosis{}, &result.Usage{} },
	} {
		r := minimal()
		r.Echo = nil
		do(r)
		if r.Check() != nil {
			continue // what the file may not say
		}
		var b bytes.Buffer
		if err := WriteText(&b, r); err != nil {
			t.Error(err)
		}
		if err := WriteHTML(&b, r); err != nil {
			t.Error(err)
		}
	}
}

// What a soak says of a server is what its interval says, and nothing is said of a
// run that failed.
func TestSoakWords(t *testing.T) {
	for _, tt := range []struct {
		name string
		soak result.Soak
		says string
	}{
		{"grows for certain, by " +
			"little", result.Soak{LoadHeld: true, Server: &result.Growth{Verdict: result.TooLittle,
			PerHour: 800 << 20, Low: 730 << 20, High: 900 << 20, Last: 1 << 30}},
			"Undecided: the server grew by 800.0 MiB an hour (730.0 MiB to 900.0 MiB"},
		{"nothing to be seen, and little looked at", result.Soak{LoadHeld: true,
			Server: &result.Growth{Verdict: result.Flat, PerHour: 1 << 20, Low: -1 << 30, High: 1 << 30,
				Last: 1 << 30}}, "No leak shows: the server is at 1.0 GiB, but a leak of up to 1.0 GiB an hour would " +
			"not show either"},
		{"flat", result.Soak{LoadHeld: true, Server: &result.Growth{Verdict: result.Flat, Low: -1 << 20,
			High: 1 << 20, Last: 1 << 30}},
			"No leak: the server stays at 1.0 GiB; what could hide in the noise is at most 1.0 MiB an hour"},
		{"settled", result.Soak{LoadHeld: true, Server: &result.Growth{Verdict: result.Settled, PerHour: 1 << 20,
			Low: 0, High: 2 << 20, Last: 1 << 30}}, "No leak: the server grew at first and less and less, at the " +
			"end by 1.0 MiB an hour (0 B to 2.0 MiB"},
		{"the load was not held", result.Soak{Server: &result.Growth{Verdict: result.Leaks, PerHour: 1 << 30,
			Low: 1 << 30, High: 1 << 30}}, "No verdict: the load was not held"},
		{"not known", result.Soak{LoadHeld: true}, "Nothing can be said"},
	} {
		r := &result.Result{Scenario: "soak", Soak: &tt.soak}
		if said := Verdict(r); !strings.HasPrefix(said, tt.says) {
			t.Errorf("%s: %q, want %q", tt.name, said, tt.says)
		}
	}
}

// A process has many threads: what it takes is told in cores, and is no share of one.
func TestProcessesInCores(t *testing.T) {
	tables := usageTables(&result.Usage{Processes: []result.ProcessUse{{PID: 7, Command: "server", Ran: 1.02,
		Waited: 1.77, Threads: 10}}})
	row := tables[0].Rows[0]
	used, waited := Cell(row[1], tables[0].Columns[1].Unit), Cell(row[2], tables[0].Columns[2].Unit)
	if used != "1.02" || waited != "1.77" {
		t.Errorf("used %q, waited for %q", used, waited)
	}
}
