package plan

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/unit"
)

// rooms are agents on machines of their own that hold so many each.
func rooms(caps ...int64) (all []Room) {
	for i, c := range caps {
		name := string(rune('a' + i))
		all = append(all, Room{Agent: name, Machine: "m" + name,
			Limits: []Limit{{Name: "4-tuples", Max: c, Why: "few", Cure: "more --ports"}, {Name: "memory", Max: 1e9}}})
	}
	return all
}

func TestShares(t *testing.T) {
	n := func(n int64) unit.Count { return unit.Count{N: n} }
	auto := unit.Count{Auto: true}
	onOne := rooms(500, 500)
	for i := range onOne {
		onOne[i].Machine = "m"
		onOne[i].Limits[1].Max = 600
	}
	served := append(rooms(500), Room{Agent: "b", Machine: "mb",
		Limits: []Limit{{Name: "the server", Max: 700, Why: "it says so", Cure: "--max-conns"}}})
	tests := []struct {
		name  string
		whole Whole
		rooms []Room
		want  []int64
	}{
		{"equal", Whole{Conns: n(9)}, rooms(100, 100, 100), []int64{3, 3, 3}},
		{"the first ones one more", Whole{Conns: n(11)}, rooms(100, 100, 100), []int64{4, 4, 3}},
		{"one holds less", Whole{Conns: n(100)}, rooms(90, 10, 90), []int64{45, 10, 45}},
		{"all are full", Whole{Conns: n(60)}, rooms(10, 20, 30), []int64{10, 20, 30}},
		{"one is full exactly", Whole{Conns: n(31)}, rooms(10, 90, 90), []int64{10, 11, 10}},
		{"auto is the sum", Whole{Conns: auto}, rooms(10, 20, 30), []int64{10, 20, 30}},
		{"auto with a cap", Whole{Conns: auto, Cap: 30}, rooms(10, 20, 30), []int64{10, 10, 10}},
		{"auto with a server", Whole{Conns: auto}, served, []int64{350, 350}},
		{"a machine's memory is shared", Whole{Conns: auto}, onOne, []int64{300, 300}},
		{"without bounds", Whole{Conns: n(5)}, []Room{{Agent: "a"}, {Agent: "b"}}, []int64{3, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shares, err := Shares(tt.whole, tt.rooms)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, s := range shares {
				got = append(got, s.Conns)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		whole Whole
		rooms []Room
		want  string
	}{
		{Whole{Conns: n(101)}, rooms(50, 20, 30),
			"--conns 101: 3 agents hold 100; the tightest is b with 20: 4-tuples: few; more --ports"},
		{Whole{Conns: auto}, rooms(50, 0), "--conns auto: 2 agents hold 50; the tightest is b with 0: 4-tuples"},
		{Whole{Conns: n(701)}, served, "--conns 701: the server takes 700: it says so; --max-conns"},
		{Whole{Conns: n(601)}, onOne, "--conns 601: 2 agents hold 600; the tightest is a with 300: memory: , shared " +
			"by 2 agents"},
		{Whole{Conns: n(2)}, rooms(5, 5, 5), "--conns 2: 3 agents want at least one each"},
		{Whole{Conns: auto}, []Room{{Agent: "a"}}, "--conns auto: no agent says what it holds"},
		{Whole{Conns: n(2)}, nil, "no agent is there"},
	} {
		if _, err := Shares(tt.whole, tt.rooms); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %s", tt.whole, err, tt.want)
		}
	}
}

// Whatever the agents hold, the shares add up to what was asked, nobody gets more
// than it holds, and nobody less than another that is not full.
func TestSharesAddUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		caps := make([]int64, 1+random.IntN(12))
		sum := int64(0)
		for i := range caps {
			caps[i] = 1 + random.Int64N(1000)
			sum += caps[i]
		}
		w := Whole{Conns: unit.Count{N: min(sum, int64(len(caps))+random.Int64N(sum))}, Rate: 1000, MessageRate: 70,
			Verify: random.Int64N(500)}
		shares, err := Shares(w, rooms(caps...))
		if err != nil {
			t.Fatal(err)
		}
		var conns, verify, most int64
		var rate, messages float64
		for _, s := range shares {
			if s.First != conns {
				t.Fatalf("%+v begins at %d, want %d", s, s.First, conns)
			}
			conns, verify, most = conns+s.Conns, verify+s.Verify, max(most, s.Conns)
			rate, messages = rate+float64(s.Rate), messages+float64(s.MessageRate)
		}
		if conns != w.Conns.N || verify != min(w.Verify, conns) || math.Abs(rate-1000) > 1e-6 ||
			math.Abs(messages-70) > 1e-6 {
			t.Fatalf("%+v over %v: %+v", w, caps, shares)
		}
		for k, s := range shares {
			if s.Conns > caps[k] || s.Conns < caps[k] && s.Conns < most-1 {
				t.Fatalf("%+v over %v: %+v", w, caps, shares)
			}
		}
	}
}

// Stages are shared like the connections, and what is shared reads back.
func TestSharesOfStages(t *testing.T) {
	stages, err := Stages([]string{"100@40", "hold=2s", "10@max", "300@40"})
	if err != nil {
		t.Fatal(err)
	}
	w := Whole{Conns: unit.Count{N: 300}, Stages: stages}
	shares, err := Shares(w, rooms(1000, 60, 1000))
	if err != nil {
		t.Fatal(err)
	}
	sums := make([]Stage, len(stages))
	for _, s := range shares {
		var texts []string
		for i, one := range s.Stages {
			sums[i].Conns, sums[i].Rate, sums[i].Hold = sums[i].Conns+one.Conns, sums[i].Rate+one.Rate, one.Hold
			texts = append(texts, one.String())
		}
		if again, err := Stages(texts); err != nil || !reflect.DeepEqual(again, s.Stages) {
			t.Errorf("%q became %+v, %v", texts, again, err)
		}
	}
	if !reflect.DeepEqual(sums, stages) {
		t.Errorf("the shares are %+v in all, want %+v", sums, stages)
	}
	w.Stages, _ = Stages([]string{"100@1", "101@1"})
	if _, err := Shares(w, rooms(1000, 1000)); err == nil || !strings.Contains(err.Error(), "101@1/s moves too few") {
		t.Errorf("error %v", err)
	}
}

// Paces that begin apart interleave: of any N events in a row, each is another
// agent's.
func TestApart(t *testing.T) {
	const agents, rate = 10, 1000
	type event struct {
		at    time.Duration
		agent int
	}
	var all []event
	for k := range agents {
		for i := range 50 {
			all = append(all, event{time.Duration(k)*Apart(rate) + time.Duration(i)*Apart(rate/agents), k})
		}
	}
	slices.SortFunc(all, func(a, b event) int { return int(a.at - b.at) })
	for i, e := range all {
		if i > 0 && e.at-all[i-1].at != time.Millisecond || e.agent != i%agents {
			t.Fatalf("event %d at %v of agent %d", i, e.at, e.agent)
		}
	}
	if Apart(0) != 0 {
		t.Error("as fast as possible is not apart")
	}
}
