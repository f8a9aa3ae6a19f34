package report

import (
	"fmt"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

func init() {
	allOutcomes = append(allOutcomes, outcome{
		has:     func(r *result.Result) bool { return r.Churn != nil },
		tables:  func(r *result.Result) []Table { return churnTables(r.Churn) },
		verdict: func(r *result.Result) string { return limited(churnVerdict(r.Churn), r) },
		csv:     func(r *result.Result) rows { return churnCSV(r.Churn) },
	}, outcome{
		has:     func(r *result.Result) bool { return r.ChurnMatrix != nil },
		tables:  func(r *result.Result) []Table { return matrixTables(r.ChurnMatrix) },
		verdict: func(r *result.Result) string { return matrixVerdict(r.ChurnMatrix) },
		csv:     func(r *result.Result) rows { return matrixCSV(r.ChurnMatrix) },
	})
}

// modeWords describe what becomes of the connections of a load.
func modeWords(l result.Load) string {
	switch l.Mode {
	case result.PerRequest:
		return "a new connection for every message"
	case result.KeepAlive:
		return fmt.Sprintf("%s messages a connection", unit.Commas(l.Requests))
	case result.Kept:
		return "one connection each"
	}
	return fmt.Sprintf("a pool of %s connections for %s users", unit.Commas(l.Pool), unit.Commas(l.Users))
}

const churnNote = "TW: sockets in TIME_WAIT at the end, on the side that closed first; others: of neither, like a " +
	"proxy's towards its upstreams. ports: share of the local ports that are taken. " +
	"no port: connects that failed with EADDRNOTAVAIL. lasts: until there is no port at this rate; a dash: for ever."

func churnTable(title string, all ...result.Churn) Table {
	t := Table{Title: title, Plot: "transactions", Note: churnNote, Columns: []Column{
		{"mode", unit.InText}, {"closes first", unit.InText}, {"tw_reuse", unit.InText},
		{"transactions", unit.InPerSecond},
		{"p50", unit.InNanos}, {"p99", unit.InNanos}, {"new conns", unit.InPerSecond},
		{"TW client", unit.InCount}, {"TW server", unit.InCount}, {"TW others", unit.InCount}, {"ports", unit.InShare},
		{"no port", unit.InCount}, {"lasts", unit.InSeconds}}}
	for _, c := range all {
		t.Rows = append(t.Rows, []any{c.Mode, closedFirst(&c), reuse(&c), c.Rate, known(c.P50), known(c.P99),
			c.ConnRate,
			float64(c.TimeWait.Client), known(c.TimeWait.Server), known(c.TimeWait.Others),
			float64(c.LocalPortsUsed) / float64(max(1, c.LocalPorts)), float64(c.NoPort), known(c.ExhaustedAfter)})
	}
	return t
}

func closedFirst(c *result.Churn) string {
	if c.ServerFirst && c.ClosedFirst == result.ByClient {
		return "client (server did not)"
	}
	return c.ClosedFirst
}

// reuse is net.ipv4.tcp_tw_reuse.
func reuse(c *result.Churn) string {
	if c.TWReuse == nil {
		return "?"
	}
	return fmt.Sprint(*c.TWReuse)
}

// churnTables are the churn, and TIME_WAIT over time: of who has most of it.
func churnTables(c *result.Churn) []Table {
	at := c.TimeWait
	series := Table{Title: "TIME_WAIT over time", Over: "after", Plot: "TIME_WAIT of the client", Columns: []Column{
		{"after", unit.InSeconds}, {"TIME_WAIT of the client", unit.InCount}, {"of the server", unit.InCount},
		{"of others", unit.InCount},
		{"local ports in use", unit.InCount}, {"transactions", unit.InPerSecond}}}
	most := at.Client
	if at.Server != nil && *at.Server > most {
		series.Plot, most = "of the server", *at.Server
	}
	if at.Others != nil && *at.Others > most {
		series.Plot = "of others"
	}
	for _, s := range c.Series {
		series.Rows = append(series.Rows, []any{s.T, float64(s.TimeWait.Client), known(s.TimeWait.Server),
			known(s.TimeWait.Others), float64(s.LocalPortsUsed), s.Rate})
	}
	return []Table{churnTable("Churn", *c), series}
}

// timeWaitSeconds is how long a socket stays in TIME_WAIT, TCP_TIMEWAIT_LEN in
// include/net/tcp.h.
const timeWaitSeconds = 60

func churnVerdict(c *result.Churn) string {
	said := fmt.Sprintf("%s transactions a second with %s", whole(c.Rate), modeWords(c.Load))
	if c.Mode != result.Pool {
		said += fmt.Sprintf(", %s new connections a second", whole(c.ConnRate))
	}
	if c.NotClosed > 0 {
		said += fmt.Sprintf(". The server did not close first: %s connections waited 5 s for that, and the client "+
			"closed them", unit.Commas(c.NotClosed))
	}
	said += ". " + whereTimeWait(c)
	if n := c.TimeWait.Others; n != nil && *n > 1000 {
		said += fmt.Sprintf(". %s more are in TIME_WAIT between others on this machine, like a proxy and its "+
			"upstreams", unit.Commas(*n))
	}
	return said
}

// whereTimeWait says who holds TIME_WAIT, and what that costs.
func whereTimeWait(c *result.Churn) string {
	client, server := c.TimeWait.Client, int64(0)
	if c.TimeWait.Server != nil {
		server = *c.TimeWait.Server
	}
	switch {
	case c.NoPort > 0:
		return fmt.Sprintf("Local ports ran out: %s connects failed with EADDRNOTAVAIL, as each closed connection "+
			"keeps its port for %d s on the side that closes first, the client's", unit.Commas(c.NoPort),
			timeWaitSeconds)
	case c.ExhaustedAfter != nil:
		return fmt.Sprintf("TIME_WAIT gathers on the client, which closes first: at this rate its %s local ports "+
			"are used up in %s", unit.Commas(c.LocalPorts), unit.Seconds(*c.ExhaustedAfter))
	case c.TimeWait.Server == nil && c.ClosedFirst == result.ByServer:
		return "TIME_WAIT gathers on the server, which closes first and runs on another machine: look there (ss " +
			"-tan state time-wait | wc -l)"
	case server > client:
		return fmt.Sprintf("TIME_WAIT gathers on the server (%s), which closes first: it costs memory there, and "+
			"no local port of the client", unit.Commas(server))
	case client > 0 && c.PortsReused:
		return fmt.Sprintf("TIME_WAIT gathers on the client (%s), which closes first, and its ports are used again "+
			"after a second (tcp_tw_reuse %s)", unit.Commas(client), reuse(c))
	case client > 0:
		return fmt.Sprintf("TIME_WAIT gathers on the client (%s), which closes first; its %s local ports are "+
			"enough at this rate", unit.Commas(client), unit.Commas(c.LocalPorts))
	case c.Mode != result.Pool:
		return "Nothing was left in TIME_WAIT, so no port is used up: connections ended by a reset, as they do with " +
			"TLS, where who closes second still sends close_notify (RFC 8446 section 6.1), to a socket that is gone"
	}
	return "No connection is closed, so there is no TIME_WAIT and no port is used up"
}

func matrixTables(m *result.ChurnMatrix) []Table {
	t := churnTable(fmt.Sprintf("Churn, %s local ports, %s TIME_WAIT buckets", unit.Commas(m.LocalPorts),
		unit.Commas(m.Buckets)), m.Cells...)
	t.Note += " With a pool nobody closes: neither tw_reuse nor who would close first makes a difference, and one " +
		"row stands for all."
	return []Table{t}
}

// matrixVerdict compares the modes, and says who holds TIME_WAIT and why.
func matrixVerdict(m *result.ChurnMatrix) string {
	var client, server, pool int64
	for _, c := range m.Cells {
		there := int64(0)
		if c.TimeWait.Server != nil {
			there = *c.TimeWait.Server
		}
		switch {
		case c.Mode == result.Pool:
			pool = c.TimeWait.Client + there
		case c.Mode == result.PerRequest && c.ServerFirst:
			server = max(server, there)
		case c.Mode == result.PerRequest:
			client = max(client, c.TimeWait.Client)
		}
	}
	said := ""
	if m.KeepAliveTimes != nil && m.PoolTimes != nil {
		said = fmt.Sprintf("Against a connection for every message, keep-alive carries %.1f times and a pool %.1f "+
			"times the transactions. ", *m.KeepAliveTimes, *m.PoolTimes)
	}
	return said + fmt.Sprintf("TIME_WAIT is with whoever closes first, because that side must be able to repeat "+
		"its last ACK and to swallow late packets: up to %s sockets on the client when it closes first, %s on the "+
		"server when that does, %s with a pool. "+
		"On the client each holds a local port, so that ports run out; on the server only memory. tcp_tw_reuse=1, "+
		"or on loopback 2, lets the client's connect take a port that is a second old.",
		unit.Commas(client), unit.Commas(server), unit.Commas(pool))
}
