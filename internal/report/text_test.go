package report

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

func render(t *testing.T, r *result.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteText(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What was not measured has no line, not one with 0.
func TestAbsentPartsAreLeftOut(t *testing.T) {
	bare := render(t, minimal())
	for _, part := range []string{"Errors", "Setup", "Memory", "caches", "10,000,000", "Echo", "Counts", "each", "CPU",
		"Limits", "warning", "Linux", "fd limit", "B", "/s"} {
		if strings.Contains(bare, part) {
			t.Errorf("a run that measured nothing speaks of %q:\n%s", part, bare)
		}
	}
	tests := []struct {
		name    string
		change  func(*result.Result)
		without []string
	}{
		{"no server to ask", func(r *result.Result) {
			r.Memory.ServerPerConn, r.Memory.Plain.Server, r.CPU.Server, r.Reconcile.Server = nil, nil, nil, nil
			r.Memory.Before.Server, r.Memory.Held.Server, r.Memory.After.Server = nil, nil, nil
		}, []string{"\n  server  "}},
		{"no outside", func(r *result.Result) { r.Memory.Outside = nil }, []string{"cross-check"}},
		{"nobody walked", func(r *result.Result) { r.Memory.WalkedPerConn = nil }, []string{"/proc/PID/fd"}},
		{"no fit", func(r *result.Result) { r.Memory.Fit.R2 = 0 },
			[]string{"r²", "least squares", "connections need 7"}},
		{"no pages", func(r *result.Result) { r.Memory.PagesPerConn = nil }, []string{"in pages  "}},
		{"few connections", func(r *result.Result) { r.Memory.Fit.Conns = 1000 },
			[]string{"connections need 7", "cross-check", "+0.1 % of their"}},
		{"withheld", func(r *result.Result) { r.Memory.Withheld = withheld() },
			[]string{"per connection  ", "caches", "10,000,000"}},
		{"in use only", func(r *result.Result) { r.Memory = &result.Memory{After: r.Memory.After} },
			[]string{"per conn", "caches", "10,000,000", "before  ", "held  "}},
		{"a cost below 0", func(r *result.Result) { r.Memory.TotalPerConn = -3 }, []string{"connections need 7"}},
		{"a short curve", func(r *result.Result) { r.Setup.Curve = r.Setup.Curve[:4] }, []string{"█", "tenth"}},
		{"no softirq", func(r *result.Result) { r.CPU.Softirq = nil }, []string{"softirq"}},
		{"no kernel count", func(r *result.Result) { r.Reconcile.Kernel = nil }, []string{"kernel sockets"}},
		{"no latency", func(r *result.Result) { r.Setup.Latency, r.Echo.Latency = nil, nil }, []string{"p99"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole, r := render(t, full()), full()
			tt.change(r)
			got := render(t, r)
			for _, part := range tt.without {
				if strings.Contains(got, part) {
					t.Errorf("it speaks of %q:\n%s", part, got)
				}
				if !strings.Contains(whole, part) {
					t.Errorf("%q is not even in the full report", part)
				}
			}
		})
	}
}

func TestSentences(t *testing.T) {
	tests := []struct {
		name   string
		change func(*result.Result)
		want   string
	}{
		{"both ends over tcp", func(*result.Result) {}, "10,000,000 connections need 79.7 GiB (86 GB)\n"},
		{"one end", func(r *result.Result) { r.Memory.BothEnds = false }, "need 79.7 GiB (86 GB), this end\n"},
		{"noise", func(r *result.Result) { r.Memory.Fit.R2 = 0.775 },
			"\n\n  Too noisy to say what 10,000,000 connections need: take more of them.\n"},
		{"no fit, but a plain difference", func(r *result.Result) { r.Memory.Fit.R2 = 0 },
			"\n\n  Too few samples to say what 10,000,000 connections need: take more of them, or\n  a lower " +
				"--rate.\n"},
		{"few connections", func(r *result.Result) { r.Memory.Fit.Conns = 1000 },
			"\n\n  Too few connections to say what 10,000,000 need: what 1,000 take is not much\n  more than what " +
				"processes take and give back by themselves. 5,000 would tell.\n"},
		{"withheld", func(r *result.Result) { r.Memory.Withheld = withheld() },
			"\n\n  Memory per connection: too noisy without /proc/slabinfo: a connection comes\n  out at nothing; it " +
				"needs 10,000 connections or root.\n\nMemory in use "},
		{"without the server's", func(r *result.Result) { r.Memory.ServerPerConn = nil },
			"need 79.7 GiB (86 GB), without the server's own memory,\n  which is not known\n"},
		{"all counts agree", func(*result.Result) {},
			"kernel sockets       5,000,401  agrees: 2 a connection, 401 others\n"},
		{"kernel counts per CPU", func(r *result.Result) { *r.Reconcile.Kernel = 4_999_000 },
			"agrees: 2 a connection, 1,000 fewer\n"},
		{"kernel has fewer", func(r *result.Result) { *r.Reconcile.Kernel = 4_900_000 },
			"DISAGREES: 2 a connection, 100,000 fewer\n"},
		{"exactly", func(r *result.Result) { *r.Reconcile.Kernel = 5_000_000 }, "agrees: 2 a connection\n"},
		{"server has more", func(r *result.Result) { *r.Reconcile.Server = 2_500_001 }, "DISAGREES: 1 more\n"},
		{"loopback without memory", func(r *result.Result) { r.Memory = nil }, "agrees: 2 a connection, 401 others\n"},
		{"another machine", func(r *result.Result) { r.Memory, r.Plan.Host = nil, "192.0.2.1" },
			"agrees: 1 a connection, 2,500,401 others\n"},
		{"both took as long", func(r *result.Result) { r.Setup.ClientSeconds = 41.649 },
			"  time            41.6 s until both ends held all\n"},
		{"the server is not known", func(r *result.Result) { r.Setup.ClientSeconds = 41.65 },
			"  time            41.6 s\n"},
		{"more than all came back",
			func(r *result.Result) { *r.Memory.After = *r.Memory.Before; r.Memory.After.Kernel -= 1 << 24 },
			"came back        100.1 %    100.0 %    100.0 %    100.0 %\n"},
		{"did not grow", func(r *result.Result) { r.Memory.Held.Client = 1 },
			"came back         99.9 %     92.2 %                98.2 %\n"},
		{"lost", func(r *result.Result) { r.Conns.Lost = 2 },
			"FELL SHORT: 2,500,000 of 2,500,000 connections established, 2 of them lost\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := full()
			tt.change(r)
			if got := render(t, r); !strings.Contains(got, tt.want) {
				t.Errorf("no %q in:\n%s", tt.want, got)
			}
		})
	}
}

// Numbers from a broken run must not end in NaN, nor in a panic.
func TestOddResults(t *testing.T) {
	point := func(t float64, n int64) result.Point { return result.Point{T: t, Conns: n} }
	curves := map[string][]result.Point{
		"one point": {point(0, 0)}, "all at once": {point(0, 0), point(0, 5), point(0, 5), point(0, 5), point(0, 5),
			point(0, 9)},
		"flat": {point(0, 0), point(1, 0), point(2, 0), point(3, 0), point(4, 0),
			point(5, 0)},
		"a stop and a standstill of time": {point(0, 0), point(1, 5), point(1, 7), point(3, 7), point(4, 7),
			point(5, 7), point(6, 8), point(7, 8), point(8, 8), point(9, 8)},
		"falling": {point(0, 9), point(1, 8), point(2, 7), point(3, 6), point(4, 5), point(5, 4)},
	}
	for name, c := range curves {
		r := minimal()
		r.Setup = &result.Setup{Curve: c, Latency: &result.Latency{}}
		r.Memory = &result.Memory{Method: "slabinfo", Outside: ptr(0.0)}
		r.CPU, r.Echo, r.Reconcile, r.Spread = &result.CPU{}, &result.Echo{}, &result.Counts{}, []result.Spread{{}}
		if got := render(t, r); strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	render(t, &result.Result{})
}

func TestTenths(t *testing.T) {
	even := make([]result.Point, 21)
	for i := range even {
		even[i] = result.Point{T: float64(i), Conns: int64(100 * i)}
	}
	tests := []struct {
		name        string
		in          []result.Point
		first, last float64
		ok          bool
	}{
		{"even", even, 100, 100, true},
		{"slower to the end", curve(1_000_000, 10), 130_786, 71_340, true},
		{"too short", even[:9], 0, 0, false},
		{"none", nil, 0, 0, false},
		{"nothing held", make([]result.Point, 20), 0, 0, false},
	}
	for _, tt := range tests {
		first, last, ok := (&result.Setup{Curve: tt.in}).Tenths()
		if ok != tt.ok || math.Abs(first-tt.first) > 1e-3*tt.first || math.Abs(last-tt.last) > 1e-3*tt.last {
			t.Errorf("%s: %v, %v, %v; want %v, %v, %v", tt.name, first, last, ok, tt.first, tt.last, tt.ok)
		}
	}
}

// The CSV of every lab is its series; what has none is refused.
func TestWriteCSV(t *testing.T) {
	curve, heat := minimal(), minimal()
	curve.Setup = &result.Setup{Seconds: 1, Curve: []result.Point{{T: 0}, {T: 0.5, Conns: 10, Rate: 20}}}
	heat.Heat = &result.Heat{Seconds: 0.5, Bounds: []int64{16_000, 32_000}, Counts: [][]int64{{5, 5, 0}, {0, 0, 0}}}
	want := map[string]string{
		"churn": "t,time_wait_client,time_wait_server,time_wait_others,local_ports_used,rate\n" +
			"1,1200,,,1300,12000\n2,2500,,,2600,12400\n",
		"peak": "users,rate,p50_ns,p99_ns,error_share,broke\n" +
			"10,5000,1000000,2000000,0,\n160,9000,10000000,400000000,0.001,\n170,8000,20000000,600000000,0,p99>500ms\n",
		"soak":  "t,server_bytes,kernel_bytes,fds,close_wait\n1,30000000,,,\n600,50000000,,20,\n",
		"sweep": "workers,run,echo.rate\n1,1,1000\n1,2,1100\n1,3,900\n1,4,1050\n2,1,2000\n2,2,2100\n2,3,1900\n2,4,2050\n",
		"matrix": "mode,closed_first,tcp_tw_reuse,rate,p50_ns,p99_ns,conn_rate," +
			"time_wait_client,time_wait_server,local_ports_used,no_port,exhausted_after_seconds\n" +
			"keepalive,client,0,12345,1000000,9000000,1234,15000,2,15100,0,10.6\npool,nobody,,30000,,,0,0,0,0,0,\n",
		"ramp": "t,conns,rate\n0,0,0\n0.5,10,20\n",
		"heat": "t,echoes,p50_ns,p99_ns\n0,10,16000,32000\n0.5,0,,\n",
	}
	got := map[string]*result.Result{"ramp": curve, "heat": heat, "no ramp": minimal(),
		"a ramp without a sample": minimal()}
	got["a ramp without a sample"].Setup = &result.Setup{}
	for _, r := range outcomes() {
		name := r.Scenario
		if r.ChurnMatrix != nil {
			name = "matrix"
		}
		got[name] = r
	}
	for name, r := range got {
		var b bytes.Buffer
		err := WriteCSV(&b, r)
		if text, has := want[name]; has && (err != nil || b.String() != text) || !has &&
			(!errors.Is(err, ErrNoSeries) || b.Len() > 0) {
			t.Errorf("%s: %q, %v; want %q", name, b.String(), err, text)
		}
	}
}

// A result file gives the same report as the run.
func TestReportOfAFile(t *testing.T) {
	r := full()
	r.Setup.Latency.Encoded = "" // the fixture's numbers come from no histogram
	var b bytes.Buffer
	if err := result.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	back, err := result.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := render(t, back), render(t, r); got != want {
		t.Errorf("from the file:\n%s\nfrom the run:\n%s", got, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWriteErrors(t *testing.T) {
	full := failing{errors.New("no space left on device")}
	curved := minimal()
	curved.Setup = &result.Setup{Curve: []result.Point{{T: 0}}}
	for name, err := range map[string]error{
		"write report": WriteText(full, minimal()), "write series": WriteCSV(full, curved),
	} {
		if !errors.Is(err, full.err) || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestBars(t *testing.T) {
	tests := []struct {
		name string
		in   []float64
		row  int
		want string
	}{
		{"lowest row", []float64{0, 25, 100}, 0, " ██"},
		{"second row", []float64{0, 25, 100}, 1, "  █"},
		{"eighths", []float64{3.125, 6.25, 12.5, 21.875}, 0, "▁▂▄▇"},
		{"little is not nothing", []float64{0, 0.001}, 0, " ▁"},
		{"beyond the scale", []float64{500}, 3, "█"},
	}
	for _, tt := range tests {
		if got := bars(tt.in, 100, tt.row); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for in, want := range map[float64]float64{41_234: 50_000, 80_000: 80_000, 80_001: 100_000, 1: 1, 0.03: 0.03,
		110: 120} {
		if got := roundUp(in); math.Abs(got-want) > 1e-9*want {
			t.Errorf("roundUp(%v) = %v, want %v", in, got, want)
		}
	}
}

// withheld is why a cost is not given.
func withheld() *result.Warning {
	why := result.Warn("noisy_nothing").Count("enough", 10_000).Word("without", "/proc/slabinfo").Word("or", "root")
	return &why
}
