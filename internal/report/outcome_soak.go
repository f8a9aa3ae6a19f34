package report

import (
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

func init() {
	allOutcomes = append(allOutcomes, outcome{
		has:     func(r *result.Result) bool { return r.Soak != nil },
		tables:  func(r *result.Result) []Table { return soakTables(r.Soak) },
		verdict: func(r *result.Result) string { return limited(soakVerdict(r), r) },
		csv:     func(r *result.Result) rows { return soakCSV(r.Soak) },
	})
}

// soakRows is how many samples the table shows.
const soakRows = 20

// soakTables are what there was over time, and how it has grown; of a server that has
// replaced workers also each worker's memory, and what each recycling was like.
func soakTables(s *result.Soak) []Table {
	series := Table{Title: "Memory over time", Plot: "server", Over: "after",
		Columns: []Column{{"after", unit.InSeconds},
			{"server", unit.InBytes}, {"kernel", unit.InBytes}, {"fds", unit.InCount}, {"CLOSE_WAIT", unit.InCount}}}
	workers := workersOf(s)
	for _, w := range workers {
		series.Columns = append(series.Columns, Column{fmt.Sprintf("worker %d", w), unit.InBytes})
	}
	n := min(len(s.Series), soakRows)
	for i := range n {
		one := s.Series[i*(len(s.Series)-1)/max(1, n-1)]
		row := []any{one.T, known(one.Server), known(one.Kernel), known(one.FDs), known(one.CloseWait)}
		for _, w := range workers {
			row = append(row, workerMemory(one, w))
		}
		series.Rows = append(series.Rows, row)
	}
	if s.Recycled != nil {
		series.curves = soakCurves(s, workers)
	}
	list := []Table{series}
	if s.Recycled != nil {
		list = append(list, recyclingTable(s.Recycled))
	}
	list = append(list,
		growthTable("Growth of the server's sockets", unit.InNumber, "per connection", growthRow{"fds", s.FDs},
			growthRow{"CLOSE_WAIT", s.CloseWait}),
		growthTable("Growth", unit.InBytes, "per transaction", growthRow{"server", s.Server},
			growthRow{"kernel", s.Kernel}))
	if s.Recycled != nil {
		list[len(list)-1].Note += " The server's is of what it has after each recycling, once there were four."
	}
	return list
}

// growthRow is what a growth is of.
type growthRow struct {
	of string
	*result.Growth
}

// growthTable has a row each; per names the last but one column.
func growthTable(title string, kind unit.Kind, per string, rows ...growthRow) Table {
	t := Table{Title: title, Columns: []Column{{"of", unit.InText}, {"per hour", kind}, {"at least", kind},
		{"at most", kind}, {per, kind}, {"judged", unit.InSeconds}},
		Note: "By least squares after the warm-up; at least and at most: 95 % confidence."}
	if kind == unit.InBytes {
		t.Note += " server: its heaps and stacks, without the pages of files that it shares with other processes."
	}
	for _, g := range rows {
		row := []any{g.of, nil, nil, nil, nil, nil}
		if g.Growth != nil {
			each := g.PerTransaction
			if per == "per connection" {
				each = g.PerConn
			}
			row = []any{g.of, g.PerHour, g.Low, g.High, known(each), g.Seconds}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// soakVerdict names every leak, or else says how the server's memory stands.
func soakVerdict(r *result.Result) string {
	s := r.Soak
	said := memoryWords(s.Server)
	if s.Recycled != nil {
		said = recycledWords(s)
	}
	switch leaks := leakWords(s); {
	case !s.LoadHeld:
		said = "No verdict: the load was not held, so that what grew or did not says nothing about the server under it"
	case len(leaks) > 0:
		said = "LEAK: " + strings.Join(leaks, "; ")
	}
	if s.Recycled != nil {
		said += ". " + recyclingCost(s.Recycled)
	}
	if r.Echo != nil {
		said += fmt.Sprintf(". %s transactions in %s", unit.Commas(r.Echo.Received), unit.Seconds(r.Echo.Seconds))
	}
	return said
}

func leaks(g *result.Growth) bool { return g != nil && g.Verdict == result.Leaks }

// bytesAnHour writes a growth of bytes with its interval.
func bytesAnHour(g *result.Growth) string {
	return fmt.Sprintf("%s an hour (%s to %s with 95 %% confidence)", unit.Bytes(g.PerHour), unit.Bytes(g.Low),
		unit.Bytes(g.High))
}

func leakWords(s *result.Soak) (list []string) {
	if g := s.Server; leaks(g) {
		said := "the server grows by " + bytesAnHour(g)
		if s.Recycled != nil {
			said = "from one recycling to the next " + said
		}
		if g.PerTransaction != nil {
			said += fmt.Sprintf(", about %s a transaction", unit.PerConn(*g.PerTransaction))
		}
		if g.PerConn != nil {
			said += fmt.Sprintf(" or %s a connection", unit.PerConn(*g.PerConn))
		}
		list = append(list, said)
	}
	if g := s.FDs; leaks(g) {
		list = append(list, fmt.Sprintf("the server holds %s fds more every hour (%s to %s with 95 %% confidence) "+
			"and is at %s",
			whole(g.PerHour), whole(g.Low), whole(g.High), whole(g.Last)))
	}
	if g := s.CloseWait; leaks(g) {
		list = append(list, fmt.Sprintf("%s sockets more every hour are in CLOSE_WAIT, which the client has closed "+
			"and the server never does", whole(g.PerHour)))
	}
	if g := s.Kernel; leaks(g) {
		list = append(list, fmt.Sprintf("the kernel's memory for connections grows by %s: sockets that nobody "+
			"closes, or other work on this machine", bytesAnHour(g)))
	}
	return list
}

// memoryWords are of a server's memory that does not leak. What is said is what
// the interval says: growth that is sure is never called none.
func memoryWords(g *result.Growth) string {
	switch {
	case g == nil:
		return "Nothing can be said of the server's memory: too few samples, or it is not known"
	case g.Verdict == result.Undecided:
		return "Undecided: the server grew by " + bytesAnHour(g) + ", and whether it goes on cannot be told from " +
			"noise: run longer"
	case g.Verdict == result.TooLittle:
		return "Undecided: the server grew by " + bytesAnHour(g) + ", which in this time is too little to tell a " +
			"leak from the normal variation of a heap: run longer"
	case g.Verdict == result.Settled:
		return fmt.Sprintf("No leak: the server grew at first and less and less, at the end by %s, and is at %s",
			bytesAnHour(g), unit.Bytes(g.Last))
	case g.High > g.Last/10:
		return fmt.Sprintf("No leak shows: the server is at %s, but a leak of up to %s an hour would not show "+
			"either: run longer", unit.Bytes(g.Last), unit.Bytes(g.High))
	}
	return fmt.Sprintf("No leak: the server stays at %s; what could hide in the noise is at most %s an hour",
		unit.Bytes(g.Last), unit.Bytes(max(0, g.High)))
}
