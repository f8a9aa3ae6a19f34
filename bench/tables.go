package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

// yardstick is what bin/floor and bin/packets print.
type yardstick struct {
	Conns int64   `json:"conns"`
	Rate  float64 `json:"rate"`
	First float64 `json:"rate_first_tenth"`
	Last  float64 `json:"rate_last_tenth"`
}

// pairing is a server and a client that bench.sh has measured together, and the
// yardstick of the same round that they are held to.
type pairing struct {
	file, server, client, yardstick string
}

var pairings = []pairing{
	{"gnet", "gnet", "sockets", "floor"},
	{"epoll", "epoll", "sockets", "floor"},
	{"ws-gnet", "gnet", "sockets, WebSocket", "floor"},
	{"ws-epoll", "epoll", "sockets, WebSocket", "floor"},
	{"packets", "epoll", "packets", "yardstick"},
}

// sizes are how many connections bench.sh holds, by the middle of its files'
// names.
var sizes = []string{"warm", "small", "big", "huge"}

// exchanges are the echoes that bench.sh lets run: what is sent over how many
// connections, in files echo-EXCHANGE-SERVER-N.json.
var exchanges = []struct{ file, what string }{
	{"64", "64 B over 1,000 connections, each sends when its echo is back"},
	{"ws64", "64 B over 1,000 WebSocket connections"},
	{"64k", "64 KiB over 100 connections"},
	{"ws64k", "64 KiB over 100 WebSocket connections"},
	{"many", "64 B over 100,000 connections, each every 10 s"},
}

// tables turns what bench.sh has measured, result files in a directory, into the
// tables of RESULTS.md.
type tables struct {
	dir string
	w   io.Writer
}

func (t tables) printf(format string, args ...any) { _, _ = fmt.Fprintf(t.w, format, args...) }

func (t tables) write() error {
	for _, size := range sizes {
		if err := t.setup(size); err != nil {
			return err
		}
	}
	for _, x := range exchanges {
		if err := t.echo(x.file, x.what); err != nil {
			return err
		}
	}
	return nil
}

// print writes a table of runs, with the conditions of the first of them.
func (t tables) print(title string, first result.Result, table report.Table) {
	h := first.Host
	t.printf("### %s\n\nLinux %s, %d CPUs, %s, fd limit %s, commit %s, %s.\n\n%s\n", title, h.Kernel, h.CPUs,
		unit.Bytes(float64(h.MemoryBytes)), unit.Commas(int64(h.Nofile)), h.Commit,
		first.Started.UTC().Format("2006-01-02 15:04 MST"), report.Part{Table: table}.Markdown())
}

var setupColumns = columns("server", unit.InText, "client", unit.InText, "rounds", unit.InCount,
	"established", unit.InCount, "failed", unit.InCount, "lost", unit.InCount, "verified", unit.InCount,
	"setup/s", unit.InNumber, "of the yardstick", unit.InNumber, "last tenth over first", unit.InNumber,
	"the yardstick's", unit.InNumber, "kernel", unit.InBytes, "server", unit.InBytes, "client", unit.InBytes,
	"all", unit.InBytes)

// setup is a row for each pairing that was measured at a size: medians over its
// rounds, and the median of its rate over the yardstick's of the same round.
func (t tables) setup(size string) error {
	var first *result.Result
	table := report.Table{Columns: setupColumns, Note: "Medians over the rounds. The yardstick is the floor for sockets " +
		"and bin/packets for packets; bytes are a connection's, by the slope of the ramp."}
	for _, p := range pairings {
		runs, err := read[result.Result](t.dir, p.file+"-"+size+"-*.json")
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			continue
		}
		base, err := read[yardstick](t.dir, p.yardstick+"-"+size+"-*.json")
		if err != nil {
			return err
		}
		if first == nil {
			first = &runs[0]
		}
		table.Rows = append(table.Rows, setupRow(p, runs, base))
	}
	if first != nil {
		t.print(unit.Commas(first.Plan.Conns)+" connections", *first, table)
	}
	return nil
}

