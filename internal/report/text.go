package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// WriteText writes a result as people like to read it, within 80 columns where
// the words allow. Parts that were not measured are left out.
func WriteText(w io.Writer, r *result.Result) error {
	b := bufio.NewWriter(w)
	t := text{b}
	t.head(r)
	t.conns(r)
	t.setup(r.Setup)
	t.memory(r)
	t.echo(r.Echo)
	t.checks(r)
	t.limits(r)
	for i, warning := range r.Warnings {
		if i == 0 {
			t.title("Warnings")
		}
		t.printf("%s\n", wrap("  ! ", warning, textWidth))
	}
	return b.Flush()
}

// textWidth is where long lines are wrapped.
const textWidth = 100

// wrap breaks s at spaces into lines of at most width columns; the first begins
// with lead, the others are indented as far.
func wrap(lead, s string, width int) string {
	var b strings.Builder
	b.WriteString(lead)
	column, indent := len([]rune(lead)), len([]rune(lead))
	for i, word := range strings.Fields(s) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

type text struct{ w *bufio.Writer }

func (t text) printf(format string, args ...any) { _, _ = fmt.Fprintf(t.w, format, args...) }
func (t text) title(s string)                    { t.printf("\n%s\n", s) }
func (t text) row(name, format string, args ...any) {
	t.printf("  %-20s %s\n", name, fmt.Sprintf(format, args...))
}

func (t text) head(r *result.Result) {
	t.printf("%s %s: %s connections to %s, %d ports from %d\n", r.Scenario, r.Proto, Count(r.Plan.Conns), r.Plan.Host, r.Plan.Ports, r.Plan.FirstPort)
	h := r.Host
	t.printf("%s, Linux %s, %d CPUs, %s, fd limit %s, c10m %s\n", r.Started.Format("2006-01-02 15:04:05 MST"),
		h.Kernel, h.CPUs, Bytes(float64(h.MemoryBytes)), Count(h.Nofile), h.Commit)
	if r.Interrupt {
		t.printf("INTERRUPTED: this is what had happened by then.\n")
	}
}

func (t text) conns(r *result.Result) {
	c := r.Conns
	t.title("Connections")
	t.row("established", "%s of %s", Count(c.Established), Count(r.Plan.Conns))
	if c.Failed > 0 {
		t.row("failed", "%s", Count(c.Failed))
	}
	t.row("lost", "%s", Count(c.Lost))
	for _, e := range c.Errors.Top(0) {
		t.printf("    %s × %s\n", Count(e.N), e.Name)
		if cure := cures[e.Name]; cure != "" {
			t.printf("      %s\n", cure)
		}
	}
	for _, s := range r.Spread {
		t.row("over "+s.Over, "%s: %s to %s each, mean %.0f", Count(s.N), Count(s.Min), Count(s.Max), s.Mean)
	}
	t.row("client", "%s threads, %s fd tables, %s sources", Count(r.Plan.Threads), Count(r.Plan.FDTables), Count(r.Plan.Sources))
}

func (t text) setup(s *result.Setup) {
	if s == nil {
		return
	}
	t.title("Setup")
	t.row("time", "%.2f s until both ends held all (client alone: %.2f s)", s.Seconds, s.ClientSeconds)
	t.row("rate", "%s", rate(s.Rate))
	if first, last, ok := tenths(s.Curve); ok {
		t.row("first, last tenth", "%s, %s (%.2f)", rate(first), rate(last), last/first)
	}
	if bars := spark(s.Curve, 50); bars != "" {
		t.row("over time", "%s", bars)
	}
	t.latency("connect latency", s.Latency)
}

func (t text) latency(name string, l *result.Latency) {
	if l == nil {
		return
	}
	t.row(name, "p50 %s  p90 %s  p99 %s  p99.9 %s  max %s", Nanos(l.P50), Nanos(l.P90), Nanos(l.P99), Nanos(l.P999), Nanos(l.Max))
}

// tenths is the setup rate over the first and over the last tenth of the
// connections.
func tenths(c []result.Point) (first, last float64, ok bool) {
	if len(c) < 10 {
		return 0, 0, false
	}
	end := c[len(c)-1]
	at := func(conns float64) float64 { // time by which so many were held
		for i := 1; i < len(c); i++ {
			if float64(c[i].Conns) >= conns {
				a, b := c[i-1], c[i]
				if b.Conns == a.Conns {
					return b.T
				}
				return a.T + (conns-float64(a.Conns))/float64(b.Conns-a.Conns)*(b.T-a.T)
			}
		}
		return end.T
	}
	n := float64(end.Conns)
	dFirst, dLast := at(n/10)-c[0].T, at(n)-at(n*0.9)
	if dFirst <= 0 || dLast <= 0 {
		return 0, 0, false
	}
	return n / 10 / dFirst, n / 10 / dLast, true
}

// spark draws the rate over time in width columns of block characters.
func spark(c []result.Point, width int) string {
	if len(c) < 10 {
		return ""
	}
	end := c[len(c)-1].T
	rates := make([]float64, width)
	most := 0.0
	connsAt := func(at float64) float64 {
		for i := 1; i < len(c); i++ {
			if c[i].T >= at {
				a, b := c[i-1], c[i]
				return float64(a.Conns) + float64(b.Conns-a.Conns)*(at-a.T)/(b.T-a.T)
			}
		}
		return float64(c[len(c)-1].Conns)
	}
	for i := range rates {
		lo, hi := end*float64(i)/float64(width), end*float64(i+1)/float64(width)
		rates[i] = (connsAt(hi) - connsAt(lo)) / (hi - lo)
		most = max(most, rates[i])
	}
	if most <= 0 {
		return ""
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, r := range rates {
		b.WriteRune(blocks[min(len(blocks)-1, int(r/most*float64(len(blocks))))])
	}
	return b.String() + " max " + rate(most)
}

func (t text) echo(e *result.Echo) {
	if e == nil {
		return
	}
	t.title("Echo")
	t.row("messages", "%s sent, %s came back, %s lost, %s mismatched", Count(e.Sent), Count(e.Received), Count(e.Lost), Count(e.Mismatched))
	if e.Rate > 0 {
		t.row("rate", "%s over %.1f s", rate(e.Rate), e.Seconds)
	}
	if e.Verified > 0 {
		t.row("verified", "%s connections, one message each, byte for byte", Count(e.Verified))
	}
	t.latency("latency", e.Latency)
}

func (t text) checks(r *result.Result) {
	if c := r.Reconcile; c != nil {
		t.title("Counts while held")
		t.row("client", "%s", Count(c.Client))
		if c.Server != nil {
			t.row("server", "%s", Count(*c.Server))
		}
		if c.Kernel != nil {
			t.row("kernel", "%s TCP sockets in use, both ends and listeners", Count(*c.Kernel))
		}
	}
	if c := r.CPU; c != nil {
		t.title("CPU seconds")
		t.row("client", "%.1f", c.Client)
		if c.Server != nil {
			t.row("server", "%.1f", *c.Server)
		}
		if c.Softirq != nil {
			t.row("softirq", "%.1f, the whole machine", *c.Softirq)
		}
	}
}

func (t text) limits(r *result.Result) {
	if len(r.Limits) == 0 {
		return
	}
	t.title("Limits, tightest first")
	if by := r.Plan.LimitedBy; by != "" {
		t.printf("  --conns auto was decided by: %s\n", by)
	}
	for _, l := range r.Limits[:min(3, len(r.Limits))] {
		t.row(l.Name, "%s (%s)", Count(l.Max), l.Why)
	}
}
