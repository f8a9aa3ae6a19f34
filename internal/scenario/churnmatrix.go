package scenario

import (
	"fmt"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// ChurnVariant is one cell of the matrix.
type ChurnVariant struct {
	Mode       string
	FirstClose string // client or server
	TWReuse    int
}

// The settings that all cells of the matrix share: those of the articles, whose
// 30,000 ports and 30,000 TIME_WAIT buckets were the wall.
const (
	MatrixPorts   = "30000-59999"
	MatrixBuckets = 30_000
)

// ChurnMatrix is every mode with every choice that makes a difference to it: a
// pool closes nothing, so that its one cell stands for six.
func ChurnMatrix() (all []ChurnVariant) {
	for _, mode := range []string{PerRequest, KeepAlive} {
		for _, first := range []string{"client", "server"} {
			for reuse := range 3 {
				all = append(all, ChurnVariant{mode, first, reuse})
			}
		}
	}
	return append(all, ChurnVariant{Pool, "client", 0})
}

// JoinChurn puts the tables of several churns into one, and says what the
// difference is. It fell short if one of them did, and its findings are
// those of the worst.
func JoinChurn(runs []*result.Result) *result.Result {
	r := *runs[0]
	r.Interrupt = runs[len(runs)-1].Interrupt
	r.Conns, r.Echo, r.Heat, r.Setup, r.CPU = result.Conns{}, nil, nil, nil, nil
	r.Limits, r.Spread, r.Warnings, r.Tables, r.Findings = nil, nil, nil, nil, nil
	r.Plan.Conns, r.Behind = 0, false
	table := churnTable(fmt.Sprintf("Churn, %s local ports, %s TIME_WAIT buckets", unit.Commas(30_000), unit.Commas(MatrixBuckets)), nil)
	for _, one := range runs {
		if len(one.Tables) > 0 {
			table.Rows = append(table.Rows, one.Tables[0].Rows...)
		}
		r.Behind = r.Behind || ChurnFailed(one)
		if len(one.Findings) > 0 && (len(r.Findings) == 0 || one.Findings[0].Severity > r.Findings[0].Severity) {
			r.Findings = one.Findings
		}
		for _, w := range one.Warnings {
			r.Warnings = append(r.Warnings, one.Scenario+": "+w)
		}
	}
	table.Note += " With a pool nobody closes: neither tw_reuse nor who would close first makes a difference, and one row stands for all."
	r.Tables = []result.Table{table}
	r.Verdict = matrixVerdict(table)
	return &r
}

// matrixVerdict compares the modes, and says who holds TIME_WAIT and why.
func matrixVerdict(t result.Table) string {
	best := map[string]float64{}
	var clientTW, serverTW, without float64
	for _, row := range t.Rows {
		mode, _ := row[0].(string)
		first, _ := row[1].(string)
		number := func(i int) float64 { n, _ := row[i].(float64); return n }
		best[mode] = max(best[mode], number(3))
		switch {
		case mode == PerRequest && first == "client":
			clientTW = max(clientTW, number(7))
		case mode == PerRequest && first == "server":
			serverTW = max(serverTW, number(8))
		}
		if mode == Pool {
			without = number(7) + number(8)
		}
	}
	said := ""
	if p := best[PerRequest]; p > 0 {
		said = fmt.Sprintf("Against a connection for every message, keep-alive carries %.1f times and a pool %.1f times the transactions. ", best[KeepAlive]/p, best[Pool]/p)
	}
	return said + fmt.Sprintf("TIME_WAIT is with whoever closes first, because that side must be able to repeat its last ACK and to swallow late packets: up to %s sockets on the client when it closes first, %s on the server when that does, %s with a pool. "+
		"On the client each holds a local port, so that ports run out; on the server only memory. tcp_tw_reuse=1, or on loopback 2, lets the client's connect take a port that is a second old.", unit.Commas(int64(clientTW)), unit.Commas(int64(serverTW)), unit.Commas(int64(without)))
}
