package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

// yardstick is what bin/floor prints.
type yardstick struct {
	Conns     int64   `json:"conns"`
	Failed    int64   `json:"failed"`
	Rate      float64 `json:"rate"`
	Before    float64 `json:"used_before"`
	After     float64 `json:"used_after"`
	Slab      float64 `json:"slab_before"`
	SlabAfter float64 `json:"slab_after"`
	WatchFail int64   `json:"epoll_add_failed"`
}

// perPair is the growth of the machine's memory, bytes, and the slabs' part of it.
func (f yardstick) perPair() (all, slabs float64) {
	return (f.After - f.Before) / float64(f.Conns), (f.SlabAfter - f.Slab) / float64(f.Conns)
}

// tables turns what bench.sh has measured, result files in a directory, into the
// tables of RESULTS.md.
type tables struct {
	dir string
	w   io.Writer
}

func (t tables) printf(format string, args ...any) { _, _ = fmt.Fprintf(t.w, format, args...) }

func (t tables) write() error {
	for _, size := range []string{"small", "big"} {
		floors, err := read[yardstick](t.dir, "floor-"+size+"-*.json")
		if err != nil {
			return err
		}
		ours, err := read[result.Result](t.dir, "ours-"+size+"-*.json")
		if err != nil {
			return err
		}
		if len(ours) > 0 {
			t.setup(floors, ours)
			t.memory(ours)
		}
	}
	if err := t.echo(); err != nil {
		return err
	}
	return t.websocket()
}

// title is a heading and the conditions of the runs below it.
func (t tables) title(text string, r result.Result) {
	h := r.Host
	t.printf("### %s\n\nLinux %s, %d CPUs, %.1f GiB, fd limit %s, commit %s, %s.\n\n", text, h.Kernel, h.CPUs, float64(h.MemoryBytes)/(1<<30),
		unit.Commas(int64(h.Nofile)), h.Commit, r.Started.UTC().Format("2006-01-02 15:04 MST"))
}

// setup is a table of each round and the ratio of ours to the floor.
func (t tables) setup(floors []yardstick, ours []result.Result) {
	t.title(unit.Commas(ours[0].Plan.Conns)+" connections", ours[0])
	t.printf("| round | floor: conns | setup/s | c10m: asked | established | failed | lost | setup/s | first tenth | last tenth | echoes verified | ratio of setup |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	var ratios []float64
	for i, r := range ours {
		floorConns, floorRate, ratio := "-", "-", "-"
		if i < len(floors) {
			q := r.Setup.Rate / floors[i].Rate
			ratios = append(ratios, q)
			floorConns, floorRate, ratio = unit.Commas(floors[i].Conns), unit.Commas(int64(floors[i].Rate)), fmt.Sprintf("%.2f", q)
		}
		first, last, _ := r.Setup.Tenths()
		var verified int64
		if r.Echo != nil {
			verified = r.Echo.Verified
		}
		t.printf("| %d | %s | %s | %s | %s | %d | %d | %s | %s | %s | %s | %s |\n", i+1, floorConns, floorRate, unit.Commas(r.Plan.Conns), unit.Commas(r.Conns.Established),
			r.Conns.Failed, r.Conns.Lost, unit.Commas(int64(r.Setup.Rate)), unit.Commas(int64(first)), unit.Commas(int64(last)), unit.Commas(verified), ratio)
	}
	if len(ratios) > 0 {
		t.printf("\nMedian ratio to the floor of the same round: **%.2f**.", stat.Median(ratios))
	}
	if len(floors) > 0 {
		var pair, slabs []float64
		for _, f := range floors {
			all, slab := f.perPair()
			pair, slabs = append(pair, all), append(slabs, slab)
		}
		t.printf(" The floor's machine grew by %s B a pair (MemTotal − MemFree − page cache, median), its slabs by %s B.",
			unit.Commas(int64(stat.Median(pair))), unit.Commas(int64(stat.Median(slabs))))
	}
	t.printf("\n\n")
}

func (t tables) memory(ours []result.Result) {
	t.printf("| bytes per connection | kernel, both ends | server | client | total | r² | settled total | machine's growth | readers of /proc/PID/fd | 10M connections |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for i, r := range ours {
		m := r.Memory
		if m == nil || m.ServerPerConn == nil || m.Outside == nil || m.At10M == nil {
			continue
		}
		walked := 0.0
		if m.WalkedPerConn != nil {
			walked = *m.WalkedPerConn
		}
		t.printf("| round %d | %s | %.0f | %.1f | %s | %.5f | %s | %s | %.0f | %.1f GiB |\n", i+1, unit.Commas(int64(m.KernelPerConn)), *m.ServerPerConn, m.ClientPerConn,
			unit.Commas(int64(m.TotalPerConn)), m.Fit.R2, unit.Commas(int64(m.Plain.Total)), unit.Commas(int64(*m.Outside)), walked, *m.At10M/(1<<30))
	}
	t.printf("\n")
}

// echo compares gnet with raw epoll.
func (t tables) echo() error {
	gnet, err := read[result.Result](t.dir, "echo-gnet-*.json")
	if err != nil {
		return err
	}
	raw, err := read[result.Result](t.dir, "echo-raw-*.json")
	if err != nil || len(gnet) == 0 || len(gnet) != len(raw) {
		return err
	}
	t.title("Echo, 64 B, 1,000 connections, closed loop", gnet[0])
	t.printf("| round | raw epoll: echoes/s | p50 | p99 | gnet: echoes/s | p50 | p99 | ratio |\n|---|---|---|---|---|---|---|---|\n")
	var ratios []float64
	for i := range gnet {
		g, r := gnet[i].Echo, raw[i].Echo
		ratios = append(ratios, g.Rate/r.Rate)
		t.printf("| %d | %s | %.2f ms | %.2f ms | %s | %.2f ms | %.2f ms | %.2f |\n", i+1, unit.Commas(int64(r.Rate)), ms(r.Latency.P50), ms(r.Latency.P99),
			unit.Commas(int64(g.Rate)), ms(g.Latency.P50), ms(g.Latency.P99), g.Rate/r.Rate)
	}
	t.printf("\nMedian ratio: **%.2f**.\n\n", stat.Median(ratios))
	return nil
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

// read reads all files of the directory that match, in order.
func read[T any](dir, pattern string) (all []T, err error) {
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if len(strings.TrimSpace(string(b))) == 0 {
			return nil, fmt.Errorf("%s is empty: that run failed, see its log", f)
		}
		var v T
		if err := json.Unmarshal(b, &v); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		all = append(all, v)
	}
	return all, nil
}
