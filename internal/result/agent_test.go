package result

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// part is the n-th of several like agents: 100 connections, 200 sockets in its own
// network namespace of its own machine.
func part(name, boot string, net uint64, set ...func(*Result)) *Result {
	r := minimal()
	r.Host = Host{Kernel: "6.18", CPUs: 2, BootID: boot, Net: net}
	r.Plan.Sources = 3
	r.Reconcile = &Counts{Client: 100, Server: ptr(int64(300)), Kernel: ptr(int64(101)), Ends: 1}
	r.Setup = &Setup{Began: r.Started.Add(time.Second), Seconds: 2, Curve: []Point{{0, 0, 0}, {2, 100, 50}}}
	r.Warnings = []Warning{Warn("memory_without_server")}
	if boot == "1" {
		r.Warnings = append(r.Warnings, Warn("memory_of_foreign_sockets").Count("foreign", 100))
	}
	r.Memory = &Memory{Method: "slabinfo", KernelPerConn: 4000, ClientPerConn: ptr(30.), Fit: Fit{4000, 1, 9, 90}}
	for _, s := range set {
		s(r)
	}
	r.OfAgent(name, 0)
	return r
}

// Nine of ten is not ten: the one that is gone is a part, its share is lost.
func TestMergeLostAgent(t *testing.T) {
	held := Conns{Attempted: 70, Established: 60, Failed: 10, Lost: 5,
		Errors: ErrorCounts{"connect_refused": 10, "read_reset": 5}}
	lost := LostAgent("hold", "tcp", Plan{Conns: 100, Ports: 2}, "c", "9", held, nil, "hold")
	if err := lost.Check(); err != nil {
		t.Fatal(err)
	}
	for _, parts := range [][]*Result{{part("a", "1", 1), part("b", "2", 1), lost},
		{lost, part("a", "1", 1), part("b", "2", 1)}} {
		r, err := Merge(parts...)
		if err != nil {
			t.Fatal(err)
		}
		want := Conns{Attempted: 300, Established: 260, Failed: 40, Lost: 60,
			Errors: ErrorCounts{"connect_refused": 10, "read_reset": 5, AgentLost: 30 + 55}}
		if !reflect.DeepEqual(r.Conns, want) || r.Plan.Conns != 300 || !r.Short() || r.Host.Kernel != "6.18" {
			t.Errorf("%+v of %d, short %v, host %+v; want %+v", r.Conns, r.Plan.Conns, r.Short(), r.Host, want)
		}
		i := slices.IndexFunc(r.Agents, func(a Agent) bool { return a.Name == "c" })
		if len(r.Agents) != 3 || r.Agents[i].LostIn != "hold" || r.Agents[i].Share != 100 {
			t.Errorf("agents %+v", r.Agents)
		}
		if err := r.Check(); err != nil {
			t.Error(err)
		}
	}
	held.Errors["connect_refused"] = 99
	if lost.Conns.Errors["connect_refused"] != 10 {
		t.Error("the counts of the last sample are shared")
	}
}

// What parts see of one place is the same; of different places it adds up.
func TestMergePlaces(t *testing.T) {
	softirq := func(s float64) func(*Result) { return func(r *Result) { r.CPU = &CPU{Client: 1, Softirq: &s} } }
	kernel := func(n *int64) func(*Result) { return func(r *Result) { r.Reconcile.Kernel = n } }
	tests := []struct {
		name    string
		parts   []*Result
		kernel  *int64
		sources int
		softirq *float64
	}{
		{"alike on three machines", []*Result{part("a", "1", 9, softirq(2)), part("b", "2", 9, softirq(2)),
			part("c", "3", 9, softirq(2))},
			ptr(int64(303)), 9, ptr(6.)},
		{"three namespaces of one machine",
			[]*Result{part("a", "1", 7, softirq(2)), part("b", "1", 8, softirq(3)), part("c", "1", 9, softirq(2))},
			ptr(int64(303)), 9, ptr(3.)},
		{"one namespace, looked at in turn",
			[]*Result{part("a", "1", 9, kernel(ptr(int64(301)))), part("b", "1", 9, kernel(ptr(int64(303)))),
				part("c", "1", 9, kernel(nil))},
			ptr(int64(303)), 3, nil},
		{"one does not know", []*Result{part("a", "1", 9), part("b", "2", 9, kernel(nil))}, nil, 6, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Merge(tt.parts...)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r.Reconcile.Kernel, tt.kernel) || r.Plan.Sources != tt.sources {
				t.Errorf("kernel %v, sources %d; want %v, %d", r.Reconcile.Kernel, r.Plan.Sources, tt.kernel,
					tt.sources)
			}
			if tt.softirq != nil && (r.CPU == nil || !reflect.DeepEqual(r.CPU.Softirq, tt.softirq)) {
				t.Errorf("CPU %+v, want softirq %v", r.CPU, *tt.softirq)
			}
		})
	}
}

