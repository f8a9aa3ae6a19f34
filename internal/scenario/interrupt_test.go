package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/tests/nettest"
)

// soon tells the two seconds that an interrupt may take, on a busy machine, from
// the ten of a question that nobody answers and the ten of a drain.
const soon = 6 * time.Second

// promptly does it up to three times until it was quick once: a machine that
// does other things as well proves nothing.
func promptly(t *testing.T, do func() time.Duration) {
	t.Helper()
	var took time.Duration
	for range 3 {
		if took = do(); took < soon {
			return
		}
	}
	t.Errorf("it took %v from the interrupt to the end, want 2 s", took)
}

// fakeControl answers like a server that has as many connections as it is told,
// until it is frozen.
type fakeControl struct {
	*httptest.Server
	open   atomic.Int64
	frozen atomic.Bool
	thaw   chan struct{}
}

func newFakeControl(t *testing.T) *fakeControl {
	f := &fakeControl{thaw: make(chan struct{})}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.frozen.Load() {
			<-f.thaw
		}
		_ = json.NewEncoder(w).Encode(result.ServerReport{Schema: result.ServerSchema, Open: f.open.Load(),
			MaxConns: 1 << 20,
			Memory:   &result.ProcMemory{RSS: 1 << 20, PSS: 1 << 20}})
	}))
	t.Cleanup(f.Close)
	t.Cleanup(func() { close(f.thaw) })
	return f
}

// An interrupt ends a run in every phase, also where the server is frozen, and
// what was measured by then is in the result.
func TestInterruptEndsEveryPhase(t *testing.T) {
	for _, tt := range []struct {
		phase string
		set   func(*Options)
	}{
		{"ramp", func(o *Options) { o.Rate = 50 }},
		{"settle", func(o *Options) { o.Settle, o.Rate = time.Minute, 200 }},
		{"hold", func(o *Options) { o.Hold = time.Minute }},
		{"verify", func(o *Options) { o.Verify = 100 }}, // nobody echoes
		{"close", func(*Options) {}},                    // the server does not see the end
	} {
		for name, frozen := range map[string]bool{tt.phase: false, tt.phase + ", frozen server": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				promptly(t, func() time.Duration { return interruptIn(t, tt.phase, frozen, tt.set) })
			})
		}
	}
}

// interruptIn interrupts a run in a phase, a while after it began, and returns
// how long it then took to end.
func interruptIn(t *testing.T, phase string, frozen bool, set func(*Options)) time.Duration {
	t.Helper()
	const conns = 200
	control, at := newFakeControl(t), acceptor(t)
	o := Options{Target: plan.Target{Scenario: "hold", Proto: plan.TCP, Places: plan.At(at.Addr(), int(at.Port()))},
		Conns: unit.Count{N: conns}, Threads: unit.Count{N: 1},
		PrivateFDs: "off", Asked: plan.Asked{Window: 16, ConnectTimeout: time.Minute, Close: plan.CloseRST},
		Control: control.URL}
	set(&o)
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p, err := Prepare(ctx, o, fp)
	if err != nil {
		t.Fatal(err)
	}
	var when time.Time
	sampled := 0
	r, err := Hold(ctx, p, o, fp, func(s Progress) {
		if s.Phase != "start" {
			control.open.Store(conns)
		}
		if s.Phase != phase || !when.IsZero() {
			return
		}
		if sampled++; phase == "ramp" && s.Counts.Open() < 60 || sampled < 3 {
			return
		}
		control.frozen.Store(frozen)
		when = time.Now()
		cancel()
	})
	if err != nil {
		t.Fatal(err)
	}
	if when.IsZero() || !r.Interrupt {
		t.Fatalf("interrupt %v: the run ended before its phase %s was seen", r.Interrupt, phase)
	}
	took := time.Since(when)
	if r.Memory == nil || r.Memory.Held == nil || !r.Memory.Measured() && r.Memory.Withheld == nil {
		t.Errorf("memory %+v, want what had been measured", r.Memory)
	}
	return took
}

// An interrupt while it tries whether the server is there is none of the
// server's.
func TestInterruptWhileConnectingFirst(t *testing.T) {
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(nettest.FullQueue(t)))
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Target: plan.Target{Scenario: "hold", Proto: plan.TCP, Places: plan.At(at.Addr(), int(at.Port()))},
		Conns: unit.Count{N: 1}, Threads: unit.Count{N: 1},
		PrivateFDs: "off", Asked: plan.Asked{Window: 1, ConnectTimeout: time.Minute, Close: plan.CloseRST,
			Hold: time.Second}, Control: "none"}
	users := ChurnOptions{Options: o, Mode: PerRequest, Users: 1, Timeout: time.Second}
	watch := func(Progress) {}
	for name, run := range map[string]func(context.Context) error{
		"hold": func(ctx context.Context) error { _, err := Prepare(ctx, o, fp); return err },
		"churn": func(ctx context.Context) error {
			_, err := Churn(ctx, users, fp, watch)
			return err
		},
		"stress": func(ctx context.Context) error {
			_, err := Stress(ctx, users, fp, watch)
			return err
		},
		"peak": func(ctx context.Context) error {
			_, err := Peak(ctx, PeakOptions{ChurnOptions: users, From: 1, Max: 2, Factor: 2}, fp, watch)
			return err
		},
		"soak": func(ctx context.Context) error {
			_, err := Soak(ctx, SoakOptions{ChurnOptions: users}, fp, watch)
			return err
		},
		"a server of its own": func(ctx context.Context) error {
			s, err := StartServer(ctx, []string{"sleep", "600"}, Ready, netip.MustParseAddr("127.0.0.1"), []int{1})
			if err == nil {
				s.Stop()
			}
			return err
		},
		"one that is deaf": func(ctx context.Context) error { // to SIGTERM
			_, err := StartServer(ctx, []string{"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}, Ready,
				netip.MustParseAddr("127.0.0.1"), []int{1})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			promptly(t, func() time.Duration {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error)
				go func() { ended <- run(ctx) }()
				time.Sleep(300 * time.Millisecond) // it is under way; if not yet, all the better
				began := time.Now()
				cancel()
				if err := <-ended; !errors.Is(err, ErrInterrupted) {
					t.Errorf("error %v, want interrupted", err)
				}
				return time.Since(began)
			})
		})
	}
}
