package plan

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestStages(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []Stage
		bad  string // part of the error
	}{
		{in: "100k@5k/s hold=2m 0@10k/s",
			want: []Stage{{100_000, 5000, 0}, {100_000, 0, 2 * time.Minute}, {0, 10_000, 0}}},
		{in: "1M@max 500@1 hold=1d", want: []Stage{{1_000_000, 0, 0}, {500, 1, 0}, {500, 0, 24 * time.Hour}}},
		{in: "hold=2m", bad: `"hold=2m": nothing is open yet`},
		{in: "0@1 5@1 5@2", want: []Stage{{0, 1, 0}, {5, 1, 0}, {5, 2, 0}}},
		{in: "0@1 hold=1s", bad: `"0@1": nothing is ever opened`},
		{in: "5", bad: "want N@RATE"},
		{in: "5@", bad: "not a rate"},
		{in: "5@0/s", bad: "not a rate"},
		{in: "5@-1/s", bad: "not a rate"},
		{in: "-5@1/s", bad: "want N@RATE"},
		{in: "x@1/s", bad: "want N@RATE"},
		{in: "5@1 hold=", bad: "not a time"},
		{in: "5@1 hold=10", bad: "has no unit"},
		{in: "5@1 hold=0", bad: "the legal range is 1ms..1000h"},
		{in: "5@1 hold=-1s", bad: "the legal range is 1ms..1000h"},
		{in: "5@1 hold=1001h", bad: "the legal range is 1ms..1000h"},
		{in: strings.Repeat("5@1 6@1 ", 501), bad: "1002 stages: the legal range is 1..1000"},
	} {
		got, err := Stages(strings.Fields(tt.in))
		if tt.bad != "" {
			if err == nil || !strings.Contains(err.Error(), tt.bad) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%.30s: %v, want %q", tt.in, err, tt.bad)
			}
			continue
		}
		if err != nil || len(got) != len(tt.want) {
			t.Errorf("%s: %v, %v", tt.in, got, err)
			continue
		}
		for i, s := range got {
			if s != tt.want[i] {
				t.Errorf("%s: stage %d is %+v, want %+v", tt.in, i, s, tt.want[i])
			}
			again, err := ParseStage(s.String())
			if again.Rate != s.Rate || again.Hold != s.Hold || s.Moves() && again.Conns != s.Conns || err != nil {
				t.Errorf("%s is read back as %+v, %v", s, again, err)
			}
		}
	}
	if n := Most([]Stage{{Conns: 5}, {Conns: 9}, {Conns: 0}}); n != 9 {
		t.Errorf("the most is %d", n)
	}
}

// What is dealt adds up at every number on the way, each card goes to one part, none
// gets more than its size, and parts that are not full differ by one at most.
func TestDeal(t *testing.T) {
	for _, sizes := range [][]int64{{5}, {3, 3, 3}, {4, 3, 3, 4}, {0, 7, 1, 7, 2}, {1, 1, 0, 1}} {
		all := int64(0)
		for _, size := range sizes {
			all += size
		}
		last := make([]int64, len(sizes))
		for n := int64(1); n <= all; n++ {
			sum, grew, low, high := int64(0), 0, all, int64(0)
			for k, size := range sizes {
				got := Deal(k, n, sizes)
				if got < last[k] || got > size {
					t.Fatalf("%v: %d: part %d has %d, before %d", sizes, n, k, got, last[k])
				}
				if got > last[k] {
					grew++
				}
				if got < size {
					low = min(low, got)
				}
				sum, high, last[k] = sum+got, max(high, got), got
			}
			if sum != n || grew != 1 || high > low+1 {
				t.Fatalf("%v: %d: the sum is %d, %d parts grew, %d..%d", sizes, n, sum, grew, low, high)
			}
		}
		if n := Deal(0, all+5, sizes); n != sizes[0] {
			t.Errorf("%v: more than all is %d", sizes, n)
		}
	}
	if n := Deal(1, 1<<40+1, []int64{1 << 40, 1 << 40}); n != 1<<39 {
		t.Errorf("half of many is %d", n)
	}
}

// The stages of all threads of all machines add up to those of the whole run, and
// so do their rates; a plan's own stages are left alone.
func TestSplitStages(t *testing.T) {
	for _, total := range []int64{1, 10, 1009} {
		whole := Plan{Target: Target{Places: At(netip.Addr{}, 1)}, Total: total, Conns: total, Threads: 1}
		for n := range total + 1 {
			whole.Stages = append(whole.Stages, Stage{Conns: n, Rate: 30})
		}
		sums := make([]Stage, len(whole.Stages))
		for _, agent := range whole.Split(3) {
			for _, thread := range agent.Split(5) {
				for i, s := range thread.Stages {
					if s.Conns > thread.Conns {
						t.Fatalf("stage of %d: %d of a thread's %d", i, s.Conns, thread.Conns)
					}
					sums[i].Conns += s.Conns
					sums[i].Rate += s.Rate
				}
			}
		}
		for i, s := range sums {
			if s.Conns != int64(i) || s.Rate < 29.99 || s.Rate > 30.01 || whole.Stages[i].Rate != 30 {
				t.Fatalf("stage of %d of %d: the parts have %+v", i, total, s)
			}
		}
	}
}
