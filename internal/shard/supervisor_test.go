package shard

import (
	"context"
	"net/netip"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

// TestDrainCutShort: a worker that does not end in time is killed, and the log says so,
// with the number of connections that it had.
func TestDrainCutShort(t *testing.T) {
	page := newPage(t, 1)
	r, w := pipe(t)
	var said journal
	s := Supervisor{Page: page, First: 1, Most: 1, Drain: 50 * time.Millisecond,
		Command: func(int) *exec.Cmd {
			page.Slots[0].Open.Store(5)
			page.Slots[0].State.Store(int32(echo.Ready))
			page.states[0].joined.Store(1)
			cmd := exec.Command("sh", "-c", `trap "" TERM; echo deaf; exec sleep 120`)
			cmd.Stdout = w
			return cmd
		},
		Logf: said.logf}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, _ = r.Read(make([]byte, 1)) // once it does not hear SIGTERM
		cancel()
	}()
	if err := s.Run(ctx, func() {}); err != nil {
		t.Fatal(err)
	}
	if all := said.String(); !strings.Contains(all, "worker 0 did not end within 50ms") ||
		!strings.Contains(all, "5 connections") {
		t.Errorf("said %q", all)
	}
}

// TestCannotGrow: where another worker cannot be started the others go on, the log says
// so, and it is tried again later.
func TestCannotGrow(t *testing.T) {
	page := newPage(t, 2)
	var said journal
	s := Supervisor{Page: page, First: 1, Most: 2, Limit: 10, Loops: 1, Drain: time.Minute,
		Command: func(i int) *exec.Cmd {
			if i == 1 {
				return exec.Command("/nonexistent/worker")
			}
			page.Slots[0].Open.Store(9)
			page.Slots[0].State.Store(int32(echo.Ready))
			page.states[0].joined.Store(page.joins.Add(1))
			return exec.Command("sleep", "120")
		},
		Logf: said.logf}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() {}) }()
	for tries := 0; tries < 2; time.Sleep(10 * time.Millisecond) {
		tries = strings.Count(said.String(), "worker 1 could not be started")
		select {
		case err := <-ended:
			t.Fatalf("it has ended: %v", err)
		default:
		}
	}
	if !s.Needed(0) || page.count() > 2 {
		t.Error("worker 0 is not there any more")
	}
	cancel()
	if err := <-ended; err != nil && !strings.Contains(err.Error(), "signal") {
		t.Errorf("it ended with %v", err)
	}
}

// TestEngineKeepsGOGC: what the user has set stays.
func TestEngineKeepsGOGC(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = Engine(ctx, DefaultEngine, echo.Config{Bind: netip.MustParseAddr("127.0.0.1"),
		Ports: []echo.Port{{Number: 0, Proto: echo.TCP}}, Loops: 1, Logf: t.Logf}, new(echo.Counters))
	if now := debug.SetGCPercent(77); now != 77 {
		t.Errorf("GOGC is %d, was 77", now)
	}
}
