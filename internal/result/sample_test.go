package result

import (
	"math/rand/v2"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

func ptr[T any](v T) *T { return &v }

// minimal is a run that measured nothing but its connections.
func minimal() *Result {
	return &Result{Schema: Schema, Scenario: "hold", Proto: "tcp",
		Started: time.Date(2026, 11, 21, 6, 15, 3, 0, time.UTC),
		Plan:    Plan{Conns: 100, Ports: 2, Sources: 1, Threads: 1, FDTables: 1},
		Conns:   Conns{Attempted: 100, Established: 100}}
}

// complete is a run that measured everything.
func complete() *Result {
	r := minimal()
	r.Command, r.Interrupt = []string{"client", "hold", "--conns", "100"}, true
	r.Host = Host{Kernel: "6.18.1", CPUs: 2, MemoryBytes: 24 << 30, Nofile: 20_000, Go: "go1.26.8",
		Commit: "0123456789ab", BootID: "b0", Net: 4026531840,
		Settings: map[string]string{"net.core.somaxconn": "4096"}}
	r.Plan = Plan{Targets: []string{"tcp://127.0.0.1:10000"}, Host: "127.0.0.1", FirstPort: 10_000, WSFirstPort: 15_000,
		Conns: 120, Ports: 2, Sources: 1, Threads: 2, FDTables: 2, LimitedBy: "memory"}
	r.Conns = Conns{Attempted: 120, Established: 100, Failed: 20, Lost: 3, Reconnected: 2,
		Errors: ErrorCounts{"connect_refused": 20, "read_closed": 3},
		Idle:   &Idle{3, 1.9e9, 2.1e9, 1.5}, IdleTimeout: 2e9}
	r.ServerEngine = "epoll"
	r.Foreign = &Foreign{Name: "node", PID: 4711, Group: "/system.slice/chat.service", Processes: 5}
	r.FirstFailure = &FailedAnswer{Cause: "handshake_status_404", From: "127.0.0.1:10000",
		Sent: []string{"GET / HTTP/1.1"}, Lines: []string{"HTTP/1.1 404 Not Found"}}
	h := NewHistogram()
	for i := range int64(100) {
		h.Record(i * 77_777)
	}
	r.Setup = &Setup{Began: r.Started.Add(time.Second), Seconds: 2.5, Rate: 40, ClientSeconds: 2.25,
		Latency: h.Summary(), Handshake: h.Summary(), Curve: []Point{{0, 0, 0}, {1, 60, 60}, {2.25, 100, 32}}}
	r.TLS = &TLS{Full: 90, Resumed: 12, Rate: 45, Latency: h.Summary(), Mixed: true, Verified: true,
		Agreed: []Agreed{{"TLS 1.3", "TLS_AES_128_GCM_SHA256", "http/1.1", 100},
			{"TLS 1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "", 2}},
		Alerts: ErrorCounts{"internal_error": 3}}
	used := func(n uint64) *Used { return &Used{Kernel: n, Server: ptr(n / 10), Client: n / 100, System: 2 * n} }
	r.Memory = &Memory{Method: "slabinfo", BothEnds: true, ServerEnd: true, KernelPerConn: 8000, KernelPerSocket: 4000,
		ServerPerConn: ptr(450.), ClientPerConn: ptr(25.),
		ServerBelow: ptr(600.), ClientBelow: ptr(30.),
		TotalPerConn: 8475, Caches: []Cache{{"TCP", 2, 5040}}, Fit: Fit{8475, 0.9999, 20, 100},
		Plain:          Parts{8010, ptr(440.), ptr(26.), 8476},
		SocketsPerConn: ptr(2.01), PagesPerConn: ptr(8100.), Outside: ptr(8500.), WalkedPerConn: ptr(12.),
		At10M: ptr(84.75e9), Before: used(1000), Held: used(900_000), After: used(2000),
		Samples: []Sample{{0.5, 50, *used(400_000)}}, PeakUsed: 1_000_000}
	r.Stages = []Stage{{"1", StageUp, 120, 118, 50, 48.5, 2.5, 2, 1, 3, used(800_000)},
		{"2", StageDown, 10, 10, 20, 20, 5, 0, 0, 0, nil}}
	r.Course = []Point{{0, 0, 0}, {2.5, 118, 47.2}, {7.5, 10, -21.6}}
	r.Echo = &Echo{Sent: 100, Received: 98, Lost: 1, Mismatched: 1, Seconds: 10, Rate: 9.8, Bytes: 6272,
		Latency: h.Summary(), Verified: 97, Verify: h.Summary(), Calls: 2.25}
	r.Protocols = []Protocol{{Proto: "ws", Conns: r.Conns, SetupRate: 40, Connect: h.Summary(), Handshake: h.Summary(),
		Echo: r.Echo}, {Proto: "tcp"}}
	r.Pings = &Pings{100, 99, h.Summary()}
	r.Packets = &Packets{1200, 1100, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3}
	r.Talk = &Talk{Skipped: 100, First: &FirstMessage{100, 99, h.Summary()},
		Pushes:  &Pushes{1000, 4000, 100, 10, 100, 1, h.Summary()},
		FanOut:  &FanOut{10, 98, 99, 100, h.Summary(), h.Summary()},
		Deflate: &Deflate{90, 10, 1000, 500, 2000, 700, 0.4, 60, 0.01}}
	r.CPU = &CPU{Server: ptr(1.5), ServerSetup: ptr(0.75), Client: 2.5, Softirq: ptr(0.5)}
	r.Reconcile = &Counts{Client: 97, Server: ptr(int64(97)), Kernel: ptr(int64(196)), Ends: 2}
	r.Spread = []Spread{{"ports", 2, 48, 50, 52}}
	r.Limits = []Limit{{"memory", 2_000_000, "22 GB can be taken", "a larger machine", []string{"a"}}}
	r.Thresholds = []Verdict{{"conns.failed>5", "conns.failed", ptr(20.), true, ptr(5.), true}}
	r.Findings = []Finding{Found("accept_queue_full", 90).Count("overflows", 12).Word("whose", "server")}
	r.Findings[0].On, r.Findings[0].Differ = []string{"a"}, true
	r.StoredTables = []Table{{Title: "modes", Columns: []Column{{"mode", unit.InText}, {"rate", unit.InPerSecond}},
		Rows: [][]any{{"keep-alive", 2300.5}, {"pool", nil}}, Plot: "rate", Note: "keep-alive wins"}}
	r.Plan.Asked = plan.Asked{Engine: plan.EnginePackets, Rate: 50, Window: 64, ConnectTimeout: 1e9, KeepAlive: 3e9,
		Reconnect: true, Hold: 10e9, Size: 64, SizeMax: 128, Depth: 2,
		MessageRate: 500, Interval: 1e9, Close: plan.CloseFIN, First: 7, Jitter: 0.2, Ping: 30e9, PingTimeout: 10e9,
		Stages: []plan.Stage{{Conns: 100, Rate: 50, Hold: 1e9}},
		Talk:   plan.Talk{Message: "20 bytes", First: "30 bytes", Expect: plan.ExpectAny, Skip: 1, Deflate: true}}
	r.Heat, r.Behind = &Heat{Seconds: 0.5, Bounds: []int64{16_000, 32_000}, Counts: [][]int64{{5, 1, 2}, {0, 3, 0}}},
		true
	r.Leak = true
	r.StoredVerdict = "keep-alive wins"
	r.Usage = &Usage{Cores: []CoreUse{{1, 0.9, 0.2, 0.1}}, CoreCount: 2, Runnable: ptr(3.5),
		Processes: []ProcessUse{{7, "server", 0.8, 0.1, 4, ptr(2.25), ptr(int64(900))}}, ProcessCount: 1,
		Threads: []ThreadUse{{7, "server", 9, "loop", 0.7, 0.1}}, ThreadCount: 5,
		Upstreams: []UpstreamUse{{"127.0.0.1:5432", 7, "server", 3, 120, 24.5, 0.75}}, UpstreamCount: 1}
	load := Load{Mode: KeepAlive, Users: 100, Requests: 10, Pool: 20}
	r.Churn = &Churn{Load: load, ServerFirst: true, ClosedFirst: ByClient, NotClosed: 3, Rate: 1000,
		P50: ptr(int64(1e6)), P99: ptr(int64(9e6)), ConnRate: 100,
		TimeWait: TimeWait{500, ptr(int64(2)), ptr(int64(1))}, LocalPorts: 28_000, LocalPortsUsed: 600, NoPort: 1,
		Exhausts: true, ExhaustedAfter: ptr(25.), TWReuse: ptr(int64(2)), PortsReused: true,
		Series: []ChurnSample{{1.5, TimeWait{200, ptr(int64(1)), ptr(int64(1))}, 300, 990}}}
	r.ChurnMatrix = &ChurnMatrix{LocalPorts: 30_000, Buckets: 30_000, Cells: []Churn{*r.Churn},
		KeepAliveTimes: ptr(2.5), PoolTimes: ptr(3.)}
	r.Stress = &Stress{Load: load, Asked: 10_000, Undone: 2, Failures: 3, ErrorShare: 0.0003,
		ServerBefore: &ProcMemory{3, 2, 1, 1}, ServerAfter: &ProcMemory{6, 5, 4, 3}}
	r.Peak = &Peak{Mode: Kept, Requests: 10, Users: ptr(int64(150)), LowerBound: true, Rate: ptr(900.),
		P99: ptr(int64(4e8)), BreaksAt: ptr(int64(160)), Broke: "p99>500ms",
		Steps: []PeakStep{{150, 900, ptr(int64(1e6)), ptr(int64(4e8)), 0.001, "p99>500ms"}}}
	grows := func(v GrowthVerdict) *Growth { return &Growth{v, 1e3, 5e2, 2e3, 3e4, 600, ptr(0.5), ptr(0.25)} }
	r.Soak = &Soak{LoadHeld: true, GrowthBytesPerHour: ptr(1e6), GrowthLow: ptr(5e5), GrowthHigh: ptr(2e6),
		Server: &Growth{Leaks, 1e6, 5e5, 2e6, 3e7, 600, ptr(2048.), ptr(20.)},
		Kernel: grows(Flat), FDs: grows(Settled), CloseWait: grows(TooLittle),
		Recycled: &Recycled{Count: 4, Lost: 2, Failed: 1, P99: ptr(int64(16e6)), RestP99: ptr(int64(8e6)), Troughs: 4,
			Trough: ptr(2e7), Peak: ptr(4e7), List: []Recycling{{Worker: 1, PID: 70, T: 5, Seconds: 1.5, Conns: 20,
				Lost: 2, Failed: 1, P99: ptr(int64(16e6)), Before: ptr(2e7), After: ptr(1e7)}}},
		Series: []SoakSample{{1, ptr(3e7), ptr(1e7), ptr(20.), ptr(1.), []WorkerMemory{{1, 70, 1e7}}}}}
	r.Sweep = &Sweep{Metric: "echo.rate", Kind: unit.InPerSecond, Less: true, Repeat: 5, CanTell: true, Needed: 4,
		BestVariant: ptr(1), Equal: []int{1}, Pick: ptr(1), Sure: true,
		Variants: []Variant{{Choices: []Choice{{"server", "workers", "2"}}, Values: []float64{9, 8, 9.5},
			Median: ptr(9.), Chance: ptr(0.04), Short: 1, Errors: 2, Error: ptr(caused())},
			{Values: []float64{9}, Median: ptr(9.)}},
		Best: Medians{"echo.rate": 9, "echo.latency.p99": 5e6, "conns.errors": 0}}
	r.Diagnosis = &Diagnosis{1, 2, 3}
	r.Warnings = []Warning{caused(), Warn("two")}
	r.Agents = []Agent{{Name: "a", BootID: "b0", CPUs: 2, MemoryBytes: 24 << 30, Share: 120, Conns: r.Conns,
		SetupRate: 40, EchoRate: 9.8, KernelPerConn: ptr(4000.), ClientPerConn: ptr(25.), ClientBelow: ptr(30.),
		CPU:         2.5,
		ClockOffset: 2e6, Tightest: &r.Limits[0], Findings: []string{"accept_queue_full"}, Interrupt: true,
		LostIn: "hold"}, {Name: "b", Share: 1}}
	r.AgentCost = &AgentCost{Agents: 1, Conns: 100, KernelPerConn: ptr(4000.), ClientPerConn: ptr(25.)}
	return r
}

// caused is a warning with all that one may have.
func caused() Warning {
	w := Warn("one").Count("n", 3).Word("why", "so")
	w.Cause = ptr(Warn("another").Count("n", 1).Word("why", "so"))
	w.On, w.Differ = []string{"a"}, true
	return w
}

// addable is all of it that can be added up.
func addable() *Result {
	r := complete()
	r.ChurnMatrix, r.Peak, r.Soak, r.Sweep, r.Diagnosis, r.Agents, r.AgentCost = nil, nil, nil, nil, nil, nil, nil
	return r
}

// splitRun is one run as a whole and as n parts of it: the same connects and
// echoes, counted in one place and in n.
func splitRun(n int) (whole *Result, parts []*Result) {
	random := rand.New(rand.NewPCG(7, uint64(n)))
	all := newTally()
	tallies := make([]*tally, n)
	for i := range tallies {
		tallies[i] = newTally()
	}
	for i := range 2000 {
		took := int64(random.ExpFloat64() * 3e6)
		failed := random.IntN(10) == 0
		if i%100 == 0 { // all are sampled at the same time
			for _, t := range append(tallies, all) {
				t.sample(float64(i) / 1000)
			}
		}
		for _, t := range []*tally{all, tallies[i%n]} {
			t.connect(i, took, failed)
		}
	}
	for _, t := range tallies {
		parts = append(parts, t.result(n))
	}
	return all.result(1), parts
}

// tally is what one part counts.
type tally struct {
	conns     Conns
	dial, rtt *Histogram
	curve     []Point
}

func newTally() *tally { return &tally{dial: NewHistogram(), rtt: NewHistogram()} }

func (t *tally) connect(i int, ns int64, failed bool) {
	t.conns.Attempted++
	if failed {
		t.conns.Failed++
		t.conns.Errors.Add([]string{"connect_refused", "connect_timeout"}[i%2], 1)
		return
	}
	t.conns.Established++
	t.dial.Record(ns)
	t.rtt.Record(ns / 9)
}

func (t *tally) sample(at float64) {
	p := Point{T: at, Conns: t.conns.Established}
	if n := len(t.curve); n > 0 {
		last := t.curve[n-1]
		p.Rate = float64(p.Conns-last.Conns) / (at - last.T)
	}
	t.curve = append(t.curve, p)
}

func (t *tally) result(of int) *Result {
	r := minimal()
	t.sample(2)
	r.Plan = Plan{Conns: int64(2000 / of), Ports: 2, Sources: 1, Threads: 20 / of, FDTables: 20 / of,
		Asked: plan.Asked{Rate: unit.Rate(1000 / float64(of))}}
	r.Conns = t.conns
	r.Setup = &Setup{Seconds: 2, Rate: float64(t.conns.Established) / 2, ClientSeconds: 2, Latency: t.dial.Summary(),
		Handshake: t.rtt.Summary(), Curve: t.curve}
	r.TLS = &TLS{Full: t.conns.Established, Rate: r.Setup.Rate, Latency: t.rtt.Summary(), Verified: true,
		Agreed: []Agreed{{"TLS 1.3", "TLS_AES_128_GCM_SHA256", "", t.conns.Established}}}
	r.Echo = &Echo{Sent: t.conns.Established, Received: t.conns.Established, Seconds: 4,
		Rate: float64(t.conns.Established) / 4, Latency: t.rtt.Summary()}
	r.Protocols = []Protocol{{Proto: "ws", Conns: t.conns, SetupRate: r.Setup.Rate, Connect: t.dial.Summary(),
		Handshake: t.rtt.Summary(), Echo: r.Echo}}
	return r
}
