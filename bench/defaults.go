package main

import (
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

var defaultColumns = columns("server", unit.InText, "flags", unit.InText, "rounds", unit.InCount,
	"established", unit.InCount, "setup/s", unit.InNumber, "of the floor", unit.InNumber,
	"of the sized one", unit.InNumber, "lowest", unit.InNumber, "highest", unit.InNumber, "server", unit.InBytes,
	"more than sized", unit.InNumber)

// defaults writes the table of servers with default flags: each engine with --ports
// alone, beside the same engine that was told by --max-conns how many connections come.
func (t tables) defaults() error {
	base, err := read[yardstick](t.dir, "floor-defaults")
	if err != nil {
		return err
	}
	var measured []result.Result
	table := report.Table{Columns: defaultColumns, Note: "Medians over the rounds, ratios within one; lowest and " +
		"highest are of that to the sized one. Bytes are a connection's, by the slope of the ramp, and the last column " +
		"is how many times those of the sized one."}
	for _, engine := range []string{"gnet", "epoll"} {
		sized, err := read[result.Result](t.dir, "sized-"+engine+"-defaults")
		if err != nil {
			return err
		}
		for _, v := range []struct{ file, flags string }{{"sized-", "--ports 200 --max-conns N"}, {"", "--ports 200"}} {
			runs, err := read[result.Result](t.dir, v.file+engine+"-defaults")
			if err != nil {
				return err
			}
			if len(runs) == 0 {
				continue
			}
			measured = append(measured, runs.first())
			to := over(runs, setupRate, sized, setupRate)
			low, high := spreadOf(to)
			table.Rows = append(table.Rows, []any{engine, v.flags, float64(len(runs)),
				median(runs.all(established)),
				median(runs.all(setupRate)), median(over(runs, setupRate, base, yardstick.rate)), median(to), low, high,
				median(runs.all(serverCost)), median(over(runs, serverCost, sized, serverCost))})
		}
	}
	if len(measured) > 0 {
		t.head("Default flags: "+unit.Commas(measured[0].Plan.Conns)+" connections", measured[0])
		t.show(table)
	}
	return nil
}

var memoryColumns = columns("server", unit.InText, "connections", unit.InText, "rounds", unit.InCount,
	"established", unit.InCount, "server", unit.InBytes, "before", unit.InBytes, "held", unit.InBytes,
	"after the close", unit.InBytes, "given back", unit.InShare)

// serverMemory is the server's memory, bytes, before the ramp, while all connections were
// held, and after the close.
func serverMemory(r result.Result) (before, held, after *float64) {
	m := r.Memory
	if m == nil || m.Before == nil || m.Held == nil || m.After == nil || m.Before.Server == nil ||
		m.Held.Server == nil || m.After.Server == nil {
		return nil, nil, nil
	}
	return whole(int64(*m.Before.Server)), whole(int64(*m.Held.Server)), whole(int64(*m.After.Server))
}

// givenBack is which share of the memory that the connections took the server has
// returned to the system after the close; nil if they took none.
func givenBack(r result.Result) *float64 {
	before, held, after := serverMemory(r)
	if before == nil || *held <= *before {
		return nil
	}
	share := (*held - *after) / (*held - *before)
	return &share
}

// memory writes the table of what idle connections take of a server with default flags,
// and of what it returns to the system once they are closed.
func (t tables) memory() error {
	var measured []result.Result
	table := report.Table{Columns: memoryColumns, Note: "User memory of the server with --ports 200 and no other flag, " +
		"PSS of its processes; by connection: the slope of the ramp. Of that the epoll engine's own array has 16 B " +
		"(TestConnSize). After the close: 30 s after the last of them. Given back: of what they had grown by."}
	for _, p := range []struct{ file, server, conns string }{{"gnet", "gnet", "TCP"}, {"epoll", "epoll", "TCP"},
		{"ws-gnet", "gnet", "WebSocket"}, {"ws-epoll", "epoll", "WebSocket"}} {
		runs, err := read[result.Result](t.dir, p.file+"-memory")
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			continue
		}
		measured = append(measured, runs.first())
		table.Rows = append(table.Rows, []any{p.server, p.conns, float64(len(runs)),
			median(runs.all(established)),
			median(runs.all(serverCost)),
			median(runs.all(func(r result.Result) *float64 { v, _, _ := serverMemory(r); return v })),
			median(runs.all(func(r result.Result) *float64 { _, v, _ := serverMemory(r); return v })),
			median(runs.all(func(r result.Result) *float64 { _, _, v := serverMemory(r); return v })),
			median(runs.all(givenBack))})
	}
	if len(measured) > 0 {
		t.head("Memory of "+unit.Commas(measured[0].Plan.Conns)+" idle connections, and after their close", measured[0])
		t.show(table)
	}
	return nil
}
