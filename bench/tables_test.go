package main

import (
	"bytes"
	"encoding/json"
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
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// ran is a run of ours with the given rates.
func ran(setup, echo float64) result.Result {
	return result.Result{Host: result.Host{Kernel: "6.18", CPUs: 2, MemoryBytes: 24 << 30, Nofile: 20_000, Commit: "0123456789ab"}, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Plan: result.Plan{Conns: 1000, Asked: plan.Asked{Size: 64}}, Conns: result.Conns{Attempted: 1000, Established: 1000},
		Setup: &result.Setup{Rate: setup, Handshake: &result.Latency{P50: 4e6, P99: 9e6}}, Echo: &result.Echo{Rate: echo, Latency: &result.Latency{P50: 1e6, P99: 2e6}}}
}

func TestTables(t *testing.T) {
	dir := t.TempDir()
	for i, rate := range []float64{900, 700, 800} {
		n := string(rune('1' + i))
		put(t, dir, "floor-small-"+n+".json", yardstick{Conns: 1000, Rate: 1000, Before: 1e6, After: 10e6, Slab: 1e6, SlabAfter: 9e6})
		put(t, dir, "ours-small-"+n+".json", ran(rate, 0))
		put(t, dir, "ws-small-"+n+".json", ran(rate/2, 0))
		for name, echo := range map[string]float64{"gnet": 50, "raw": 100, "ws": 40} {
			put(t, dir, "echo-"+name+"-"+n+".json", ran(0, echo))
		}
	}
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"tables", dir}, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	for _, want := range []string{
		"### 1,000 connections\n\nLinux 6.18, 2 CPUs, 24.0 GiB, fd limit 20,000, commit 0123456789ab, 2026-01-02 03:04 UTC.\n",
		"| 2 | 1,000 | 1,000 | 1,000 | 1,000 | 0 | 0 | 700 |", "Median ratio to the floor of the same round: **0.80**.",
		"grew by 9,000 B a pair", "its slabs by 8,000 B", "| 1 | 100 | 1.00 ms | 2.00 ms | 50 | 1.00 ms | 2.00 ms | 0.50 |",
		"Median ratio of setup: **0.50**.", "| round 3 | 50 | 2.00 ms | 40 | 2.00 ms | 0 | 0.80 |",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
}

func TestRefuses(t *testing.T) {
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "ours-small-1.json"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{{nil, 2, "DIRECTORY"}, {[]string{empty}, 1, "that run failed"}} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), append([]string{"tables"}, tt.args...), &stdout, &stderr); status != tt.status || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%v: status %d, %q", tt.args, status, stderr.String())
		}
	}
}