// setupRow is one pairing.
func setupRow(p pairing, runs []result.Result, base []yardstick) []any {
	var rate, ratio, tenths, baseTenths []float64
	var established, failed, lost, verified []float64
	for i, r := range runs {
		established, failed, lost = append(established, float64(r.Conns.Established)), append(failed, float64(r.Conns.Failed)), append(lost, float64(r.Conns.Lost))
		if r.Echo != nil {
			verified = append(verified, float64(r.Echo.Verified))
		}
		if r.Setup == nil {
			continue
		}
		rate = append(rate, r.Setup.Rate)
		if first, last, ok := r.Setup.Tenths(); ok {
			tenths = append(tenths, last/first)
		}
		if i < len(base) {
			ratio = append(ratio, r.Setup.Rate/base[i].Rate)
			if base[i].First > 0 {
				baseTenths = append(baseTenths, base[i].Last/base[i].First)
			}
		}
	}
	memory := func(of func(*result.Memory) *float64) any {
		var all []float64
		for _, r := range runs {
			if m := r.Memory; m.Measured() {
				if v := of(m); v != nil {
					all = append(all, *v)
				}
			}
		}
		return median(all)
	}
	return []any{p.server, p.client, float64(len(runs)), median(established), median(failed), median(lost),
		median(verified), median(rate), median(ratio), median(tenths), median(baseTenths),
		memory(func(m *result.Memory) *float64 { return &m.KernelPerConn }),
		memory(func(m *result.Memory) *float64 { return m.ServerPerConn }),
		memory(func(m *result.Memory) *float64 { return m.ClientPerConn }),
		memory(func(m *result.Memory) *float64 { return &m.TotalPerConn })}
}

var echoColumns = columns("server", unit.InText, "rounds", unit.InCount, "echoes/s", unit.InNumber,
	"p50", unit.InNanos, "p99", unit.InNanos, "lost", unit.InCount, "of raw epoll", unit.InNumber)

// echo is a row for each server of an exchange; ratios are to raw epoll of the
// same round, where it was measured.
func (t tables) echo(file, what string) error {
	base, err := read[result.Result](t.dir, "echo-"+file+"-raw-*.json")
	if err != nil {
		return err
	}
	var first *result.Result
	table := report.Table{Columns: echoColumns}
	for _, server := range []string{"raw", "gnet", "epoll", "packets"} {
		runs, err := read[result.Result](t.dir, "echo-"+file+"-"+server+"-*.json")
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			continue
		}
		if first == nil {
			first = &runs[0]
		}
		table.Rows = append(table.Rows, echoRow(server, runs, base))
	}
	if first != nil {
		t.print("Echo: "+what, *first, table)
	}
	return nil
}

// echoServers says what the names in files stand for.
var echoServers = map[string]string{"raw": "raw epoll in Go (bench/peers/rawepoll)", "gnet": "gnet", "epoll": "epoll", "packets": "epoll; the client over packets"}

func echoRow(server string, runs, base []result.Result) []any {
	var rate, p50, p99, lost, ratio []float64
	for i, r := range runs {
		if r.Echo == nil || r.Echo.Latency == nil {
			continue
		}
		rate, lost = append(rate, r.Echo.Rate), append(lost, float64(r.Conns.Lost))
		p50, p99 = append(p50, float64(r.Echo.Latency.P50)), append(p99, float64(r.Echo.Latency.P99))
		if i < len(base) && base[i].Echo != nil {
			ratio = append(ratio, r.Echo.Rate/base[i].Echo.Rate)
		}
	}
	return []any{echoServers[server], float64(len(runs)), median(rate), median(p50), median(p99), median(lost),
		median(ratio)}
}

// median is the middle one of values as a table takes it; nil if there are none.
func median(values []float64) any {
	if len(values) == 0 {
		return nil
	}
	return stat.Median(values)
}

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
