package scenario

import (
	"math"
	"math/rand/v2"
	"testing"
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
		{"a heap that finds its size", func(t float64) float64 { return 20*mib + 10*mib*(1-math.Exp(-t/150)) + 0.1*mib*noise.NormFloat64() }, false, true},
		{"a heap that grows and is collected", func(t float64) float64 { return 20*mib + 5*mib*math.Mod(t, 37)/37 }, false, false},
		{"memory that is given back", func(t float64) float64 { return 40*mib - 0.03*mib*t }, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []soakSample
			for i := range 300 {
				at := float64(2 * i)
				all = append(all, soakSample{t: at, server: tt.memory(at), kernel: math.NaN()})
			}
			g := judge(all, 0.2, func(s soakSample) float64 { return s.server })
			if !g.known || g.leaks != tt.leaks || g.settled != tt.settled {
				t.Errorf("%+v, want leaks %v, settled %v", g, tt.leaks, tt.settled)
			}
			if g.low > g.slope || g.slope > g.high {
				t.Errorf("%g is not within %g to %g", g.slope, g.low, g.high)
			}
			if k := judge(all, 0.2, func(s soakSample) float64 { return s.kernel }); k.known {
				t.Error("growth of what is not known")
			}
		})
	}
	if g := judge(nil, 0.2, func(soakSample) float64 { return 0 }); g.known {
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
		if judge(all, 0.2, func(s soakSample) float64 { return s.server }).leaks {
			found++
		}
	}
	if found > 10 {
		t.Errorf("%d leaks in 500 servers without", found)
	}
}
