package scenario

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

func TestGrid(t *testing.T) {
	got := Grid([]Axis{{ServerFlag, "workers", []string{"1", "2"}}, {ClientFlag, "size", []string{"64", "128", "256"}}})
	var names []string
	for _, v := range got {
		names = append(names, newVariant(v).Name())
	}
	want := "workers=1 size=64|workers=1 size=128|workers=1 size=256|workers=2 size=64|workers=2 size=128|workers=2 " +
		"size=256"
	if strings.Join(names, "|") != want {
		t.Errorf("grid %q", names)
	}
}

// sweepOf runs a sweep of three variants whose rates are what rate says.
func sweepOf(t *testing.T, repeat int, less bool, rate func(workers string) float64) *result.Result {
	t.Helper()
	metric, err := result.ParseMetric("echo.rate")
	if err != nil {
		t.Fatal(err)
	}
	o := SweepOptions{Axes: []Axis{{ServerFlag, "workers", []string{"1", "2", "4"}}}, Repeat: repeat, Metric: metric,
		Less: less}
	r, err := Sweep(context.Background(), o, func(_ context.Context, v []Choice) (*result.Result, bool, error) {
		return &result.Result{Proto: "tcp", Echo: &result.Echo{Rate: rate(v[0].Value)}}, false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	return r
}

// A clear winner wins, and by as much as it is better.
func TestSweepFindsTheBest(t *testing.T) {
	noise := rand.New(rand.NewPCG(5, 6))
	base := map[string]float64{"1": 1000, "2": 2000, "4": 1500}
	rate := func(w string) float64 { return base[w] * (1 + 0.02*noise.NormFloat64()) }
	r := sweepOf(t, 5, false, rate)
	if !strings.HasPrefix(report.Verdict(r), "Best is workers=2.") || !strings.Contains(report.Verdict(r), "workers=1") {
		t.Errorf("verdict %q", report.Verdict(r))
	}
	if r := sweepOf(t, 5, true, rate); !strings.HasPrefix(report.Verdict(r), "Best is workers=1.") {
		t.Errorf("less is better: verdict %q", report.Verdict(r))
	}
}

// Variants that are equal are told apart in at most 5 % of sweeps, however many
// there are, whatever the noise: though some variant always has the best median,
// and it is with that one that the others are compared.
func TestSweepIsNotFooled(t *testing.T) {
	const sweeps = 1000
	// The chance that a fair test is counted this often or more is one in a thousand:
	// 50 and 3.1 times the standard deviation, sqrt(1000 × 0.05 × 0.95).
	const most = 71
	for _, noise := range []struct {
		name string
		of   func(*rand.Rand) float64
	}{
		{"normal", (*rand.Rand).NormFloat64},
		{"with a long tail", (*rand.Rand).ExpFloat64},
		{"of few values", func(r *rand.Rand) float64 { return float64(r.IntN(4)) }},
	} {
		for _, variants := range []int{2, 3, 5, 8} {
			for _, repeat := range []int{RepeatsNeeded(variants), RepeatsNeeded(variants) + 2} {
				r := rand.New(rand.NewPCG(uint64(variants), uint64(repeat)))
				told := 0
				for range sweeps {
					values := make([][]float64, variants)
					for i := range values {
						for range repeat {
							values[i] = append(values[i], noise.of(r))
						}
					}
					if slices.Contains(judgeSweep(values, false).equal, false) {
						told++
					}
				}
				if told > most {
					t.Errorf("%s: of %d equal variants, %d runs each, noise told some apart in %d of %d sweeps, more than 5 %%",
						noise.name, variants, repeat, told, sweeps)
				}
			}
		}
	}
}

// Two that are equal and one that is worse: both are named, and the simpler taken.
func TestSweepOfEquals(t *testing.T) {
	noise := rand.New(rand.NewPCG(9, 10))
	base := map[string]float64{"1": 500, "2": 1000, "4": 1000}
	r := sweepOf(t, 6, false, func(w string) float64 { return base[w] * (1 + 0.01*noise.NormFloat64()) })
	if !strings.Contains(report.Verdict(r), "2 of 3 variants cannot be told from it; the first of them is workers=2") {
		t.Errorf("verdict %q", report.Verdict(r))
	}
}

func TestSweepTooFewRepeats(t *testing.T) {
	r := sweepOf(t, 2, false, func(w string) float64 { return map[string]float64{"1": 1, "2": 2, "4": 4}[w] })
	if !strings.Contains(report.Verdict(r), "--repeat 5 could") {
		t.Errorf("verdict %q", report.Verdict(r))
	}
	for variants, want := range map[int]int{2: 4, 3: 5, 4: 5, 6: 6, 7: 6, 8: 7} {
		if n := RepeatsNeeded(variants); n != want {
			t.Errorf("%d variants need %d repeats, want %d", variants, n, want)
		}
	}
}

func TestSweepWithoutTheMetric(t *testing.T) {
	metric, _ := result.ParseMetric("setup.rate")
	o := SweepOptions{Axes: []Axis{{ServerFlag, "workers", []string{"1"}}}, Repeat: 1, Metric: metric}
	_, err := Sweep(context.Background(), o, func(context.Context, []Choice) (*result.Result, bool,
		error) {
		return &result.Result{}, false, nil
	})
	if err == nil || report.Error(err) != "workers=1: --metric setup.rate: the run did not measure it" ||
		!errors.Is(err, ErrUsage) {
		t.Errorf("error %v", err)
	}
}

// The quickest by far, as it refuses most connections, is not best; nor does one
// that cannot run take the others along.
func TestSweepOfWhatFellShort(t *testing.T) {
	metric, _ := result.ParseMetric("echo.rate")
	o := SweepOptions{Axes: []Axis{{ServerFlag, "workers", []string{"none", "1", "2", "4"}}}, Repeat: 6, Metric: metric}
	runs := map[string]int{}
	run := func(_ context.Context, v []Choice) (*result.Result, bool, error) {
		w := v[0].Value
		runs[w]++
		r := &result.Result{Proto: "tcp", Echo: &result.Echo{Rate: map[string]float64{"1": 1000, "2": 2000,
			"4": 9000}[w] + float64(runs[w])}}
		switch {
		case w == "none":
			return nil, false, errors.New("it ended at once")
		case w == "4" && runs[w] == 3:
			r.Conns = result.Conns{Attempted: 200, Established: 50, Failed: 150,
				Errors: result.ErrorCounts{"connect_refused": 150}}
			return r, true, nil
		}
		return r, false, nil
	}
	r, err := Sweep(context.Background(), o, run)
	if err != nil || r.Check() != nil {
		t.Fatal(err, r.Check())
	}
	if !strings.HasPrefix(report.Verdict(r), "Best is workers=2.") ||
		!strings.HasSuffix(report.Verdict(r),
			" Not judged: workers=none could not run, workers=4 fell short in 1 of 6 runs.") || !r.Behind {
		t.Errorf("verdict %q, behind %v", report.Verdict(r), r.Behind)
	}
	rows := report.Tables(r)[0].Rows
	n := len(rows[0])
	if len(rows) != 4 || rows[0][n-1] != "it ended at once" || rows[1][n-1] != "" || rows[3][n-2] != 150. ||
		rows[3][n-3] != 1. || rows[2][n-2] != 0. || runs["none"] != 1 {
		t.Errorf("rows %v, runs %v", rows, runs)
	}

	o.Axes[0].Values = []string{"4", "none"}
	delete(runs, "4")
	if r, err := Sweep(context.Background(), o, run); err != nil ||
		!strings.HasPrefix(report.Verdict(r), "No variant did what was asked of it") {
		t.Errorf("%+v, %v", r, err)
	}
	o.Axes[0].Values = []string{"1", "none"}
	if r, err := Sweep(context.Background(), o, run); err != nil ||
		!strings.HasPrefix(report.Verdict(r), "Only workers=1 did what was asked of it.") {
		t.Errorf("%+v, %v", r, err)
	}
	o.Axes[0].Values = []string{"none"}
	if _, err := Sweep(context.Background(), o, run); err == nil || report.Error(err) != "workers=none: it ended at once" {
		t.Errorf("error %v", err)
	}
}
