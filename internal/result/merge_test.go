package result

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Merge of a run's parts is the run: counts, errors, histograms, curve, rates.
func TestMergeOfSplitIsTheWhole(t *testing.T) {
	for _, n := range []int{1, 2, 4, 5, 20} {
		want, parts := splitRun(n)
		got, err := Merge(parts...)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Echo.Rate-want.Echo.Rate) < 1e-9*want.Echo.Rate { // a sum of n quotients
			got.Echo.Rate = want.Echo.Rate
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d parts: %s\nwhole: %s", n, write(t, got), write(t, want))
		}
	}
}

// In whatever steps: parts of parts, or all at once.
func TestMergeInSteps(t *testing.T) {
	want, parts := splitRun(4)
	left, err1 := Merge(parts[:2]...)
	right, err2 := Merge(parts[2:]...)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	got, err := Merge(left, right)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Setup, want.Setup) || !reflect.DeepEqual(got.Conns, want.Conns) {
		t.Errorf("merged in two steps: %s\nwhole: %s", write(t, got), write(t, want))
	}
}

func TestMergeLeavesItsPartsAlone(t *testing.T) {
	a, b := addable(), addable()
	b.Started = b.Started.Add(time.Second)
	b.Conns.Errors.Add("read_reset", 1)
	before := write(t, a) + write(t, b)
	sum, err := Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	sum.Conns.Errors["connect_refused"] = -1
	sum.Warnings[0], sum.Limits[0].Name, sum.Spread[0].Over = Warning{}, "", ""
	sum.Setup.Latency.Max, sum.Setup.Curve[0].T, *sum.Reconcile.Server = -1, -1, -1
	if write(t, a)+write(t, b) != before {
		t.Error("a part was changed by Merge or shares memory with the sum")
	}
	if err := a.Check(); err != nil {
		t.Error(err)
	}
}

