package scenario

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// How long the local ports last: with 30,000 ports and 30,000 TIME_WAIT buckets, as
// the churn matrix has them, and what changes that.
func TestExhaustion(t *testing.T) {
	base := churnSum{opt: &ChurnOptions{Mode: PerRequest, Users: 100}, rate: 1000, conns: 1000,
		at: sides{client: 5000, used: 5000}, ports: 30_000, reuse: 0, most: 100_000, loopback: true}
	for _, tt := range []struct {
		name  string
		do    func(*churnSum)
		want  float64 // seconds; -1: never
		words string  // of the verdict
	}{
		{"1,000/s for 60 s take 60,000 of 30,000", func(*churnSum) {}, 25, "used up in 25.0 s"},
		{"400/s take 24,000", func(s *churnSum) { s.conns = 400 }, -1, "are enough at this rate"},
		{"ran out", func(s *churnSum) { s.noPort = 7 }, 0, "Local ports ran out: 7 connects"},
		{"used again after a second", func(s *churnSum) { s.reuse = 1 }, -1,
			"used again after a second (tcp_tw_reuse 1)"},
		{"on loopback also with 2", func(s *churnSum) { s.reuse = 2 }, -1, "tcp_tw_reuse 2"},
		{"with 2 elsewhere", func(s *churnSum) { s.reuse, s.loopback = 2, false }, 25, "used up"},
		{"even a second is too long", func(s *churnSum) { s.reuse, s.conns, s.at.used = 1, 40_000, 10_000 }, 0.5,
			"used up in 500 ms"},
		{"buckets end before the ports", func(s *churnSum) { s.most = 20_000 }, -1, "are enough"},
		{"as many buckets as ports, and users on top", func(s *churnSum) { s.most = 30_000 }, 25, "used up"},
		{"the server closes first", func(s *churnSum) {
			s.at = sides{server: 5000, used: 100}
			s.opt = &ChurnOptions{Mode: PerRequest, ServerEnds: true}
		}, -1, "gathers on the server (5,000)"},
		{"the server closes first, elsewhere", func(s *churnSum) {
			s.at, s.blind = sides{used: 100}, true
			s.opt = &ChurnOptions{Mode: PerRequest, ServerEnds: true}
		}, -1, "on another machine"},
		{"the server was to close first, and did not", func(s *churnSum) {
			s.notClosed = 3
			s.opt = &ChurnOptions{Mode: PerRequest, ServerEnds: true, Users: 100}
		}, 25, "did not close first: 3 connections waited 5 s"},
		{"a pool", func(s *churnSum) { s.at = sides{used: 10}; s.opt = &ChurnOptions{Mode: Pool} }, -1, "no TIME_WAIT"},
		{"a proxy between", func(s *churnSum) {
			s.at = sides{used: 10, others: 8300}
			s.opt = &ChurnOptions{Mode: Pool}
		}, -1, "8,300 more are in TIME_WAIT between others"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := base
			tt.do(&s)
			left := s.exhaustion()
			got := -1.0
			if left != nil {
				got = *left
			}
			if got != tt.want {
				t.Errorf("lasts %g s, want %g", got, tt.want)
			}
			r := &result.Result{Scenario: "churn", Churn: s.outcome()}
			if v := report.Verdict(r); !strings.Contains(v, tt.words) {
				t.Errorf("verdict %q lacks %q", v, tt.words)
			}
			th, err := result.ParseThreshold("churn.exhausted_after_seconds<60")
			if err != nil {
				t.Fatal(err)
			}
			if failed, err := r.Judge([]result.Threshold{th}); err != nil || failed != (tt.want >= 0) {
				t.Errorf("held to a minute: failed %v, %v", failed, err)
			}
		})
	}
}

