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
		put(t, dir, "floor-small-"+n+".json", yardstick{Conns: 1000, Rate: 1000, First: 2000, Last: 500})
		put(t, dir, "yardstick-small-"+n+".json", yardstick{Conns: 1000, Rate: 2000})
		put(t, dir, "gnet-small-"+n+".json", ran(rate, 0))
		put(t, dir, "packets-small-"+n+".json", ran(2*rate, 0))
		for name, echo := range map[string]float64{"gnet": 50, "raw": 100, "epoll": 110} {
			put(t, dir, "echo-64-"+name+"-"+n+".json", ran(0, echo))
		}
	}
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"tables", dir}, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	for _, want := range []string{
		"### 1,000 connections\n\nLinux 6.18, 2 CPUs, 24.0 GiB, fd limit 20,000, commit 0123456789ab, 2026-01-02 03:04 UTC.\n",
		"| gnet | sockets | 3 | 1,000 | 0 | 0 | 0 | 800 | 0.80 | - | 0.25 |", "| epoll | packets | 3 | 1,000 | 0 | 0 | 0 | 1,600 | 0.80 |",
		"| gnet | 3 | 50.0 | 1.00 ms | 2.00 ms | 0 | 0.50 |", "| epoll | 3 | 110 | 1.00 ms | 2.00 ms | 0 | 1.10 |",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
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
		if status := run(t.Context(), append([]string{"tables"}, tt.args...), &stdout, &stderr); status != tt.status || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%v: status %d, %q", tt.args, status, stderr.String())
		}
	}
}
