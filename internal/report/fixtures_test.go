package report

import (
	"math"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

func ptr[T any](v T) *T { return &v }

// curve is a ramp to n connections that slows down to a half.
func curve(n int64, end float64) (list []result.Point) {
	const samples = 100
	var last result.Point
	for i := range samples + 1 {
		x := float64(i) / samples
		p := result.Point{T: end * x, Conns: int64(math.Round(float64(n) * (4*x - x*x) / 3))}
		if i > 0 {
			p.Rate = float64(p.Conns-last.Conns) / (p.T - last.T)
		}
		list, last = append(list, p), p
	}
	return list
}

// minimal measured nothing: a run against a server that told nothing.
func minimal() *result.Result {
	return &result.Result{Schema: result.Schema, Scenario: "hold", Proto: "tcp",
		Started: time.Date(2026, 11, 21, 6, 15, 3, 0, time.UTC),
		Plan:    result.Plan{Conns: 1, Ports: 1, Sources: 1, Threads: 1, FDTables: 1},
		Conns:   result.Conns{Attempted: 1, Established: 1}}
}

// full measured everything, at 2.5 million.
func full() *result.Result {
	const n = 2_500_000
	used := func(kernel, server, client, system uint64) *result.Used {
		return &result.Used{Kernel: kernel, Server: &server, Client: client, System: system}
	}
	r := minimal()
	r.Host = result.Host{Kernel: "6.18.1", CPUs: 2, MemoryBytes: 25_276_510_208, Nofile: 20_000, Go: "go1.26.8",
		Commit: "0123456789ab",
		Settings: map[string]string{"net.core.somaxconn": "65535", "net.ipv4.tcp_ehash_entries": "8388608",
			"net.ipv4.tcp_mem": "279900 373200 559800"}}
	r.Plan = result.Plan{Host: "127.0.0.1", FirstPort: 10_000, Conns: n, Ports: 200, Sources: 1, Threads: 126,
		Asked: plan.Asked{Hold: 10e9, Size: 64, Interval: 5e9}, FDTables: 126, LimitedBy: "memory"}
	r.Conns = result.Conns{Attempted: n, Established: n}
	r.Setup = &result.Setup{Seconds: 41.65, Rate: 60_024, ClientSeconds: 40.9, Curve: curve(n, 40.9),
		Latency: &result.Latency{Count: n, P50: 87_000, P90: 307_000, P99: 1_055_000, P999: 18_815_000,
			Max: 120_061_951}}
	r.Memory = &result.Memory{Method: "slabinfo", BothEnds: true, KernelPerConn: 8089.8, KernelPerSocket: 4044.9,
		ServerPerConn: ptr(441.2), ClientPerConn: ptr(26.4), TotalPerConn: 8557.4,
		Caches: []result.Cache{{Name: "TCP", ObjectsPerConn: 2, BytesPerConn: 5040.8},
			{Name: "sock_inode_cache", ObjectsPerConn: 1.9986, BytesPerConn: 1723.5},
			{Name: "request_sock_TCPv6_long_name", ObjectsPerConn: 0.01, BytesPerConn: 3.2},
			{Name: "other", BytesPerConn: 22.5}},
		Fit:          result.Fit{Slope: 8557.4, R2: 0.99997, Samples: 60, Conns: n},
		Plain:        result.Parts{Kernel: 8095.3, Server: ptr(429.4), Client: ptr(26.6), Total: 8551.3},
		PagesPerConn: ptr(8098.2), Outside: ptr(9016.1), WalkedPerConn: ptr(429.7), At10M: ptr(85_574_000_000.),
		Before: used(78_760_782, 114_646_016, 9_975_808, 1_377_779_712),
		Held:   used(20_303_000_000, 1_217_646_016, 76_616_192, 23_238_144_512),
		After:  used(104_916_124, 200_641_536, 77_660_672, 1_769_172_992), PeakUsed: 23_300_000_000}
	r.Echo = &result.Echo{Sent: 5_010_000, Received: 5_010_000, Seconds: 10, Rate: 500_000, Bytes: 320_000_000,
		Verified: 10_000,
		Latency: &result.Latency{Count: 5_010_000, P50: 8_063_000, P90: 236_543_000, P99: 258_047_000,
			P999: 1_266_239_000, Max: 9_999_999_999}}
	r.ServerEngine = "gnet"
	r.CPU = &result.CPU{Server: ptr(50.09), Client: 147.93, Softirq: ptr(21.42)}
	r.Reconcile = &result.Counts{Client: n, Server: ptr(int64(n)), Kernel: ptr(int64(2*n + 401))}
	r.Spread = []result.Spread{{Over: "ports", N: 200, Min: 12_500, Mean: 12_500, Max: 12_500},
		{Over: "client threads", N: 126, Min: 19_841, Mean: 19_841.27, Max: 19_842},
		{Over: "server workers", N: 128, Min: 19_100, Mean: 19_531.25, Max: 19_870}}
	r.Limits = []result.Limit{{Name: "memory", Max: 2_602_844,
		Why:  "21.1 GiB can be taken, a connection takes about 8,700 B here",
		Cure: "a machine with more memory, or server and client on two machines"},
		{Name: "epoll watches", Max: 2_745_755, Why: "fs.epoll.max_user_watches 5,491,511, 2 a connection",
			Cure: "raise it"},
		{Name: "4-tuples", Max: 840_315_699_200, Why: "local ports × sources × ports"}}
	return r
}

// chat is a run against a server that is no echo: it greets, acknowledges and pushes.
func chat() *result.Result {
	r := full()
	r.ServerEngine = ""
	r.Proto, r.Plan.Talk = "ws", plan.Talk{Message: "27 bytes", First: "40 bytes", Expect: "ack", Skip: 1}
	delay := &result.Latency{Count: 24_999_990, P50: 310_000_000, P90: 550_000_000, P99: 602_000_000, P999: 610_000_000,
		Max: 911_234_567}
	r.Talk = &result.Talk{Skipped: r.Conns.Established,
		First: &result.FirstMessage{Sent: 2_500_000, Answered: 2_499_990,
			Latency: &result.Latency{Count: 2_499_990, P50: 412_000, P90: 700_000, P99: 1_200_000, P999: 2_000_000,
				Max: 7_000_000}},
		Pushes: &result.Pushes{Received: 25_000_000, Bytes: 1_600_000_000, Conns: 2_500_000, Seconds: 10,
			Rate: 2_500_000, RatePerConn: 1,
			Gap: &result.Latency{Count: 22_500_000, P50: 1_000_000_000, P90: 1_010_000_000, P99: 1_300_000_000,
				P999: 1_400_000_000, Max: 1_911_000_000}},
		FanOut: &result.FanOut{Broadcasts: 10, Fewest: 2_499_998, Median: 2_500_000, Most: 2_500_000, Delay: delay,
			Whole: &result.Latency{Count: 10, P50: 610_000_000, P90: 620_000_000, P99: 911_234_567, P999: 911_234_567,
				Max: 911_234_567}}}
	r.Talk.Deflate = &result.Deflate{Agreed: 2_499_000, Refused: 1000, Sent: 135_270_000, SentWire: 110_220_000,
		Received: 1_735_270_000, ReceivedWire: 410_220_000,
		WireShare: 0.278, Messages: 30_020_000, Seconds: 210.4}
	return r
}

// fleet is a run of three agents, one of which was lost; the clock of another is
// ahead, and two share a machine.
func fleet() *result.Result {
	part := func(name, boot string, ahead time.Duration) *result.Result {
		r := failed()
		r.Memory, r.Host.BootID, r.Host.Net = full().Memory, boot, uint64(len(name))
		r.Memory.BothEnds = false
		h := result.NewHistogram()
		h.Record(87_000)
		r.Setup.Latency, r.TLS.Latency, r.Echo, r.Protocols, r.Thresholds = h.Summary(), h.Summary(), nil, nil, nil
		r.OfAgent(name, ahead)
		return r
	}
	lost := result.LostAgent("echo", "ws", failed().Plan, "tokyo", "3", result.Conns{Established: 700}, nil, "hold")
	r, err := result.Merge(part("oslo", "1", 0), part("lima-2", "2", 12*time.Millisecond), part("lima-33", "2", 0),
		lost)
	if err != nil {
		panic(err)
	}
	return r
}

// failed has errors of many causes, known and unknown, and counts that differ.
func failed() *result.Result {
	r := minimal()
	r.Proto, r.Scenario = "ws", "echo"
	r.Host = result.Host{Kernel: "5.15.0", CPUs: 1}
	r.Plan = result.Plan{Host: "192.0.2.7", FirstPort: 443, Conns: 1_000_000, Ports: 1, Sources: 2, Threads: 8,
		FDTables: 1, Asked: plan.Asked{Rate: 12_500}}
	r.Conns = result.Conns{Attempted: 1_000_000, Established: 28_232, Failed: 971_768, Lost: 232,
		Errors: result.ErrorCounts{
			"connect_no_address": 971_000, "connect_refused": 700, "connect_timeout": 60, "socket_fd_limit": 7,
			"epoll_no_watches": 1, "read_reset": 230, "read_closed": 2,
			"echo_mismatch": 3, "echo_timeout": 5, "handshake_timeout": 5, "handshake_status_404": 4, "read_other": 1}}
	r.TLS = &result.TLS{Full: 28_200, Resumed: 36, Rate: 9_398,
		Latency: &result.Latency{Count: 28_236, P50: 2_100_000, P90: 7_300_000, P99: 21_000_000, P999: 88_000_000,
			Max: 120_061_951},
		Agreed: []result.Agreed{{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Protocol: "http/1.1",
			Count: 28_000},
			{Version: "TLS 1.2", Cipher: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Count: 236}}}
	r.FirstFailure = &result.FailedAnswer{Cause: "handshake_status_404", From: "192.0.2.7:443",
		Sent:  []string{"GET /ws?room=0 HTTP/1.1", "Host: chat.example.com"},
		Lines: []string{"HTTP/1.1 404 Not Found", "Server: nginx <1> \x1b[31m", "", strings.Repeat("words ", 20)}}
	r.Setup = &result.Setup{Seconds: 3.004, Rate: 9398, Curve: curve(28_232, 3.004)[:4]}
	r.Memory = &result.Memory{Method: "meminfo", KernelPerConn: 4100, KernelPerSocket: 4100, ClientBelow: ptr(37.1),
		TotalPerConn: 4100,
		Fit:          result.Fit{Slope: 4100, Samples: 2}, Plain: result.Parts{Kernel: 4100, Total: 4100}}
	r.Echo = &result.Echo{Sent: 28_000, Received: 27_992, Lost: 5, Mismatched: 3, Seconds: 0.5, Rate: 55.25}
	r.Reconcile = &result.Counts{Client: 28_000, Server: ptr(int64(27_900)), Kernel: ptr(int64(27_000))}
	r.Warnings = warned("the server's control endpoint http://192.0.2.7:9090 does not answer: its memory and its "+
		"count are not in this report (--server-control URL, or none to leave it out)",
		"slabinfo cannot be read: kernel memory is MemTotal − MemFree − page cache less the processes'", "short")
	return r
}

// staged went up, held, came down and was short of what the last stage asked for.
func staged() *result.Result {
	r := full()
	r.Plan.Asked = plan.Asked{Stages: make([]plan.Stage, 4), Ping: 30e9, PingTimeout: 10e9}
	r.Pings = &result.Pings{Sent: 9_999_000, Answered: 9_998_997, Latency: r.Setup.Latency}
	r.Packets = &result.Packets{Sent: 12_500_000, Received: 12_400_000, Repeated: 21, Challenged: 3, Foreign: 1200}
	memory := func(mib uint64) *result.Used {
		return &result.Used{Kernel: mib << 20, Server: ptr(mib << 19), Client: mib << 18, System: mib << 21}
	}
	r.Conns.Attempted, r.Conns.Failed, r.Conns.Lost = 2_500_020, 20, 3
	r.Conns.Errors = result.ErrorCounts{"connect_timeout": 20, "ping_timeout": 3}
	r.Stages = []result.Stage{
		{Name: "1", Kind: result.StageUp, Asked: 2_500_000, Reached: 2_500_000, RateAsked: 60_000, Rate: 59_988,
			Seconds: 41.6, Memory: memory(9000)},
		{Name: "2", Kind: result.StageHold, Asked: 2_500_000, Reached: 2_499_997, Seconds: 120, Lost: 3, Messages: 500,
			Memory: memory(9001)},
		{Name: "3", Kind: result.StageDown, Asked: 100_000, Reached: 100_000, Rate: 240_000, Seconds: 10,
			Memory: memory(900)},
		{Name: "4", Kind: result.StageUp, Asked: 100_020, Reached: 100_000, Rate: 0, Seconds: 10, Failed: 20}}
	r.Course = []result.Point{{}, {T: 41.6, Conns: 2_500_000, Rate: 60_000}, {T: 161.6, Conns: 2_499_997},
		{T: 171.6, Conns: 100_000, Rate: -240_000},
		{T: 181.6, Conns: 100_000}}
	return r
}

// interrupted ended in the ramp.
func interrupted() *result.Result {
	r := full()
	const n = 612_345
	r.Interrupt, r.Plan.Rate, r.Plan.Hold, r.Plan.Interval = true, 50_000, 0, 0
	r.Conns = result.Conns{Attempted: n, Established: n}
	r.Setup = &result.Setup{Seconds: 12.2, Rate: n / 12.2, Curve: curve(n, 12.2)}
	r.Echo, r.Reconcile, r.Spread = nil, nil, nil
	r.Memory.After = nil
	r.CPU = &result.CPU{Client: 12.1}
	r.Warnings = warned("interrupted before everything was held: memory is that of the ramp's last sample, at " +
		"611,200 of 1,000,000 connections, and had not settled")
	r.Limits = r.Limits[:1]
	return r
}

// lab is a run with tables, findings and a verdict.
func lab() *result.Result {
	r := minimal()
	r.Scenario = "churn"
	r.StoredTables = []result.Table{{Title: "Modes", Plot: "rate", Note: "Keep-alive wins.",
		Columns: []result.Column{{Name: "mode", Unit: unit.InText}, {Name: "rate", Unit: unit.InPerSecond},
			{Name: "p99", Unit: unit.InNanos}, {Name: "TIME_WAIT", Unit: unit.InCount},
			{Name: "errors", Unit: unit.InShare}},
		Rows: [][]any{{"per-request", 17_000.0, 2.5e6, 28_232.0, 0.013}, {"pool", 41_000.0, 1.25e6, 0.0, 0.0},
			{"keep-alive", 52_000.0, nil, 12.0, 0.0}}}}
	r.Findings = []result.Finding{
		result.Found("local_ports_used_up", 97).Count("failed", 312),
		stored("all processors busy", 72, "2 cores, 98 % busy", "Threads wait.", "more cores"),
		stored("calls per message", 30, "5 calls", "Two are enough.", "buffers")}
	r.StoredVerdict = "Keep-alive carries 3.1 times the transactions of a connection a request."
	return r
}

// stored is a finding as files from before findings were data have it: sentences.
func stored(name string, severity int, evidence, meaning, cure string) result.Finding {
	return result.Found(name, severity).Word("name", name).Word("evidence", evidence).Word("meaning", meaning).
		Word("cure", cure)
}

// warned are warnings as files of c10m/result/1 have them: sentences.
func warned(sentences ...string) (list []result.Warning) {
	for _, s := range sentences {
		list = append(list, result.Warning{}.Word("text", s))
	}
	return list
}
