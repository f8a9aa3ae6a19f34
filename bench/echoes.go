package main

import (
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// exchanges are the echoes that bench.sh lets run: what is sent over how many
// connections, in files echo-EXCHANGE-SERVER-ROUND.json.
var exchanges = []struct{ file, what string }{
	{"64", "64 B over 1,000 connections, each sends when its echo is back"},
	{"ws64", "64 B over 1,000 WebSocket connections"},
	{"64k", "64 KiB over 100 connections"},
	{"ws64k", "64 KiB over 100 WebSocket connections"},
	{"many", "64 B over 100,000 connections, each every 10 s"},
}

// echoServers are what the names in files stand for, in the order of the tables.
var echoServers = []struct{ file, name string }{
	{"raw", "raw epoll in Go (bench/peers/rawepoll)"},
	{"gnet", "gnet"},
	{"epoll", "epoll"},
	{"packets", "epoll; the client over packets"},
}

var echoColumns = columns("server", unit.InText, "rounds", unit.InCount, "echoes/s", unit.InNumber,
	"of raw epoll", unit.InNumber, "lowest", unit.InNumber, "highest", unit.InNumber,
	"p50", unit.InNanos, "p99", unit.InNanos, "× raw epoll's", unit.InNumber, "lost", unit.InCount)

func echoRate(r result.Result) *float64 {
	if r.Echo == nil {
		return nil
	}
	return positive(r.Echo.Rate)
}

func echoQuantile(of func(*result.Latency) int64) func(result.Result) *float64 {
	return func(r result.Result) *float64 {
		if r.Echo == nil || r.Echo.Latency == nil {
			return nil
		}
		return whole(of(r.Echo.Latency))
	}
}

var (
	echoP50 = echoQuantile(func(l *result.Latency) int64 { return l.P50 })
	echoP99 = echoQuantile(func(l *result.Latency) int64 { return l.P99 })
)

// echo is a row for each server of an exchange; ratios are to raw epoll of the
// same round, where it was measured.
func (t tables) echo(file, what string) error {
	base, err := read[result.Result](t.dir, "echo-"+file+"-raw")
	if err != nil {
		return err
	}
	var measured []result.Result
	table := report.Table{Columns: echoColumns}
	for _, server := range echoServers {
		runs, err := read[result.Result](t.dir, "echo-"+file+"-"+server.file)
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			continue
		}
		measured = append(measured, runs.first())
		ratio := over(runs, echoRate, base, echoRate)
		low, high := spreadOf(ratio)
		table.Rows = append(table.Rows, []any{server.name, float64(len(runs)), median(runs.all(echoRate)),
			median(ratio), low, high, median(runs.all(echoP50)), median(runs.all(echoP99)),
			median(over(runs, echoP99, base, echoP99)),
			median(runs.all(lost))})
	}
	if len(measured) > 0 {
		t.head("Echo: "+what, measured[0])
		t.show(table)
	}
	return nil
}
