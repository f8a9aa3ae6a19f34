package main

import (
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// yardstick is what bin/floor and bin/packets print.
type yardstick struct {
	Conns int64   `json:"conns"`
	Rate  float64 `json:"rate"`
	First float64 `json:"rate_first_tenth"`
	Last  float64 `json:"rate_last_tenth"`
	CPU   float64 `json:"server_cpu"` // seconds of the server's end, over the ramp
}

func (y yardstick) rate() *float64 { return positive(y.Rate) }

// tenths is the rate over the last tenth of the connections, divided by that over the
// first tenth.
func (y yardstick) tenths() *float64 {
	if y.First <= 0 {
		return nil
	}
	return positive(y.Last / y.First)
}

// accept is the processor time that the server's end takes for a connection, ns.
func (y yardstick) accept() *float64 {
	if y.Conns <= 0 {
		return nil
	}
	return positive(y.CPU * 1e9 / float64(y.Conns))
}

// pairing is a server and a client that bench.sh measures together, and the yardstick
// that they are compared with, in the same round.
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

// The figures of a run that are compared.

func established(r result.Result) *float64 { return whole(r.Conns.Established) }

func lost(r result.Result) *float64 { return whole(r.Conns.Lost) }

func setupRate(r result.Result) *float64 {
	if r.Setup == nil {
		return nil
	}
	return positive(r.Setup.Rate)
}

func setupTenths(r result.Result) *float64 {
	if r.Setup == nil {
		return nil
	}
	first, last, ok := r.Setup.Tenths()
	if !ok {
		return nil
	}
	return positive(last / first)
}

// acceptTime is processor time of the server for a connection, until it held all, ns.
func acceptTime(r result.Result) *float64 {
	if r.CPU == nil || r.CPU.ServerSetup == nil || r.Conns.Established == 0 {
		return nil
	}
	return positive(*r.CPU.ServerSetup * 1e9 / float64(r.Conns.Established))
}

// cost reads a part of the memory that a connection takes, bytes; nil where it was not
// measured.
func cost(of func(*result.Memory) *float64) func(result.Result) *float64 {
	return func(r result.Result) *float64 {
		if !r.Memory.Measured() {
			return nil
		}
		return of(r.Memory)
	}
}

var (
	kernelCost = cost(func(m *result.Memory) *float64 { return &m.KernelPerConn })
	serverCost = cost(func(m *result.Memory) *float64 { return m.ServerPerConn })
	clientCost = cost(func(m *result.Memory) *float64 { return m.ClientPerConn })
	totalCost  = cost(func(m *result.Memory) *float64 { return &m.TotalPerConn })
)

var setupColumns = columns("server", unit.InText, "client", unit.InText, "rounds", unit.InCount,
	"established", unit.InCount, "failed", unit.InCount, "lost", unit.InCount, "verified", unit.InCount,
	"setup/s", unit.InNumber, "of the yardstick", unit.InNumber, "lowest", unit.InNumber, "highest", unit.InNumber,
	"kernel", unit.InBytes, "server", unit.InBytes, "client", unit.InBytes, "all", unit.InBytes)

var rampColumns = columns("server", unit.InText, "client", unit.InText, "rounds", unit.InCount,
	"last tenth over first", unit.InNumber, "floor's", unit.InNumber, "× floor", unit.InNumber,
	"CPU of an accept", unit.InNanos, "floor's", unit.InNanos, "× floor", unit.InNumber)

// setup writes the tables of a size, with a row for each pairing that was measured:
// medians over the rounds, and of the ratios to the yardstick of the same round.
func (t tables) setup(size string) error {
	rate := report.Table{Columns: setupColumns, Note: "Medians over the rounds. The yardstick is the floor for sockets " +
		"and bin/packets for packets; lowest and highest are of that ratio. Bytes are a connection's, by the slope of " +
		"the ramp."}
	ramp := report.Table{Columns: rampColumns, Note: "Medians over the rounds, ratios within one. Of an accept: " +
		"processor time of the server's processes from before the first connect until they held all, by connection. " +
		"That of c10m's has the looks at its memory in it."}
	var measured []result.Result
	for _, p := range pairings {
		runs, err := read[result.Result](t.dir, p.file+"-"+size)
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			continue
		}
		base, err := read[yardstick](t.dir, p.yardstick+"-"+size)
		if err != nil {
			return err
		}
		measured = append(measured, runs.first())
		rate.Rows = append(rate.Rows, setupRow(p, runs, base))
		if p.yardstick == "floor" {
			ramp.Rows = append(ramp.Rows, rampRow(p, runs, base))
		}
	}
	if len(measured) > 0 {
		t.head(unit.Commas(measured[0].Plan.Conns)+" connections", measured[0])
		t.show(rate)
		t.show(ramp)
	}
	return nil
}

// setupRow is the row of a pairing: counts, rates, bytes a connection.
func setupRow(p pairing, runs rounds[result.Result], base rounds[yardstick]) []any {
	ratio := over(runs, setupRate, base, yardstick.rate)
	low, high := spreadOf(ratio)
	verified := func(r result.Result) *float64 {
		if r.Echo == nil {
			return nil
		}
		return whole(r.Echo.Verified)
	}
	return []any{p.server, p.client, float64(len(runs)),
		median(runs.all(established)),
		median(runs.all(func(r result.Result) *float64 { return whole(r.Conns.Failed) })),
		median(runs.all(lost)),
		median(runs.all(verified)), median(runs.all(setupRate)), median(ratio), low, high,
		median(runs.all(kernelCost)), median(runs.all(serverCost)), median(runs.all(clientCost)),
		median(runs.all(totalCost))}
}

// rampRow is the row of a pairing about the ramp's end and the server's processor time
// for an accept, beside the floor's.
func rampRow(p pairing, runs rounds[result.Result], base rounds[yardstick]) []any {
	return []any{p.server, p.client, float64(len(runs)),
		median(runs.all(setupTenths)), median(base.all(yardstick.tenths)),
		median(over(runs, setupTenths, base, yardstick.tenths)),
		median(runs.all(acceptTime)), median(base.all(yardstick.accept)),
		median(over(runs, acceptTime, base, yardstick.accept))}
}
