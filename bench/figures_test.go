package main

import (
	"math"
	"slices"
	"testing"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// TestRotated: each round has all, in the same circle, and no two rounds begin
// with the same one.
func TestRotated(t *testing.T) {
	list := []int{0, 1, 2, 3, 4, 5, 6}
	first := map[int]bool{}
	for round := range 3 {
		got := rotated(list, round, 3)
		first[got[0]] = true
		for i := range got {
			if got[(i+1)%len(got)] != (got[i]+1)%len(list) {
				t.Fatalf("round %d: %v is no rotation", round, got)
			}
		}
	}
	if len(first) != 3 {
		t.Errorf("three rounds begin with only %d different ones", len(first))
	}
	if got := rotated([]int{}, 1, 3); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	if got := rotated([]int{7}, 98, 99); !slices.Equal(got, []int{7}) {
		t.Errorf("of one: %v", got)
	}
}

// TestOrder: everyone once, the floor twice and half a round apart.
func TestOrder(t *testing.T) {
	list := make([]server, 8)
	list[5].class = floor
	for round := range 3 {
		got := order(list, round, 3)
		seen := map[int]int{}
		var at []int
		for place, i := range got {
			seen[i]++
			if i == 5 {
				at = append(at, place)
			}
		}
		if len(got) != 9 || len(seen) != 8 || len(at) != 2 || at[1]-at[0] < 3 || at[1]-at[0] > 6 {
			t.Errorf("round %d: %v", round, got)
		}
	}
	if got := order(list[:5], 0, 1); len(got) != 5 {
		t.Errorf("without a floor: %v", got)
	}
}

func num(v float64) *float64 { return &v }

func figures(setup, user *float64) *Figures {
	return &Figures{Established: 10, SetupRate: setup, User: user}
}

// TestRatios: only rounds in which both have the figure count, each against the
// floor of that round, wherever it stands in the list.
func TestRatios(t *testing.T) {
	base := []Run{{Round: 1, Figures: figures(num(150), num(0))}, {Round: 1, Figures: figures(num(250), num(0))},
		{Round: 0, Figures: figures(num(100), num(0))}, {Round: 3, Error: "broke"}}
	runs := []Run{
		{Round: 0, Figures: figures(num(50), num(7))},
		{Round: 1, Figures: figures(num(180), nil)},
		{Round: 2, Figures: figures(num(5), nil)},
		{Round: 3, Figures: figures(num(5), nil)},
		{Round: 4, Error: "broke"},
	}
	got := ratios(runs, base)
	if len(got) != 1 || math.Abs(got["setup"]-0.7) > 1e-9 { // the median of 0.5 and 0.9
		t.Errorf("ratios = %v, want only setup 0.7: a floor of 0 has no ratio", got)
	}
	if got := ratios(runs, nil); len(got) != 0 {
		t.Errorf("without a floor: %v", got)
	}
}

func TestMedians(t *testing.T) {
	got := medians([]Run{
		{Error: "broke"},
		{Figures: &Figures{Established: 10, SetupRate: num(1), User: num(5)}},
		{Figures: &Figures{Established: 8, Failed: 2, Lost: 1, SetupRate: num(0.1)}, Error: "fell short"},
		{Figures: &Figures{Established: 10, SetupRate: num(3)}},
	})
	if got == nil || got.Established != 8 || got.Failed != 2 || got.Lost != 1 {
		t.Fatalf("%+v, want the counts of the worst run", got)
	}
	if got.SetupRate == nil || *got.SetupRate != 2 || got.User == nil || *got.User != 5 || got.EchoRate != nil {
		t.Errorf("%+v, want setup 2, user 5 and no echo rate", got)
	}
	if medians([]Run{{Error: "broke"}}) != nil {
		t.Error("runs without figures have medians")
	}
}

func TestSpread(t *testing.T) {
	rate := metrics[slices.IndexFunc(metrics, func(m metric) bool { return m.key == "setup" })].get
	for _, tt := range []struct {
		name string
		in   []Run
		want float64
	}{
		{"none", nil, 1},
		{"one", []Run{{Figures: figures(num(5), nil)}}, 1},
		{"two", []Run{{Figures: figures(num(5), nil)}, {Figures: figures(num(20), nil)}, {Error: "broke"}}, 4},
		{"zero", []Run{{Figures: figures(num(0), nil)}, {Figures: figures(num(20), nil)}}, 1},
	} {
		if got := spread(tt.in, rate); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKernelPerSocket(t *testing.T) {
	cache := func(name string, objects uint64) result.CacheUsage {
		return result.CacheUsage{Name: name, Objects: objects, Bytes: objects * 1000, PageBytes: 5_000_000}
	}
	before := proc.Kernel{Caches: []result.CacheUsage{cache("TCP", 50), cache("filp", 5000), cache("kmalloc-*", 9)}}
	for _, tt := range []struct {
		name string
		tcp  uint64
		want float64 // 0: nothing can be said
	}{
		{"two sockets a connection", 50 + 2000, 2000},
		{"some strangers, of our kind", 50 + 2500, 1800},
		{"as many of somebody else's", 50 + 4000, 0},
		{"somebody else's have gone", 50, 0},
	} {
		held := proc.Kernel{Caches: []result.CacheUsage{cache("TCP", tt.tcp), cache("filp", 7000), cache("kmalloc-*", 99999)}}
		got := kernelPerSocket(before, held, 1000)
		if tt.want == 0 && got != nil || tt.want != 0 && (got == nil || math.Abs(*got-tt.want) > 1e-6) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestDisturbed: the kernel memory of a run that is far from all others' does
// not count, and the file keeps it.
func TestDisturbed(t *testing.T) {
	run := func(round int, kernel float64) Run {
		both := kernel + 100
		return Run{Round: round, Figures: &Figures{Kernel: &kernel, User: num(100), Both: &both}}
	}
	rows := []Row{
		{Class: floor, Runs: []Run{run(0, 4000), run(1, 4000), run(2, 4000)}},
		{Class: other, Runs: []Run{run(0, 1900), run(1, 4100), run(2, 1901)}},
	}
	sumUp(rows, floor)
	got := rows[1].Median
	if got.Kernel == nil || *got.Kernel != 4100 || got.Both == nil || *got.Both != 4200 || *got.User != 100 {
		t.Errorf("kernel %v, both %v, want those of the one run that was not disturbed", got.Kernel, got.Both)
	}
	if r := rows[1].Ratio["both"]; math.Abs(r-4200.0/4100) > 1e-9 {
		t.Errorf("ratio %v", r)
	}
	if *rows[1].Runs[0].Figures.Kernel != 1900 {
		t.Error("the run itself was changed")
	}
}
