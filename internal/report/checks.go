package report

import (
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// echo is the messages.
func (t *text) echo(e *result.Echo) {
	if e == nil {
		return
	}
	const width = 14
	t.title("Echo")
	t.cells("sent", width, unit.Commas(e.Sent))
	t.cells("came back", width, unit.Commas(e.Received))
	t.cells("lost", width, unit.Commas(e.Lost))
	t.cells("mismatched", width, unit.Commas(e.Mismatched))
	if e.Rate > 0 {
		t.row("rate", "%s over %s", unit.PerSecond(e.Rate), unit.Seconds(e.Seconds))
	}
	if e.Rate > 0 && e.Bytes > 0 && e.Seconds > 0 {
		t.row("throughput", "%s/s of payload each way", unit.Bytes(float64(e.Bytes)/e.Seconds))
	}
	if e.Verified > 0 {
		t.row("verified", "%s connections, one message each, byte for byte", unit.Commas(e.Verified))
	}
	if e.Calls > 0 {
		t.row("system calls", "%s a message, of the client (epoll_wait, read, send)", unit.Significant(e.Calls))
	}
	t.latencies(timed{"echo", e.Latency}, timed{"verified", e.Verify})
}

// reconcile puts the counts of the same connections side by side.
func (t *text) reconcile(r *result.Result) {
	c := r.Reconcile
	if c == nil {
		return
	}
	const width = 14
	t.title("Counts while held")
	t.cells("client", width, unit.Commas(c.Client))
	verdict := func(name string, n int64, agrees bool, why string) {
		word, color := "agrees", green
		if !agrees {
			word, color = "DISAGREES", red
		}
		s := wrap(cells("  "+name, nameWidth, width, unit.Commas(n))+"  ", word+why, t.width)
		t.printf("%s\n", strings.Replace(s, word, t.paint(color, word), 1))
	}
	if c.Server != nil {
		why := ""
		if d := *c.Server - c.Client; d != 0 {
			why = fmt.Sprintf(": %s", fewer(d))
		}
		verdict("server", *c.Server, *c.Server == c.Client, why)
	}
	if c.Kernel != nil {
		n := ends(r)
		others := *c.Kernel - n*c.Client
		// The kernel sums a counter per CPU without stopping them: a little
		// less is no sign of loss.
		agrees := others >= -c.Client/1000
		why := fmt.Sprintf(": %d a connection", n)
		if others > 0 {
			why += fmt.Sprintf(", %s others", unit.Commas(others))
		} else if others < 0 {
			why += ", " + fewer(others)
		}
		verdict("kernel sockets", *c.Kernel, agrees, why)
	}
}

func fewer(d int64) string {
	if d < 0 {
		return unit.Commas(-d) + " fewer"
	}
	return unit.Commas(d) + " more"
}

// spread is how even the shares were.
func (t *text) spread(list []result.Spread) {
	for i, s := range list {
		const width = 10
		if i == 0 {
			t.head("Connections each", width, "of", "smallest", "mean", "largest")
		}
		t.cells(s.Over, width, unit.Commas(s.N), unit.Commas(s.Min), unit.Commas(int64(s.Mean+0.5)), unit.Commas(s.Max))
	}
}

func (t *text) cpu(c *result.CPU) {
	if c == nil {
		return
	}
	parts := []string{"client " + unit.Seconds(c.Client)}
	if c.Server != nil {
		parts = append(parts, "server "+unit.Seconds(*c.Server))
	}
	if c.Softirq != nil {
		parts = append(parts, "softirq of the machine "+unit.Seconds(*c.Softirq))
	}
	t.title("CPU time")
	t.sentence("%s", strings.Join(parts, ", "))
}

// DecidedBy is what decided how many connections there are, and how to have others
// where that was a flag.
func DecidedBy(limit string) string {
	if strings.HasPrefix(limit, "--cap ") {
		return limit + "; CONNS=N make run, or --conns N, asks for another number"
	}
	return limit
}

// limits is what bounded this run, tightest first.
func (t *text) limits(r *result.Result) {
	if len(r.Limits) == 0 && r.Plan.LimitedBy == "" {
		return
	}
	const width = 14
	t.title("Limits, tightest first")
	for i, l := range r.Limits {
		t.printf("%s\n", wrap(cells("  "+l.Name, nameWidth, width, unit.Commas(l.Max))+"  ", l.Why, t.width))
		if i == 0 && l.Cure != "" {
			t.printf("%s\n", wrap(strings.Repeat(" ", nameWidth+width+2)+"cure: ", l.Cure, t.width))
		}
	}
	if by := r.Plan.LimitedBy; by != "" {
		t.sentence("The number of connections was decided by: %s", DecidedBy(by))
	}
}
