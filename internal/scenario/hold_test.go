package scenario

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// fakeMemory makes a /proc whose machine has so many MiB free of 1 GiB.
func fakeMemory(t *testing.T, root string, free int) {
	t.Helper()
	next := filepath.Join(root, "next")
	text := fmt.Sprintf("MemTotal: %d kB\nMemFree: %d kB\n", 1<<20, free<<10)
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(root, "meminfo")); err != nil {
		t.Fatal(err)
	}
}

// acceptor accepts and keeps what comes on a port of loopback.
func acceptor(t *testing.T) netip.AddrPort {
	t.Helper()
	return rig.Listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

// A server that is frozen does not answer for its memory. The guard of the
// machine's must see all the same that it goes, and stop the ramp.
func TestGuardSeesMemoryGoWhileTheServerIsFrozen(t *testing.T) {
	dir := t.TempDir()
	fakeMemory(t, dir, 900)
	fp, err := proc.New(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	asked, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	frozen := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { close(asked) })
		<-answer
	}))
	t.Cleanup(frozen.Close)
	at := acceptor(t)
	p := &Prepared{control: newControl(t.Context(), frozen.URL),
		Plan: plan.Plan{Target: plan.Target{Places: plan.At(at.Addr(), int(at.Port()))}, Local: plan.DefaultLocalPorts,
			Total: 10_000, Conns: 10_000, Threads: 1,
			Asked: plan.Asked{Rate: 50, Window: 16, ConnectTimeout: time.Minute, Close: plan.CloseRST}}}
	p.control.waits.counts, p.control.waits.memory = time.Hour, time.Hour // as long as the test likes
	h := &hold{Prepared: p, fp: fp, sampler: proc.NewSampler(), res: &result.Result{}}
	if h.engine, err = loadgen.Start(p.Plan, 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ramped := make(chan struct{})
	go func() {
		defer close(ramped)
		h.ramp(ctx)
	}()
	<-asked
	fakeMemory(t, dir, 20)
	for end := time.Now().Add(time.Minute); h.engine.HaltReason() == "" && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	why := h.engine.HaltReason()
	close(answer)
	cancel()
	<-ramped
	if _, err := h.engine.Stop(); err != nil {
		t.Error(err)
	}
	if why != haltedByMemory || h.full.Load() == nil {
		t.Errorf("the ramp was stopped for %q while the server did not answer, want for memory", why)
	}
}

// A look at memory that fails is a gap that the report tells of.
func TestFailedSnapshotIsAWarning(t *testing.T) {
	dir := t.TempDir()
	fakeMemory(t, dir, 900) // and no process
	fp, err := proc.New(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := acceptor(t)
	p := &Prepared{control: newControl(t.Context(), ""),
		Plan: plan.Plan{Target: plan.Target{Places: plan.At(at.Addr(), int(at.Port()))}, Local: plan.DefaultLocalPorts,
			Total: 1, Conns: 1, Threads: 1,
			Asked: plan.Asked{Window: 1, ConnectTimeout: time.Minute, Close: plan.CloseRST}}}
	h := &hold{Prepared: p, fp: fp, sampler: proc.NewSampler(), res: &result.Result{}}
	if h.engine, err = loadgen.Start(p.Plan, 1); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = h.engine.Stop() }()
	h.warnOfGaps()
	if len(h.Warnings) > 0 {
		t.Errorf("warnings %v before anything failed", h.Warnings)
	}
	for range 3 {
		h.sample(t.Context(), time.Now())
	}
	h.warnOfGaps()
	if len(h.Warnings) != 1 || len(h.sampler.Taken) != 0 {
		t.Fatalf("warnings %v, %d samples; want one, of the gaps, and none", h.Warnings, len(h.sampler.Taken))
	}
	if w := h.Warnings[0]; w.Code != "memory_gaps" || w.Numbers["gaps"] != 3 || w.Words["why"] == "" {
		t.Errorf("warning %+v, want 3 gaps and why", w)
	}
}