func TestMergeRefuses(t *testing.T) {
	ws, bare := minimal(), minimal()
	ws.Proto = "ws"
	bare.Setup = &Setup{Seconds: 1, Latency: &Latency{Count: 1}}
	broken := minimal()
	broken.Memory = &Memory{Method: "slabinfo", TotalPerConn: math.NaN()}
	tests := []struct {
		name string
		in   []*Result
		want string
	}{
		{"none", nil, "merge results: there are none"},
		{"two runs", []*Result{minimal(), ws},
			"merge results: hold over tcp and hold over ws are not parts of one run"},
		{"no histograms", []*Result{bare, bare},
			"merge results: decode latency histogram: the file holds only its summary"},
		{"not a number", []*Result{minimal(), broken},
			"merge results: memory.total_bytes_per_conn is not a finite number"},
	}
	for _, tt := range tests {
		if _, err := Merge(tt.in...); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
}

// A part that began a second later lies a second later on the curve.
func TestMergeInTime(t *testing.T) {
	a, b := minimal(), minimal()
	a.Setup = &Setup{Seconds: 2, ClientSeconds: 1.5, Curve: []Point{{0, 0, 0}, {2, 100, 50}}}
	b.Started = a.Started.Add(time.Second)
	b.Setup = &Setup{Seconds: 2, Curve: []Point{{0, 0, 0}, {2, 100, 50}}}
	want := &Setup{Seconds: 3, Rate: 200. / 3, ClientSeconds: 1.5,
		Curve: []Point{{0, 0, 0}, {1, 50, 50}, {2, 150, 100}, {3, 200, 50}}}
	for _, parts := range [][]*Result{{a, b}, {b, a}} {
		sum, err := Merge(parts...)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(sum.Setup, want) || !sum.Started.Equal(a.Started) {
			t.Errorf("got %+v from %v, want %+v from %v", sum.Setup, sum.Started, want, a.Started)
		}
	}
}

func TestMergeCurves(t *testing.T) {
	long := make([]Point, 3*maxPoints)
	for i := range long {
		long[i] = Point{T: float64(i) / 7, Conns: int64(i)}
	}
	tests := []struct {
		name string
		in   [][]Point
		want []Point
	}{
		{"none", nil, nil},
		{"one", [][]Point{{{0, 0, 0}, {1, 10, 10}}}, []Point{{0, 0, 0}, {1, 10, 10}}},
		{"same times", [][]Point{{{0, 0, 0}, {1, 10, 10}}, {{0, 0, 0}, {1, 5, 5}}}, []Point{{0, 0, 0}, {1, 15, 15}}},
		{"between samples", [][]Point{{{0, 0, 0}, {2, 20, 10}}, {{0, 0, 0}, {1, 5, 5}, {2, 5, 0}}},
			[]Point{{0, 0, 0}, {1, 15, 15}, {2, 25, 10}}},
		{"one is done earlier", [][]Point{{{0, 0, 0}, {1, 10, 10}}, {{0, 0, 0}, {4, 8, 2}}},
			[]Point{{0, 0, 0}, {1, 12, 12}, {4, 18, 2}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mergeCurves(tt.in); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	got := mergeCurves([][]Point{long})
	if n := len(got); n > maxPoints || n < maxPoints/2 || got[0] != long[0] ||
		got[n-1].Conns != long[len(long)-1].Conns {
		t.Errorf("a long curve became %d points from %v to %v", n, got[0], got[n-1])
	}
}

// What belongs to a machine is not added up.
func TestMergeMachine(t *testing.T) {
	part := func(set func(*Result)) *Result {
		r := minimal()
		set(r)
		return r
	}
	tests := []struct {
		name     string
		a, b     *Result
		got      func(*Result) any
		want     any
		warnings int
	}{
		{"memory of the one that measured it", minimal(), part(func(r *Result) { r.Memory = complete().Memory }),
			func(r *Result) any { return r.Memory }, complete().Memory, 0},
		{"memory of two", addable(), addable(), func(r *Result) any { return r.Memory }, (*Memory)(nil), 3},
		{"CPU", part(func(r *Result) { r.CPU = &CPU{Client: 1, Server: ptr(7.)} }),
			part(func(r *Result) { r.CPU = &CPU{Client: 2, Server: ptr(8.), Softirq: ptr(3.)} }),
			func(r *Result) any { return r.CPU }, &CPU{Client: 3, Server: ptr(8.), Softirq: ptr(3.)}, 0},
		{"CPU of one", part(func(r *Result) { r.CPU = &CPU{Client: 1} }), minimal(),
			func(r *Result) any { return r.CPU }, &CPU{Client: 1}, 0},
		{"counts on one machine", addable(), addable(), func(r *Result) any { return r.Reconcile },
			&Counts{Client: 194, Server: ptr(int64(97)), Kernel: ptr(int64(196)), Ends: 2}, 3},
		{"counts on two machines", part(func(r *Result) { r.Reconcile = &Counts{Client: 10, Kernel: ptr(int64(11))} }),
			part(func(r *Result) {
				r.Reconcile = &Counts{Client: 20, Server: ptr(int64(30)), Kernel: ptr(int64(22))}
				r.Host.CPUs = 99
			}),
			func(r *Result) any { return r.Reconcile }, &Counts{Client: 30, Server: ptr(int64(30))}, 1},
		{"counts seen by one", minimal(), part(func(r *Result) { r.Reconcile = &Counts{Client: 20} }),
			func(r *Result) any { return r.Reconcile }, &Counts{Client: 20}, 0},
		{"as fast as possible beside a rate", part(func(r *Result) { r.Plan.Rate = 5 }), minimal(),
			func(r *Result) any { return float64(r.Plan.Rate) }, 0., 0},
		{"findings, severest first, each once",
			part(func(r *Result) { r.Findings = []Finding{Found("a", 90), Found("c", 20).Count("n", 7)} }),
			part(func(r *Result) {
				r.Findings = []Finding{Found("d", 95), Found("b", 50), Found("c", 30).Count("n", 5)}
			}),
			func(r *Result) any { return r.Findings },
			[]Finding{Found("d", 95), Found("a", 90), Found("b", 50), Found("c", 30).Count("n", 5)}, 0},
		{"findings of two ends",
			part(func(r *Result) {
				r.Findings = []Finding{Found("quota", 87).Word("whose", "server"), Found("quota", 42).Word("whose", "client")}
			}),
			part(func(r *Result) { r.Findings = []Finding{Found("quota", 74).Word("whose", "client")} }),
			func(r *Result) any { return r.Findings },
			[]Finding{Found("quota", 87).Word("whose", "server"), Found("quota", 74).Word("whose", "client")}, 0},
		{"limits, tightest first", part(func(r *Result) { r.Limits = []Limit{{Name: "b", Max: 2}} }),
			part(func(r *Result) { r.Limits = []Limit{{Name: "a", Max: 1}, {Name: "b", Max: 2}} }),
			func(r *Result) any { return r.Limits }, []Limit{{Name: "a", Max: 1}, {Name: "b", Max: 2}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sum, err := Merge(tt.a, tt.b)
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.got(sum); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if len(sum.Warnings) != tt.warnings {
				t.Errorf("warnings %+v, want %d", sum.Warnings, tt.warnings)
			}
		})
	}
}

func TestMergeSpread(t *testing.T) {
	tests := []struct {
		name       string
		a, b, want []Spread
		apart      bool
	}{
		{"threads are each part's own", []Spread{{"client threads", 2, 5, 6, 7}},
			[]Spread{{"client threads", 4, 3, 9, 12}}, []Spread{{"client threads", 6, 3, 8, 12}}, false},
		{"ports are shared", []Spread{{"ports", 2, 5, 6, 7}}, []Spread{{"ports", 2, 1, 2, 3}},
			[]Spread{{"ports", 2, 6, 8, 10}}, false},
		{"fewer ports", []Spread{{"ports", 1, 4, 4, 4}}, []Spread{{"ports", 2, 1, 2, 3}},
			[]Spread{{"ports", 2, 1, 4, 7}}, false},
		{"workers are seen whole", []Spread{{"server workers", 2, 9, 10, 11}},
			[]Spread{{"server workers", 2, 10, 11, 12}}, []Spread{{"server workers", 2, 10, 11, 12}}, false},
		{"only one has it", nil, []Spread{{"ports", 1, 4, 4, 4}}, []Spread{{"ports", 1, 4, 4, 4}}, false},
		{"sources of one place", []Spread{{"sources", 2, 1, 2, 3}}, []Spread{{"sources", 2, 1, 2, 3}},
			[]Spread{{"sources", 2, 2, 4, 6}}, false},
		{"sources of two places", []Spread{{"sources", 2, 1, 2, 3}}, []Spread{{"sources", 2, 1, 4, 5}},
			[]Spread{{"sources", 4, 1, 3, 5}}, true},
		{"event loops are seen whole", []Spread{{"server event loops", 2, 9, 10, 11}},
			[]Spread{{"server event loops", 2, 10, 11, 12}}, []Spread{{"server event loops", 2, 10, 11, 12}}, false},
	}
	for _, tt := range tests {
		if got := mergeSpread(tt.a, tt.b, tt.apart); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
