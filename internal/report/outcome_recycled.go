package report

import (
	"fmt"
	"slices"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// shownWorkers is how many workers have a column, and dots of their own in the plot,
// which has as many more colors.
const shownWorkers = 7

// workersOf are the workers of a soak by their numbers; none if there were more than
// are shown.
func workersOf(s *result.Soak) (numbers []int) {
	for _, one := range s.Series {
		for _, w := range one.Workers {
			if !slices.Contains(numbers, w.Worker) {
				numbers = append(numbers, w.Worker)
			}
		}
	}
	if len(numbers) > shownWorkers {
		return nil
	}
	slices.Sort(numbers)
	return numbers
}

// workerMemory is that of one worker in a sample; nil: it was not there.
func workerMemory(s result.SoakSample, number int) any {
	for _, w := range s.Workers {
		if w.Worker == number {
			return w.Bytes
		}
	}
	return nil
}

// soakCurves draw all samples: the server's memory as a line, and each worker's as
// dots, because a number is nobody's between two workers that have it.
func soakCurves(s *result.Soak, workers []int) []plot.Series {
	total := plot.Series{Name: "server"}
	list := make([]plot.Series, len(workers))
	for i, w := range workers {
		list[i] = plot.Series{Name: fmt.Sprintf("worker %d", w), Style: plot.Dots}
	}
	for _, one := range s.Series {
		if one.Server != nil {
			total.Points = append(total.Points, plot.Point{X: one.T, Y: *one.Server})
		}
		for i, w := range workers {
			if bytes, is := workerMemory(one, w).(float64); is {
				list[i].Points = append(list[i].Points, plot.Point{X: one.T, Y: bytes})
			}
		}
	}
	return append([]plot.Series{total}, list...)
}

// recyclingTable is what each was like.
func recyclingTable(r *result.Recycled) Table {
	t := Table{Title: "Workers replaced",
		Columns: []Column{{"after", unit.InSeconds}, {"worker", unit.InCount}, {"took", unit.InSeconds},
			{"conns", unit.InCount}, {"lost", unit.InCount}, {"failed", unit.InCount}, {"p99", unit.InNanos},
			{"memory", unit.InBytes}, {"after it", unit.InBytes}},
		Note: "Conns: the worker's when it got no more; lost and failed: all connections, and connects, of that time; p99: " +
			"below what 99 % of the answers of the pieces of time that it touches were; memory: the worker's at the last " +
			"look, and its successor's at the first."}
	for _, one := range r.List[:min(len(r.List), soakRows)] {
		t.Rows = append(t.Rows, []any{one.T, float64(one.Worker), one.Seconds, float64(one.Conns), float64(one.Lost),
			float64(one.Failed), known(one.P99), known(one.Before), known(one.After)})
	}
	if left := r.Count - int64(len(t.Rows)); left > 0 {
		t.Note = fmt.Sprintf("The first %d; %s more. ", len(t.Rows), unit.Commas(left)) + t.Note
	}
	return t
}

// recycledWords are of a server that replaces workers and does not leak beyond that.
func recycledWords(s *result.Soak) string {
	g, r := s.Server, s.Recycled
	switch {
	case g == nil:
		return memoryWords(g)
	case g.Verdict == result.Undecided:
		return fmt.Sprintf("Undecided: after %s it cannot be told from noise whether each leaves more memory than "+
			"the one before: run longer", Plural(r.Count, "recycling"))
	case g.Verdict == result.TooLittle:
		return "Undecided: from one recycling to the next the server grew by " + bytesAnHour(g) + ", which in this time " +
			"is too little to tell a leak from the normal variation of a heap: run longer"
	case g.Verdict == result.Settled:
		return "No leak that recycling leaves: what the server has after each grew at first and less and less, at the " +
			"end by " + bytesAnHour(g)
	case g.High > g.Last/10:
		return fmt.Sprintf("No leak that recycling leaves shows: the server is back at %s, but one of up to %s an hour "+
			"would not show either: run longer", unit.Bytes(g.Last), unit.Bytes(g.High))
	}
	return fmt.Sprintf("No leak that recycling leaves: the server is back at %s; what could hide in the noise is at "+
		"most %s an hour", unit.Bytes(g.Last), unit.Bytes(max(0, g.High)))
}

// recyclingCost is what recycling gave back and what it cost.
func recyclingCost(r *result.Recycled) string {
	said := Plural(r.Count, "worker") + " replaced, one at a time"
	if r.Trough != nil && r.Peak != nil {
		said += fmt.Sprintf(": between two the server's memory goes from %s to %s", unit.Bytes(*r.Trough),
			unit.Bytes(*r.Peak))
	}
	said += fmt.Sprintf("; meanwhile %s lost and %s failed", Plural(r.Lost, "connection"),
		Plural(r.Failed, "connect"))
	if r.P99 == nil {
		return said
	}
	said += ", and 99 % of the answers came within " + unit.Nanos(*r.P99)
	if r.RestP99 != nil {
		said += ", of all other time within " + unit.Nanos(*r.RestP99)
	}
	return said
}
