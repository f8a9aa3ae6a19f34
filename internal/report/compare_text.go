package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// The columns of a comparison.
const (
	compareName  = 28 // or what the width leaves for one group beside the baseline
	compareValue = 16 // with its spread
	compareRatio = 10 // or what the longest takes, with what it is worth
)

// WriteText writes the comparison in as many blocks of columns as the width
// takes, each beside the baseline.
func (c *Comparison) WriteText(w io.Writer, o Options) error {
	t := newText(o)
	t.printf("%s\n", t.paint(bold, wrap("", c.title(), t.width)))
	for _, g := range c.groups {
		t.printf("%s\n", wrap("  "+g.Name+": ", groupFacts(g), t.width))
	}
	if list := c.differences(); len(list) > 0 {
		t.title("They differ in")
		for _, d := range list {
			t.printf("%s\n", wrap("  "+d.name+": ", strings.Join(d.values, " / "), t.width))
		}
	}
	ratio := compareRatio
	for _, p := range c.parts(c.all()) {
		for _, row := range p.rows {
			for g := range c.groups {
				ratio = max(ratio, columns(c.cellOf(row.path, g).against())+2)
			}
		}
	}
	name := min(compareName, t.width-2*compareValue-ratio)
	each := max(1, (t.width-name-compareValue)/(compareValue+ratio))
	for first := 1; first == 1 || first < len(c.groups); first += each {
		c.block(t, name, ratio, first, min(first+each, len(c.groups)))
	}
	for i, note := range c.notes() {
		if i == 0 {
			t.printf("\n")
		}
		t.sentence("%s", note)
	}
	for i, said := range c.judgements() {
		if i == 0 {
			t.title("Verdict")
		}
		t.sentence("%s", said)
	}
	for i, v := range legible(c.Verdicts) {
		if i == 0 {
			t.title("Thresholds (--fail-if)")
		}
		t.judged(v.Group+": ", v.Verdict)
	}
	return t.finish(w, o)
}

func (c *Comparison) title() string {
	if len(c.groups) == 1 {
		return "Repetitions of one run"
	}
	return fmt.Sprintf("Comparison: %s is the baseline", c.groups[0].Name)
}

// groupFacts is which runs a group is of.
func groupFacts(g Group) string {
	r := g.Runs[0]
	facts := r.Scenario + " over " + spoken(r)
	if r.Plan.Conns > 0 { // a sweep opens none of its own
		facts += ", " + Plural(r.Plan.Conns, "connection")
	}
	if len(g.Files) == 1 {
		return facts + "; " + g.Files[0]
	}
	return fmt.Sprintf("%s; %s: %s", facts, Plural(len(g.Files), "run"), strings.Join(g.Files, ", "))
}

// notes explain the signs that are in the tables.
func (c *Comparison) notes() (list []string) {
	repeated := false
	for _, g := range c.groups {
		repeated = repeated || len(g.Runs) > 1
	}
	if repeated {
		list = append(list, "Of several runs the median; ± is how far the farthest run is from it.")
	}
	if repeated && len(c.groups) > 1 {
		list = append(list, "better and worse come with the chance that noise alone set the groups as far apart "+
			"(exact Mann-Whitney test); ~: that cannot be told from noise.")
	}
	return list
}

// block is the baseline and the groups first..end-1, with names and ratios of so
// many columns.
func (c *Comparison) block(t *text, name, ratio, first, end int) {
	columns := []int{0}
	for g := first; g < end; g++ {
		columns = append(columns, g)
	}
	for _, p := range c.parts(columns) {
		head := pad(p.title, name)
		for _, g := range columns {
			head += left(shortened(c.groups[g].Name, compareValue-2), compareValue)
			if g > 0 {
				head += strings.Repeat(" ", ratio)
			}
		}
		t.title(strings.TrimRight(head, " "))
		for _, row := range p.rows {
			line := pad("  "+shortened(row.name, name-3), name)
			for _, g := range columns {
				one := c.cellOf(row.path, g)
				line += left(one.text(row.path), compareValue)
				if g > 0 {
					line += strings.Replace(left(one.against(), ratio), one.word,
						t.paint(wordColor[one.word], one.word), 1)
				}
			}
			t.printf("%s\n", strings.TrimRight(line, " "))
		}
	}
}

// text is the number with its spread.
func (c cell) text(path string) string {
	if !c.known {
		return "-"
	}
	s := measure(path, c.value)
	if spread := c.spread(); spread != "" {
		s += " " + strings.ReplaceAll(spread, " ", "")
	}
	return s
}

// left fills s up on its left, with one space at least.
func left(s string, width int) string { return strings.Repeat(" ", max(1, width-columns(s))) + s }

// shortened keeps the end of a long name: that is where names differ.
func shortened(s string, width int) string {
	if n := columns(s); n > width {
		return "…" + string([]rune(s)[n-width+1:])
	}
	return s
}

// judged is one line of a threshold.
func (t *text) judged(lead string, v result.Verdict) {
	word, color := passedOrFailed(v), green
	if v.Failed {
		color = red
	}
	s := wrap("  "+word+"  ", lead+v.Threshold+": "+found(v), t.width)
	t.printf("  %s%s\n", t.paint(color, word), s[2+len(word):])
}