// A look counts the client's ends, by the port they lead to.
func TestTimeWaitLook(t *testing.T) {
	at := acceptor(t)
	w := watchTimeWait(&plan.Target{Places: plan.At(at.Addr(), 1, int(at.Port()), 65535)}, func() int64 { return 7 })
	elsewhere := watchTimeWait(&plan.Target{Places: plan.At(netip.MustParseAddr("192.0.2.1"), int(at.Port()))},
		func() int64 { return 7 })
	for range 5 {
		c, err := net.Dial("tcp4", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	if elsewhere.stop(); elsewhere.last().used != 0 {
		t.Errorf("%+v of another server on such a port", elsewhere.last())
	}
	w.stop()
	if now := w.last(); now.used != 5 || now.client+now.server != 0 || now.done != 7 {
		t.Errorf("%+v, want 5 local ports in use and none in TIME_WAIT", now)
	}
	if w.all[0].used != 0 {
		t.Errorf("%d local ports in use before", w.all[0].used)
	}
}

func TestParseUntil(t *testing.T) {
	run := &result.Result{Conns: result.Conns{Failed: 5, Lost: 5},
		Echo: &result.Echo{Received: 990, Rate: 500,
			Latency: &result.Latency{P50: 1e6, P90: 2e6, P99: 3e6, P999: 4e6, Max: 5e6}}}
	for text, met := range map[string]bool{
		"errors>0.9%": true, "errors>1.1%": false, "errors > 0.009": true, "p50>1ms": false, "p50>999us": true,
		"p90>1ms": true, "p99>3ms": false, "p99>2ms": true,
		"p999>3ms": true, "max>1s": false, "rate<501": true, "rate<500": false, "rate>1k": false, "p99<1s": true,
	} {
		u, err := ParseUntil(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if u.met(run, 10) != met {
			t.Errorf("%s: met is %v", text, !met)
		}
	}
	for _, text := range []string{"", "p99", "p99>", "p99>5", "p98>1s", "errors>2", "errors>-1%", "errors>x",
		"errors>NaN", "errors>nan%", "rate<-1", ">1s", "p99=1s", "p99>-1s"} {
		if _, err := ParseUntil(text); err == nil || !strings.Contains(report.Error(err), "errors>SHARE") {
			t.Errorf("%q: error %v", text, err)
		}
	}
	nothing := &result.Result{Echo: &result.Echo{}}
	if u, _ := ParseUntil("p99>1h"); !u.met(nothing, 10) {
		t.Error("a run without one answer meets no condition of latency")
	}
}

// The matrix has the findings of its worst run, and fell short if one of them did.
func TestJoinChurn(t *testing.T) {
	run := func(mode string, do func(*result.Result)) *result.Result {
		s := churnSum{opt: &ChurnOptions{Mode: mode}, rate: 100}
		r := &result.Result{Churn: s.outcome()}
		do(r)
		return r
	}
	good := run(Pool, func(r *result.Result) {
		r.Findings = []result.Finding{result.Found("calls_per_message", 30)}
	})
	bad := run(PerRequest, func(r *result.Result) {
		r.Findings = []result.Finding{result.Found("local_ports_used_up", 95)}
	})
	for _, tt := range []struct {
		name  string
		do    func(*result.Result)
		short bool
	}{
		{"all is well", func(*result.Result) {}, false},
		{"connects failed", func(r *result.Result) { r.Conns = result.Conns{Attempted: 1, Failed: 1} }, true},
		{"the server does not close",
			func(r *result.Result) { r.Conns.Errors = result.ErrorCounts{"close_timeout": 1} }, true},
		{"an answer never came", func(r *result.Result) { r.Echo = &result.Echo{Lost: 1} }, true},
	} {
		r := JoinChurn([]*result.Result{good, bad, run(KeepAlive, tt.do)})
		if r.Behind != tt.short || len(r.ChurnMatrix.Cells) != 3 || len(r.Findings) != 1 ||
			r.Findings[0].Severity != 95 {
			t.Errorf("%s: behind %v, want %v; findings %+v", tt.name, r.Behind, tt.short, r.Findings)
		}
	}
}

func TestChurnRow(t *testing.T) {
	for want, s := range map[string]churnSum{
		"client":                  {opt: &ChurnOptions{Mode: PerRequest}},
		"server":                  {opt: &ChurnOptions{Mode: PerRequest, ServerEnds: true}},
		"client (server did not)": {opt: &ChurnOptions{Mode: PerRequest, ServerEnds: true}, notClosed: 1},
		"nobody":                  {opt: &ChurnOptions{Mode: Pool}},
	} {
		if got := report.Tables(&result.Result{Churn: s.outcome()})[0].Rows[0][1]; got != want {
			t.Errorf("closes first: %v, want %s", got, want)
		}
	}
}
