package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// WriteText writes the comparison for a terminal or a log.
func (c *Comparison) WriteText(w io.Writer, o Options) error { return c.sheet().text(w, o) }

// WriteHTML writes the comparison as one page that needs nothing else.
func (c *Comparison) WriteHTML(w io.Writer) error { return c.sheet().html(w) }

// WriteMarkdown writes the comparison as GitHub Flavored Markdown.
func (c *Comparison) WriteMarkdown(w io.Writer) error { return c.sheet().markdown(w) }

// WriteCSV writes the figures of the comparison, a row for each figure of each group.
func (c *Comparison) WriteCSV(w io.Writer) error { return c.sheet().csv(w) }

// sheet is the whole comparison.
func (c *Comparison) sheet() sheet {
	s := sheet{Kind: "c10m comparison", Title: c.title(), Verdict: c.badge(),
		Foot: "Written by c10m from result files, schema " + result.Schema + "."}
	for _, g := range c.groups {
		s.Facts = append(s.Facts, g.Name+": "+groupFacts(g))
	}
	s.Sections = shown(c.differenceSection(), c.plotSection(), c.numberSection(),
		section{Title: "Verdict", Class: "textual full", Tables: filled(c.judgementTable()), Answer: true},
		section{Title: "Thresholds (--fail-if)", Verdicts: legible(c.Verdicts)})
	return s
}

func (c *Comparison) title() string {
	if len(c.groups) == 1 {
		return "Repetitions of one run"
	}
	return fmt.Sprintf("Comparison: %s is the baseline", c.groups[0].Name)
}

// badge is what came of the thresholds; nil: there were none.
func (c *Comparison) badge() *badge {
	n, failed := len(c.Verdicts), len(c.FailedThresholds())
	switch {
	case n == 0:
		return nil
	case failed > 0:
		return &badge{"bad", wordFailed, fmt.Sprintf("%d of %s", failed, Plural(n, "threshold"))}
	}
	return &badge{"good", "PASSED", Plural(n, "threshold")}
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

// differenceSection is in what the groups are not alike, beside their figures.
func (c *Comparison) differenceSection() section {
	t := table{Title: "They differ in", First: "setting", layout: layout{inline: true}}
	for _, g := range c.groups {
		t.Head, t.Texts = append(t.Head, g.Name), append(t.Texts, true)
	}
	for _, d := range c.differences() {
		t.add(d.name, d.values...)
	}
	return section{Title: t.Title, Class: "full", Tables: filled(t)}
}

// The columns of a comparison's text.
const (
	compareName  = 28 // or what the longest takes
	compareMost  = 40 // but no more than this
	compareValue = 16 // with its spread
	compareRatio = 10 // or what the longest takes, with what it is worth
)

// numberSection is the figures, and what the signs in their tables mean.
func (c *Comparison) numberSection() section {
	s := section{Title: "In numbers", Class: "full numbers", Notes: c.notes(), CSV: c.rows()}
	ratio, name := compareRatio, compareName
	for _, p := range c.parts() {
		t := c.table(p)
		for _, row := range t.Rows {
			name = max(name, min(columns(row.Name)+3, compareMost))
			for i, v := range row.Values {
				if i > 0 && i%2 == 0 {
					ratio = max(ratio, columns(v)+2)
				}
			}
		}
		s.Tables = append(s.Tables, t)
	}
	for i := range s.Tables {
		at := &s.Tables[i].layout
		at.name, at.beside, at.widths = name, 2, []int{compareValue}
		for range c.groups[1:] {
			at.widths = append(at.widths, compareValue, ratio)
		}
	}
	return s
}

// table is a part with two columns for each group but the first: the number,
// and its ratio to the baseline.
func (c *Comparison) table(p part) table {
	t := table{Title: p.title, First: "figure"}
	for g, group := range c.groups {
		t.Head = append(t.Head, group.Name)
		if g > 0 {
			t.Head = append(t.Head, "ratio")
		}
	}
	for _, row := range p.rows {
		l := line{Name: row.name, Marks: map[int]string{}}
		for g := range c.groups {
			one := c.cellOf(row.path, g)
			l.Values = append(l.Values, one.text(row.path))
			if g > 0 {
				if one.word != "" {
					l.Marks[len(l.Values)] = wordClass[one.word]
				}
				l.Values = append(l.Values, one.against())
			}
		}
		t.Rows = append(t.Rows, l)
	}
	return t
}

// text is the number with its spread.
func (c cell) text(path string) string {
	if !c.known {
		return absent
	}
	s := measure(path, c.value)
	if spread := c.spread(); spread != "" {
		s += " " + strings.ReplaceAll(spread, " ", "")
	}
	return s
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

// rows are the figures of the tables for a spreadsheet: by their paths in a result
// file, in its units.
func (c *Comparison) rows() rows {
	r := rows{head: []string{"metric", "group", "runs", "median", "min", "max", "ratio", "chance", "verdict"}}
	for _, p := range c.parts() {
		for _, row := range p.rows {
			for g, group := range c.groups {
				cells := []any{row.path, group.Name, float64(len(group.Runs))}
				switch n := c.number(row.path, g); {
				case n == nil:
					cells = append(cells, nil, nil, nil, nil, nil, nil)
				case n.Never:
					cells = append(cells, "never", "never", "never", nil, nil, nil)
				default:
					cells = append(cells, *n.Median, *n.Min, *n.Max, known(n.Ratio), known(n.Chance), n.Verdict)
				}
				r.add(cells...)
			}
		}
	}
	return r
}
