package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// put writes a value as one file of a bench.
func put(t *testing.T, dir, name string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".json"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// ran is a run of ours with the given rates.
func ran(setup, echo float64) result.Result {
	return result.Result{
		Host: result.Host{Kernel: "6.18", CPUs: 2, MemoryBytes: 24 << 30, Nofile: 20_000, Commit: "0123456789ab"},
		Plan: result.Plan{Conns: 1000, Asked: plan.Asked{Size: 64}}, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Conns: result.Conns{Attempted: 1000, Established: 1000},
		Setup: &result.Setup{Rate: setup, Handshake: &result.Latency{P50: 4e6, P99: 9e6}},
		Echo:  &result.Echo{Rate: echo, Latency: &result.Latency{P50: 1e6, P99: 2e6}}}
}

// with gives a run what its ramp and its memory were like: the last tenth half as fast
// as the first, µs of the server for an accept, bytes of its memory a connection, and
// how much it had before, while it held all, and after the close.
func with(r result.Result, accept, bytes float64, before, held, after uint64) result.Result {
	for i, at := range []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11} {
		r.Setup.Curve = append(r.Setup.Curve, result.Point{T: at, Conns: int64(100 * i)})
	}
	seconds := accept * 1e-6 * float64(r.Conns.Established)
	r.CPU = &result.CPU{ServerSetup: &seconds}
	r.Memory = &result.Memory{Method: "slabinfo", KernelPerConn: 8000, ServerPerConn: &bytes, TotalPerConn: 8000 + bytes,
		Before: &result.Used{Server: &before}, Held: &result.Used{Server: &held}, After: &result.Used{Server: &after}}
	return r
}

// tablesOf are the tables of a directory.
func tablesOf(t *testing.T, dir string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"tables", dir}, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	return stdout.String()
}

// has wants each of the texts.
func has(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Medians over the rounds, of ratios within one, and how far they lie apart.
func TestTables(t *testing.T) {
	dir := t.TempDir()
	for i, rate := range []float64{900, 700, 800} {
		n := fmt.Sprint(i + 1)
		put(t, dir, "floor-small-"+n, yardstick{Conns: 1000, Rate: 1000, First: 2000, Last: 500, CPU: 0.004})
		put(t, dir, "yardstick-small-"+n, yardstick{Conns: 1000, Rate: 2000})
		put(t, dir, "gnet-small-"+n, with(ran(rate, 0), 6+float64(i), 450, 0, 0, 0))
		put(t, dir, "packets-small-"+n, ran(2*rate, 0))
		for name, echo := range map[string]float64{"gnet": 50, "raw": 100, "epoll": 110 + float64(i)} {
			put(t, dir, "echo-64-"+name+"-"+n, ran(0, echo))
		}
	}
	has(t, tablesOf(t, dir),
		"### 1,000 connections\n\nLinux 6.18, 2 CPUs, 24.0 GiB, fd limit 20,000, commit 0123456789ab, "+
			"2026-01-02 03:04 UTC.\n",
		"| gnet | sockets | 3 | 1,000 | 0 | 0 | 0 | 800 | 0.80 | 0.70 | 0.90 | 8,000 B | 450 B | - | 8,450 B |",
		"| epoll | packets | 3 | 1,000 | 0 | 0 | 0 | 1,600 | 0.80 | 0.70 | 0.90 | - |",
		"| gnet | sockets | 3 | 0.50 | 0.25 | 2.00 | 7.00 µs | 4.00 µs | 1.75 |",
		"| gnet | 3 | 50.0 | 0.50 | 0.50 | 0.50 | 1.00 ms | 2.00 ms | 1.00 | 0 |",
		"| epoll | 3 | 111 | 1.11 | 1.10 | 1.12 | 1.00 ms | 2.00 ms | 1.00 | 0 |")
}

// A round in which one of the two is missing has no ratio, and shifts no other's.
func TestRoundsArePaired(t *testing.T) {
	dir := t.TempDir()
	for n, floor := range map[int]float64{1: 100, 2: 1000, 10: 4000} {
		put(t, dir, fmt.Sprint("floor-big-", n), yardstick{Conns: 1000, Rate: floor})
	}
	for n, rate := range map[int]float64{2: 900, 10: 2000, 11: 9999} {
		put(t, dir, fmt.Sprint("epoll-big-", n), ran(rate, 0))
	}
	put(t, dir, "epoll-big-old-1", ran(5, 0)) // of another name
	has(t, tablesOf(t, dir), "| epoll | sockets | 3 | 1,000 | 0 | 0 | 0 | 2,000 | 0.70 | 0.50 | 0.90 | - |")
}

// With default flags: rate and bytes beside those of a server that was sized, and of
// the floor, in the same round.
func TestDefaults(t *testing.T) {
	dir := t.TempDir()
	for i, rate := range []float64{900, 750} {
		n := fmt.Sprint(i + 1)
		put(t, dir, "floor-defaults-"+n, yardstick{Conns: 1000, Rate: 1000 - 200*float64(i)})
		put(t, dir, "sized-gnet-defaults-"+n, with(ran(1000, 0), 5, 400, 0, 0, 0))
		put(t, dir, "gnet-defaults-"+n, with(ran(rate, 0), 5, 600, 0, 0, 0))
	}
	has(t, tablesOf(t, dir), "### Default flags: 1,000 connections\n",
		"| gnet | --ports 200 --max-conns N | 2 | 1,000 | 1,000 | 1.12 | 1.00 | 1.00 | 1.00 | 400 B | 1.00 |",
		"| gnet | --ports 200 | 2 | 1,000 | 825 | 0.92 | 0.82 | 0.75 | 0.90 | 600 B | 1.50 |")
}

// What was given back is a share of what the connections took, not of all that the
// server has.
func TestGivenBack(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "epoll-memory-1", with(ran(1000, 0), 5, 18, 10<<20, 30<<20, 11<<20))
	put(t, dir, "ws-gnet-memory-1", with(ran(1000, 0), 5, 600, 10<<20, 10<<20, 9<<20)) // it took none
	put(t, dir, "ws-epoll-memory-1", ran(1000, 0))                                     // not measured
	has(t, tablesOf(t, dir), "### Memory of 1,000 idle connections, and after their close\n",
		"| epoll | TCP | 1 | 1,000 | 18.0 B | 10.0 MiB | 30.0 MiB | 11.0 MiB | 95.0 % |",
		"| gnet | WebSocket | 1 | 1,000 | 600 B | 10.0 MiB | 10.0 MiB | 9.0 MiB | - |",
		"| epoll | WebSocket | 1 | 1,000 | - | - | - | - | - |")
}

func TestRefuses(t *testing.T) {
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "gnet-small-1.json"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{{nil, 2, "DIRECTORY"}, {[]string{empty}, 1, "that run failed"}} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), append([]string{"tables"}, tt.args...), &stdout, &stderr)
		if status != tt.status || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%v: status %d, %q", tt.args, status, stderr.String())
		}
	}
}
