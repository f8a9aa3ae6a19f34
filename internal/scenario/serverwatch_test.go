package scenario

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// farServer is the control endpoint of a server on another machine: its processes
// take 500 bytes a connection, its kernel 4,000, in one cache.
func farServer(t *testing.T, open *atomic.Int64) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := uint64(open.Load())
		cpu := 1 + float64(n)/1e6
		r := result.ServerReport{Schema: result.ServerSchema, BootID: "far", PID: 7, MaxConns: 50_000, Open: int64(n),
			Ports:  []result.PortCount{{Port: 10_000, Proto: "tcp"}},
			Memory: &result.ProcMemory{PSS: 20<<20 + 500*n}, CPU: &cpu,
			Kernel: &result.KernelUsage{Method: proc.MethodSlab, Bytes: 4000 * (n + 100), PageBytes: 4000 * (n + 100),
				Total: 1 << 34, System: 1<<30 + 4500*n,
				Sockets: int64(n) + 100,
				Caches: []result.CacheUsage{{Name: "TCP", Objects: n + 100, Bytes: 4000 * (n + 100),
					PageBytes: 4000 * (n + 100)}}}}
		_ = json.NewEncoder(w).Encode(r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A server that agents load is measured by its own count, while they ramp.
func TestServerWatch(t *testing.T) {
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	var open atomic.Int64
	open.Store(1000) // of somebody else
	o := Options{Target: plan.Target{Places: plan.At(netip.MustParseAddr("192.0.2.1"), 10_000)},
		Control: farServer(t, &open)}
	w, err := WatchServer(t.Context(), o, fp)
	if err != nil {
		t.Fatal(err)
	}
	if l, known := w.Limit(); !known || l.Max != 49_000 || w.Boot() != "far" {
		t.Errorf("limit %+v, boot %q", l, w.Boot())
	}
	w.sampler.Every, w.sampler.Share = time.Millisecond, 1
	w.Ramp(t.Context())
	for i := range int64(20) {
		open.Store(1000 + i*1000)
		time.Sleep(30 * time.Millisecond) // the more counts are sampled, the better the fit; three do
	}
	open.Store(21_000)
	w.Held(t.Context(), 20_000)
	open.Store(1000)
	w.Closed(t.Context())
	r := &result.Result{Reconcile: &result.Counts{Client: 20_000}, CPU: &result.CPU{Client: 3}}
	w.Fill(r)
	m := r.Memory
	here := &result.Result{Agents: []result.Agent{{Name: "a", BootID: "far"}}}
	if w.Fill(here); here.Memory.ServerEnd || !here.Memory.BothEnds || here.Memory.ClientPerConn != nil {
		t.Errorf("with the agents at the server: %+v", here.Memory)
	}
	if !m.Measured() || !m.ServerEnd || m.BothEnds || m.ClientPerConn != nil || math.Abs(m.KernelPerConn-4000) > 1 ||
		m.ServerPerConn == nil ||
		math.Abs(*m.ServerPerConn-500) > 1 || math.Abs(m.TotalPerConn-4500) > 1 || m.After == nil {
		t.Errorf("memory %+v", m)
	}
	if n := r.Reconcile.Server; n == nil || *n != 20_000 {
		t.Errorf("the server's count is %v", n)
	}
	if c := r.CPU; c.Server == nil || *c.Server < 0 || c.Client != 3 {
		t.Errorf("CPU %+v", c)
	}
	if len(r.Warnings) > 1 { // that the heap came back may not be known
		t.Errorf("warnings %+v", r.Warnings)
	}
}

// Who holds what is said where it differs, and a server that says nothing is none to
// watch.
func TestServerWatchDoubts(t *testing.T) {
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	codes := func(w *ServerWatch) (codes map[string]bool) {
		var r result.Result
		w.Fill(&r)
		codes = map[string]bool{}
		for _, warning := range r.Warnings {
			codes[warning.Code] = true
		}
		return codes
	}
	var open atomic.Int64
	o := Options{Target: plan.Target{Places: plan.At(netip.MustParseAddr("192.0.2.1"), 10_000)},
		Control: farServer(t, &open)}
	w, err := WatchServer(t.Context(), o, fp)
	if err != nil {
		t.Fatal(err)
	}
	w.Ramp(t.Context())
	open.Store(700)
	w.Held(t.Context(), 500)
	w.Closed(t.Context())
	if c := codes(w); !c["server_holds_more"] || !c["server_still_holds"] {
		t.Errorf("warnings %v", c)
	}
	o.Control = "http://127.0.0.1:1"
	w, err = WatchServer(t.Context(), o, fp)
	if err != nil {
		t.Fatal(err)
	}
	w.Ramp(t.Context())
	w.Held(t.Context(), 500)
	w.Closed(t.Context())
	if _, known := w.Limit(); known || w.Boot() != "" || !codes(w)["control_unreachable"] {
		t.Errorf("a server that does not answer: %v", codes(w))
	}
	o.ServerPIDs = []int{1 << 30}
	if _, err := WatchServer(t.Context(), o, fp); !errors.Is(err, ErrUsage) {
		t.Errorf("a process that is not there: error %v", err)
	}
}