// The cost of connections is each agent's own, unless it shares its kernel.
func TestMergeAgentCost(t *testing.T) {
	few := func(r *Result) {
		r.Conns.Attempted, r.Conns.Established, r.Plan.Conns = 50, 50, 50
		r.Memory.KernelPerConn, r.Memory.ClientPerConn = 4600, ptr(60.)
	}
	tests := []struct {
		name   string
		server string
		parts  []*Result
		want   AgentCost
		warned map[string][]string
	}{
		{"each its own machine", "s", []*Result{part("a", "1", 1), part("b", "2", 1, few)},
			AgentCost{2, 150, ptr(4200.), ptr(40.)},
			map[string][]string{"memory_of_foreign_sockets": {"a"}}},
		{"two on one", "s", []*Result{part("a", "1", 1), part("b", "1", 2), part("c", "3", 1, few)},
			AgentCost{3, 250, ptr(4600.), ptr(36.)},
			map[string][]string{"agents_on_one_machine": {"a", "b"}}},
		{"one at the server", "1", []*Result{part("a", "1", 1), part("b", "2", 1, few)},
			AgentCost{2, 150, ptr(4600.), ptr(40.)},
			map[string][]string{"agent_beside_server": {"a"}}},
		{"alone at the server", "1", []*Result{part("a", "1", 1)}, AgentCost{1, 100, nil, ptr(30.)},
			map[string][]string{"agent_beside_server": {"a"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := MergeFleet(tt.server, tt.parts...)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*r.AgentCost, tt.want) {
				t.Errorf("cost %s, want %+v", write(t, r), tt.want)
			}
			if slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Code == "memory_without_server" }) {
				t.Error("an agent's memory is doubted for want of the server's")
			}
			warned := map[string][]string{}
			for _, w := range r.Warnings {
				warned[w.Code] = w.On
			}
			if len(warned) != len(tt.warned) || len(warned) > 0 && !reflect.DeepEqual(warned, tt.warned) {
				t.Errorf("warned %v, want %v", warned, tt.warned)
			}
			if len(tt.parts) > 1 && r.Memory != nil {
				t.Errorf("memory %+v of one agent stands for the fleet", r.Memory)
			}
		})
	}
}

// One report of ten agents is not ten reports long.
func TestMergeSaysOnce(t *testing.T) {
	said := func(n int64) func(*Result) {
		return func(r *Result) {
			r.Warnings = []Warning{Warn("setting").Word("what", "somaxconn is small"),
				Warn("ramp_stopped").Count("established", n).Word("why", "memory")}
			r.Limits = []Limit{{Name: "memory", Max: 1000 * n, Why: "little"}, {Name: "4-tuples", Max: 500}}
			r.Findings = []Finding{Found("cores", int(n)).Count("n", n)}
		}
	}
	r, err := Merge(part("a", "1", 1, said(8)), part("b", "2", 1, said(7)), part("c", "3", 1, said(9)),
		part("d", "4", 1))
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"a", "b", "c"}
	wantWarnings := []Warning{Warn("setting").Word("what", "somaxconn is small"),
		Warn("ramp_stopped").Count("established", 8).Word("why", "memory")}
	wantWarnings[0].On, wantWarnings[1].On, wantWarnings[1].Differ = all, all, true
	r.Warnings = slices.DeleteFunc(r.Warnings, func(w Warning) bool { return w.Code == "memory_of_foreign_sockets" })
	if !reflect.DeepEqual(r.Warnings, wantWarnings) {
		t.Errorf("warnings %+v, want %+v", r.Warnings, wantWarnings)
	}
	wantLimits := []Limit{{Name: "4-tuples", Max: 500, On: all},
		{Name: "memory", Max: 7000, Why: "little", On: []string{"b"}}}
	if !reflect.DeepEqual(r.Limits, wantLimits) {
		t.Errorf("limits %+v, want %+v", r.Limits, wantLimits)
	}
	wantFindings := []Finding{Found("cores", 9).Count("n", 9)}
	wantFindings[0].On, wantFindings[0].Differ = []string{"c", "a", "b"}, true
	if !reflect.DeepEqual(r.Findings, wantFindings) {
		t.Errorf("findings %+v, want %+v", r.Findings, wantFindings)
	}
}

