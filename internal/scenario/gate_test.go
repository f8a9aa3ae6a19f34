package scenario

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/tests/rig"
)

// allGates are those of each scenario whose runs fleets share.
var allGates = map[string][]string{"hold": HoldGates(), "echo": HoldGates(), "churn": ChurnGates(),
	"stress": ChurnGates()}

// gated are options of a small run against an echo server of the test's own.
func gated(t *testing.T, scenario string) ChurnOptions {
	t.Helper()
	at := rig.Listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	return ChurnOptions{Mode: Kept, Users: 4, Loops: 5, Timeout: time.Minute, Options: Options{
		Target: plan.Target{Scenario: scenario, Proto: plan.TCP, Places: plan.At(at.Addr(), int(at.Port()))},
		Asked: plan.Asked{Window: 16, ConnectTimeout: time.Minute, Close: plan.CloseRST, Hold: 10 * time.Millisecond,
			Size: 8, Depth: 1},
		Conns: unit.Count{N: 4}, Threads: unit.Count{N: 1}, PrivateFDs: "off", Control: "none"}}
}

func runGated(t *testing.T, ctx context.Context, o ChurnOptions, watch Watch) (*result.Result, error) {
	t.Helper()
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	switch o.Scenario {
	case "churn":
		return Churn(ctx, o, fp, watch)
	case "stress":
		return Stress(ctx, o, fp, watch)
	}
	p, err := Prepare(ctx, o.Options, fp)
	if err != nil {
		t.Fatal(err)
	}
	return Hold(ctx, p, o.Options, fp, watch)
}

// A run stands at each gate of its scenario, in their order, says so, and has done
// nothing of the phase that begins behind it.
func TestGates(t *testing.T) {
	for scenario, gates := range allGates {
		t.Run(scenario, func(t *testing.T) {
			o := gated(t, scenario)
			var mu sync.Mutex
			var latest Event
			said := map[string]chan struct{}{}
			for _, g := range gates {
				said[g] = make(chan struct{})
			}
			at := []string{}
			o.Gate = func(ctx context.Context, phase string) error {
				at = append(at, phase)
				<-said[phase]
				mu.Lock()
				e := latest
				mu.Unlock()
				want := map[string]bool{GateRamp: e.Conns.Established == 0, GateHold: e.Open == 4 && e.Received == 0,
					GateClose: e.Conns.Established >= 4 && e.Plan.Conns > 0}
				if !want[phase] || e.Gate != phase {
					t.Errorf("at gate %s: %+v", phase, e)
				}
				return nil
			}
			seq := uint64(0)
			r, err := runGated(t, t.Context(), o, func(p Progress) {
				seq++
				e := p.Event(seq, false)
				mu.Lock()
				defer mu.Unlock()
				if e.Gate != "" && e.Gate != latest.Gate {
					close(said[e.Gate])
				}
				latest = e
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(at, gates) {
				t.Errorf("it stood at %q, want %q", at, gates)
			}
			if r.Interrupt || r.Conns.Established < 4 || r.Conns.Failed > 0 {
				t.Errorf("result %+v", r.Conns)
			}
		})
	}
}

// A gate that gives up ends the run like an interrupt; so does an interrupt at a gate.
func TestGateEndsTheRun(t *testing.T) {
	for _, scenario := range []string{"hold", "stress"} {
		for _, gate := range allGates[scenario] {
			o := gated(t, scenario)
			o.Gate = func(_ context.Context, phase string) error {
				if phase == gate {
					return errors.New("the coordinator is gone")
				}
				return nil
			}
			r, err := runGated(t, t.Context(), o, func(Progress) {})
			if err != nil || !r.Interrupt {
				t.Errorf("%s, gate %s: %v, interrupted %v", scenario, gate, err, r != nil && r.Interrupt)
			}
			ctx, cancel := context.WithCancel(t.Context())
			o.Gate = func(ctx context.Context, phase string) error {
				if phase != gate {
					return nil
				}
				cancel()
				<-ctx.Done()
				return ctx.Err()
			}
			if r, err = runGated(t, ctx, o, func(Progress) {}); err != nil || !r.Interrupt {
				t.Errorf("%s, interrupted at gate %s: %v, interrupted %v", scenario, gate, err, r != nil && r.Interrupt)
			}
			cancel()
		}
	}
}

// Look says the same limits as a run that is prepared, whatever number is asked for.
func TestLook(t *testing.T) {
	o := gated(t, "hold").Options
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	o.Conns = unit.Count{N: 1 << 40} // more than any limit
	all, err := Look(t.Context(), o, fp)
	if err != nil || len(all) < 2 {
		t.Fatalf("%v, %v", all, err)
	}
	if !slices.IsSortedFunc(all, func(a, b plan.Limit) int { return int(a.Max - b.Max) }) {
		t.Errorf("the tightest is not first: %+v", all)
	}
	o.Conns = unit.Count{Auto: true}
	p, err := Prepare(t.Context(), o, fp)
	if err != nil {
		t.Fatal(err)
	}
	names := func(list []plan.Limit) (names []string) {
		for _, l := range list {
			names = append(names, l.Name)
		}
		slices.Sort(names)
		return names
	}
	if !reflect.DeepEqual(names(all), names(p.Limits)) {
		t.Errorf("limits %q, a run has %q", names(all), names(p.Limits))
	}
	o.Places[0].Ports = []int{1}
	if _, err := Look(t.Context(), o, fp); err == nil {
		t.Error("nobody listens, and it has limits")
	}
}
