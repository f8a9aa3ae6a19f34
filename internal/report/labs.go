package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// WriteLab writes what a lab found out, for results that are not about
// connections: tables, findings, warnings, the verdict.
func WriteLab(w io.Writer, r *result.Result, o Options) error {
	return write(w, r, o, func(t *text, r *result.Result) {
		t.printf("%s\n", t.paint(bold, r.Scenario))
		t.line(machine(r))
		for _, s := range append(shown(answerSection(r.FirstFailure)), foundSections(r)...) {
			t.section(s)
		}
		t.says(Verdict(r))
	})
}

// shownFindings is how many findings the text shows; the file has all.
const shownFindings = 4

// findings is what limits the run, severest first.
func (t *text) findings(list []told) {
	for i, f := range list {
		if i == 0 {
			t.title("What limits")
		}
		if i == shownFindings {
			t.sentence("... and %s less severe: see --json.", Plural(len(list)-i, "finding"))
			return
		}
		mark, class := f.matters()
		s := wrap(fmt.Sprintf("  %d. ", i+1), mark+": "+f.Name+": "+f.Evidence+".", t.width)
		if color := classColors[class]; color != "" {
			s = strings.Replace(s, mark, t.paint(color, mark), 1)
		}
		t.printf("%s\n", s)
		for _, words := range []struct{ before, said string }{{"     ", f.Meaning}, {"     cure: ", f.Cure}} {
			if words.said != "" { // of a later version's finding neither is known
				t.printf("%s\n", wrap(words.before, words.said, t.width))
			}
		}
	}
}

// lab is what a lab found, with its plot and its note.
func (t *text) lab(table *Table) {
	if table == nil {
		return
	}
	t.title(table.Title)
	t.table(*table)
	t.bars(*table)
	if table.Note != "" {
		t.sentence("%s", table.Note)
	}
}

// table sets text columns left and numbers right, each as wide as it needs. What
// does not fit beside the rest goes below it, with the text columns once more.
func (t *text) table(table Table) {
	rows := make([][]string, 1, len(table.Rows)+1)
	widths := make([]int, len(table.Columns))
	for _, c := range table.Columns {
		rows[0] = append(rows[0], c.Name)
	}
	for _, row := range table.Rows {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = Cell(cell, table.Columns[i].Unit)
		}
		rows = append(rows, line)
	}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for n, block := range sideBySide(table.Columns, widths, t.width) {
		if n > 0 {
			t.printf("\n")
		}
		for i, row := range rows {
			line := tableLine(table.Columns, widths, row, block)
			if i == 0 {
				line = t.paint(bold, line)
			}
			t.printf("%s\n", line)
		}
	}
}

// sideBySide are the columns that stand beside each other, as many as fit; each
// block begins with the first column, and with those of text that follow it.
func sideBySide(all []Column, widths []int, width int) (list [][]int) {
	lead := 1
	for lead < len(all) && all[lead].Unit == unit.InText && all[0].Unit == unit.InText {
		lead++
	}
	var block []int
	used := 0
	for i := range all {
		if i >= lead && used+widths[i]+2 > width && len(block) > lead {
			list = append(list, block)
			block, used = nil, 0
			for j := range lead {
				block, used = append(block, j), used+widths[j]+2
			}
		}
		block, used = append(block, i), used+widths[i]+2
	}
	return append(list, block)
}

func tableLine(all []Column, widths []int, row []string, block []int) string {
	var b strings.Builder
	for _, i := range block {
		fill := strings.Repeat(" ", widths[i]-columns(row[i]))
		if all[i].Unit == unit.InText {
			b.WriteString("  " + row[i] + fill)
		} else {
			b.WriteString("  " + fill + row[i])
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// Cell writes one cell of a table; what was not measured is a dash.
func Cell(cell any, kind unit.Kind) string {
	switch v := cell.(type) {
	case float64:
		return kind.Format(v)
	case string:
		return v
	}
	return absent
}

// bars plots one column below its table: a bar a row, labelled by the text
// columns, or by the first.
func (t *text) bars(table Table) {
	at := slices.IndexFunc(table.Columns, func(c Column) bool { return table.Plot != "" && c.Name == table.Plot })
	if at < 0 || len(table.Rows) < 2 {
		return
	}
	most, widest := 0.0, 0
	labels := make([]string, len(table.Rows))
	for i, row := range table.Rows {
		if n, ok := row[at].(float64); ok {
			most = max(most, n)
		}
		labels[i] = rowLabel(table, row, at)
		widest = max(widest, columns(labels[i]))
	}
	room := t.width - widest - 6 - 12
	if most <= 0 || room < 8 {
		return
	}
	t.printf("\n  %s\n", table.Plot)
	for i, row := range table.Rows {
		n, ok := row[at].(float64)
		bar := ""
		if ok && n > 0 {
			bar = strings.Repeat("█", max(1, int(n/most*float64(room)+0.5)))
		}
		t.printf("%s\n", strings.TrimRight(fmt.Sprintf("  %s  %s %s", pad(labels[i], widest), bar,
			Cell(row[at], table.Columns[at].Unit)), " "))
	}
}

// rowLabel is the first column, and those of text that follow one of text.
func rowLabel(table Table, row []any, except int) string {
	parts := []string{Cell(row[0], table.Columns[0].Unit)}
	for i := 1; i < len(row) && table.Columns[i].Unit == unit.InText && table.Columns[0].Unit == unit.InText; i++ {
		if i != except {
			parts = append(parts, Cell(row[i], table.Columns[i].Unit))
		}
	}
	return strings.Join(parts, " ")
}

// says is a lab's verdict in plain words.
func (t *text) says(verdict string) {
	if verdict != "" {
		t.title("Verdict")
		t.sentence("%s", verdict)
	}
}
