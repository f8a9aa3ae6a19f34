package scenario

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

func TestJudge(t *testing.T) {
	const mib = 1 << 20
	noise := rand.New(rand.NewPCG(11, 12))
	for _, tt := range []struct {
		name           string
		memory         func(t float64) float64 // bytes after t of 600 s
		leaks, settled bool
	}{
		{"steady", func(float64) float64 { return 20*mib + mib*noise.NormFloat64() }, false, false},
		{"a leak", func(t float64) float64 { return 20*mib + 0.05*mib*t + mib*noise.NormFloat64() }, true, false},
		{"a leak that sets in late", func(t float64) float64 { return 20*mib + 0.1*mib*max(0, t-200) }, true, false},
		{"a leak below what is of note", func(t float64) float64 { return 20*mib + 0.0002*mib*t }, false, false},
		{"a heap that finds its size", func(t float64) float64 {
			return 20*mib + 10*mib*(1-math.Exp(-t/150)) + 0.1*mib*
				noise.NormFloat64()
		}, false, true},
		{"a heap that grows and is collected", func(t float64) float64 { return 20*mib + 5*mib*math.Mod(t, 37)/37 },
			false, false},
		{"memory that is given back", func(t float64) float64 { return 40*mib - 0.03*mib*t }, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []soakSample
			for i := range 300 {
				at := float64(2 * i)
				all = append(all, soakSample{t: at, server: tt.memory(at), kernel: math.NaN()})
			}
			g := judge(all, 0.2, notableBytes, func(s soakSample) float64 { return s.server })
			if g == nil || (g.Verdict == result.Leaks) != tt.leaks || (g.Verdict == result.Settled) != tt.settled {
				t.Errorf("%+v, want leaks %v, settled %v", g, tt.leaks, tt.settled)
			}
			if g.Low > g.PerHour || g.PerHour > g.High {
				t.Errorf("%g is not within %g to %g", g.PerHour, g.Low, g.High)
			}
			if k := judge(all, 0.2, notableBytes, func(s soakSample) float64 { return s.kernel }); k != nil {
				t.Error("growth of what is not known")
			}
		})
	}
	// A heap that still fills may rise evenly for as long as few samples are taken.
	for seconds, want := range map[int]result.GrowthVerdict{20: result.Undecided, 60: result.Leaks} {
		var all []soakSample
		for at := range seconds {
			all = append(all, soakSample{t: float64(at), server: 20*mib + 0.2*mib*float64(at)})
		}
		if g := judge(all, 0.2, notableBytes, func(s soakSample) float64 { return s.server }); g.Verdict != want {
			t.Errorf("%d s: %s, want %s", seconds, g.Verdict, want)
		}
	}
	if g := judge(nil, 0.2, notableBytes, func(soakSample) float64 { return 0 }); g != nil {
		t.Error("growth without a sample")
	}
}

// Few leaks are seen where there are none.
func TestJudgeIsNotFooled(t *testing.T) {
	noise := rand.New(rand.NewPCG(13, 14))
	found := 0
	for range 500 {
		var all []soakSample
		walk := 0.0
		for i := range 300 {
			walk = 0.9*walk + noise.NormFloat64() // neighbours are alike
			all = append(all, soakSample{t: float64(i), server: 20<<20 + walk*(1<<20)})
		}
		if judge(all, 0.2, notableBytes, func(s soakSample) float64 { return s.server }).Verdict == result.Leaks {
			found++
		}
	}
	if found > 10 {
		t.Errorf("%d leaks in 500 servers without", found)
	}
}

// A weak leak in much noise: its second half alone says little, and must not be
// taken for a heap that has found its size.
func TestJudgeOfAWeakLeak(t *testing.T) {
	noise := rand.New(rand.NewPCG(15, 16))
	var leaks, settled, undecided int
	for range 500 {
		var all []soakSample
		for i := range 300 {
			all = append(all, soakSample{t: float64(2 * i), server: 20<<20 + 0.006*(1<<20)*float64(2*i) + 2.5*(1<<20)*
				noise.NormFloat64()})
		}
		switch g := judge(all, 0.2, notableBytes, func(s soakSample) float64 { return s.server }); g.Verdict {
		case result.Settled:
			settled++
		case result.Undecided:
			undecided++
		case result.Leaks:
			leaks++
		}
	}
	if settled > 10 || undecided < 50 || leaks < 50 {
		t.Errorf("of 500 weak leaks %d settled, %d undecided, %d leaks", settled, undecided, leaks)
	}
}

// Whatever grows is a leak: the server's memory, its fds, sockets that it never
// closes, and the kernel's memory once TIME_WAIT has settled.
func TestSoakVerdict(t *testing.T) {
	grows := func(t float64) float64 { return 10<<20 + (1<<18)*t }
	steady := func(float64) float64 { return 10 << 20 }
	unknown := func(float64) float64 { return math.NaN() }
	for _, tt := range []struct {
		name                           string
		server, kernel, fds, closeWait func(float64) float64
		seconds                        float64
		leaks                          bool
		says                           string
	}{
		{"nothing", steady, steady, steady, steady, 600, false, "No leak: the server stays at 10.0 MiB"},
		{"the server", grows, steady, steady, steady, 600, true, "LEAK: the server grows by 900.0 MiB an hour"},
		{"the kernel", steady, grows, steady, steady, 600, true,
			"LEAK: the kernel's memory for connections grows by 900.0 MiB an hour"},
		{"the kernel, of which TIME_WAIT may be the cause", steady, grows, steady, steady, 100, false, "No leak"},
		{"fds", unknown, unknown, func(t float64) float64 { return 10 + t }, unknown, 600, true,
			"LEAK: the server holds 3,600 fds more"},
		{"a few fds", steady, steady, func(t float64) float64 { return 10 + t/100 }, steady, 600, false, "No leak"},
		{"CLOSE_WAIT", steady, steady, steady, func(t float64) float64 { return t }, 600, true,
			"LEAK: 3,600 sockets more every hour are in CLOSE_WAIT"},
		{"nothing is known", unknown, unknown, unknown, unknown, 600, false, "Nothing can be said"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []soakSample
			for i := range 100 {
				at := tt.seconds * float64(i) / 100
				all = append(all, soakSample{t: at, server: tt.server(at), kernel: tt.kernel(at), fds: tt.fds(at),
					closeWait: tt.closeWait(at)})
			}
			r := &result.Result{Scenario: "soak", Conns: result.Conns{Attempted: 9, Established: 9},
				Echo: &result.Echo{Seconds: tt.seconds, Rate: 1000, Received: 1000}}
			r.Soak = soakOutcome(r, &SoakOptions{WarmUp: 0.2, ChurnOptions: ChurnOptions{Users: 9}}, all, nil)
			if said := report.Verdict(r); soakLeaks(r.Soak) != tt.leaks || !strings.HasPrefix(said, tt.says) {
				t.Errorf("leaks %v, want %v; %q, want %q", soakLeaks(r.Soak), tt.leaks, said, tt.says)
			}
			if err := r.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}