// Parts lie where their ramps began, by one clock: not where their programs started,
// and not by the clock of a machine that is an hour ahead.
func TestMergeByRamp(t *testing.T) {
	ahead := part("b", "2", 1, func(r *Result) {
		r.Started = r.Started.Add(time.Hour - 20*time.Second) // it prepared for longer
		r.Setup.Began = r.Setup.Began.Add(time.Hour + time.Second)
	})
	ahead.OfAgent("b", time.Hour)
	a := part("a", "1", 1)
	want := []Point{{0, 0, 0}, {1, 50, 50}, {2, 150, 100}, {3, 200, 50}}
	for _, parts := range [][]*Result{{a, ahead}, {ahead, a}} {
		r, err := Merge(parts...)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(r.Setup.Curve, want) || !r.Setup.Began.Equal(a.Setup.Began) || r.Setup.Seconds != 3 ||
			!r.Started.Equal(a.Started.Add(-20*time.Second)) {
			t.Errorf("setup %+v from %v", r.Setup, r.Started)
		}
	}
}

// What can be added of a lab is, what cannot is refused.
func TestMergeLabs(t *testing.T) {
	churn := func(set ...func(*Churn)) func(*Result) {
		c := *complete().Churn
		c.Series = append(c.Series, ChurnSample{3, TimeWait{500, ptr(int64(2)), ptr(int64(1))}, 600, 1010})
		for _, s := range set {
			s(&c)
		}
		return func(r *Result) { r.Scenario, r.Churn, r.Echo = "churn", &c, complete().Echo }
	}
	sum, err := Merge(part("a", "1", 1, churn()),
		part("b", "2", 1, churn(func(c *Churn) { c.ExhaustedAfter, c.TWReuse = ptr(5.), ptr(int64(0)) })))
	if err != nil {
		t.Fatal(err)
	}
	one, got := complete(), sum.Churn
	want := &Churn{Load: Load{Mode: KeepAlive, Users: 200, Requests: 10, Pool: 40}, ServerFirst: true,
		ClosedFirst: ByClient, NotClosed: 6, Rate: 2000, ConnRate: 200,
		P50: &sum.Echo.Latency.P50, P99: &sum.Echo.Latency.P99, TimeWait: TimeWait{1000, ptr(int64(4)), ptr(int64(2))},
		LocalPorts: 56_000, LocalPortsUsed: 1200, NoPort: 2,
		Exhausts: true, ExhaustedAfter: ptr(5.), PortsReused: true,
		Series: []ChurnSample{{1.5, TimeWait{400, ptr(int64(2)), ptr(int64(2))}, 600, 1980},
			{3, TimeWait{1000, ptr(int64(4)), ptr(int64(2))}, 1200, 2020}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("churn %s", write(t, sum))
	}
	stress := func(r *Result) { r.Scenario, r.Stress, r.Echo = "stress", one.Stress, &Echo{Received: 99} }
	late := func(r *Result) {
		stress(r)
		s := *one.Stress
		s.ServerAfter = &ProcMemory{9, 9, 9, 9}
		r.Stress, r.Conns.Established, r.Conns.Failed = &s, 98, 2
	}
	sum, err = Merge(part("a", "1", 1, stress), part("b", "2", 1, late))
	if err != nil {
		t.Fatal(err)
	}
	wantStress := &Stress{Load: Load{Mode: KeepAlive, Users: 200, Requests: 10, Pool: 40}, Asked: 20_000, Undone: 4,
		Failures: 6, ErrorShare: 2. / 200,
		ServerBefore: &ProcMemory{3, 2, 1, 1}, ServerAfter: &ProcMemory{9, 9, 9, 9}}
	if !reflect.DeepEqual(sum.Stress, wantStress) {
		t.Errorf("stress %+v, want %+v", sum.Stress, wantStress)
	}
	for name, set := range map[string]func(*Result){
		"a peak": func(r *Result) { r.Peak = one.Peak }, "a soak": func(r *Result) { r.Soak = one.Soak },
		"a sweep":           func(r *Result) { r.Sweep = one.Sweep },
		"a matrix of churn": func(r *Result) { r.ChurnMatrix = one.ChurnMatrix },
		"a diagnosis":       func(r *Result) { r.Diagnosis = one.Diagnosis },
	} {
		if _, err := Merge(part("a", "1", 1), part("b", "2", 1, set)); err == nil ||
			!strings.Contains(err.Error(), name+" is of a whole run") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, other := range []func(*Churn){
		func(c *Churn) { c.Mode = PerRequest }, func(c *Churn) { c.ServerFirst = false }} {
		if _, err := Merge(part("a", "1", 1, churn()), part("b", "2", 1, churn(other))); err == nil {
			t.Error("churns of two kinds were added")
		}
	}
}

// Heats of different shapes are no sum, and do not stand for it either.
func TestMergeHeat(t *testing.T) {
	heat := func(h Heat) func(*Result) { return func(r *Result) { r.Heat = &h } }
	a := Heat{1, []int64{5}, [][]int64{{1, 2}}}
	r, err := Merge(part("a", "1", 1, heat(a)), part("b", "2", 1, heat(Heat{1, []int64{5}, [][]int64{{3, 4}, {5, 6}}})))
	if err != nil || !reflect.DeepEqual(r.Heat, &Heat{1, []int64{5}, [][]int64{{4, 6}, {5, 6}}}) {
		t.Errorf("heat %+v, %v", r.Heat, err)
	}
	r, err = Merge(part("a", "1", 1, heat(a)), part("b", "2", 1, heat(Heat{2, []int64{5}, [][]int64{{3, 4}}})),
		part("c", "3", 1, heat(a)))
	if err != nil || r.Heat != nil || r.Warnings[len(r.Warnings)-1].Code != "heat_not_added" {
		t.Errorf("heat %+v, warnings %+v, %v", r.Heat, r.Warnings, err)
	}
}

// Merge forgets no field of what it adds up: who adds one is told so here.
func TestMergeForgetsNothing(t *testing.T) {
	a, b := addable(), addable()
	b.Host.BootID = "b1"
	// Kernel memory is the client's end alone.
	a.Memory.BothEnds, a.Memory.ServerEnd, b.Memory.BothEnds, b.Memory.ServerEnd = false, false, false, false
	a.OfAgent("a", 1)
	b.OfAgent("b", 1)
	sum, err := Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	// Merge leaves these out on purpose: its doc says so.
	sum.Memory, sum.Usage, sum.Thresholds = a.Memory, a.Usage, a.Thresholds
	want := complete()
	want.ChurnMatrix, want.Peak, want.Soak, want.Sweep, want.Diagnosis, want.Agents = nil, nil, nil, nil, nil, nil
	var walk func(want, got reflect.Value, path string)
	walk = func(want, got reflect.Value, path string) {
		switch want.Kind() {
		case reflect.Pointer:
			if got.IsNil() && !want.IsNil() {
				t.Errorf("%s is lost", path)
			} else if !want.IsNil() {
				walk(want.Elem(), got.Elem(), path)
			}
		case reflect.Struct:
			for i := range want.NumField() {
				if f := want.Type().Field(i); f.IsExported() {
					walk(want.Field(i), got.Field(i), path+"."+f.Name)
				}
			}
		default:
			if got.IsZero() && !want.IsZero() {
				t.Errorf("%s is lost", path)
			}
		}
	}
	want.Memory = a.Memory
	walk(reflect.ValueOf(want), reflect.ValueOf(sum), "Result")
}

// A file of a run in which an agent was lost can be read again, whatever the others
// measured.
func TestMergeOfLostReadsBack(t *testing.T) {
	for _, scenario := range []string{"hold", "stress"} {
		a, b := addable(), addable()
		a.Scenario, b.Scenario = scenario, scenario
		for _, r := range []*Result{a, b} {
			r.Protocols = r.Protocols[:1]
			r.OfAgent(r.Scenario, 0)
		}
		last := Conns{Established: 40, Errors: ErrorCounts{}}
		lost := LostAgent(scenario, "tcp", a.Plan, "c", "9", last, &Echo{Sent: 9, Received: 7}, "hold")
		r, err := Merge(a, b, lost)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(strings.NewReader(write(t, r))); err != nil {
			t.Errorf("%s: %v", scenario, err)
		}
		if r.Protocols != nil || !slices.ContainsFunc(r.Warnings,
			func(w Warning) bool { return w.Code == "protocols_not_added" }) {
			t.Errorf("protocols %+v of two agents of three stand for all", r.Protocols)
		}
		if r.Echo.Received != 2*98+7 || r.Echo.Lost != 2+2 {
			t.Errorf("echo %+v", r.Echo)
		}
		if s := r.Stress; s.Users != 200+120 || s.Asked != 32_000 || s.Undone != 4+12_000-7 {
			t.Errorf("stress %+v", s)
		}
		if c := r.Churn; c.Users != 200+120 {
			t.Errorf("churn of %d users", c.Users)
		}
	}
}
