package report

import (
	"slices"
	"strings"
)

// inline writes a table whose rows are few words each, and of which a terminal has no
// room for columns: under its title and what the columns are, a row a line.
func (t *text) inline(one table) {
	title := one.Title
	if len(one.Head) > 0 {
		title += " (" + strings.Join(one.Head, " / ") + ")"
	}
	t.title(wrap("", title, t.width))
	for _, row := range one.Rows {
		t.printf("%s\n", wrap("  "+row.Name+": ", strings.Join(row.Values, " / "), t.width))
	}
}

// wide writes a table in as many blocks of columns as it takes, each with the names
// and the first value. Names give way where there is no room, but for their ends.
func (t *text) wide(one table) {
	least := one.widths[0]
	for _, w := range one.widths[1:min(len(one.widths), 1+one.beside)] {
		least += w
	}
	name := max(minName, min(one.name, t.width-least))
	for from := 1; ; {
		columns, used := []int{0}, name+one.widths[0]
		for from < len(one.widths) {
			more := one.widths[from:min(len(one.widths), from+one.beside)]
			wide := 0
			for _, w := range more {
				wide += w
			}
			if len(columns) > 1 && used+wide > t.width {
				break
			}
			for i := range more {
				columns = append(columns, from+i)
			}
			from, used = from+len(more), used+wide
		}
		t.columnsOf(one, name, columns)
		if from >= len(one.widths) {
			return
		}
	}
}

// absent stands for what was not measured.
const absent = "-"

// minName is the least room for the name of a row.
const minName = 10

// columnsOf writes some of a wide table's columns, and the rows that have anything
// in them.
func (t *text) columnsOf(one table, name int, list []int) {
	one.Rows = slices.DeleteFunc(slices.Clone(one.Rows), func(row line) bool {
		return !slices.ContainsFunc(list, func(i int) bool { return row.Values[i] != "" && row.Values[i] != absent })
	})
	if len(one.Rows) == 0 {
		return
	}
	line := pad(shortened(one.Title, name-1), name)
	for _, i := range list {
		line += left(shortened(one.Head[i], one.widths[i]-2), one.widths[i])
	}
	t.title(strings.TrimRight(line, " "))
	for _, row := range one.Rows {
		line := pad("  "+shortened(row.Name, name-3), name)
		for _, i := range list {
			value := left(row.Values[i], one.widths[i])
			if color := classColors[row.Marks[i]]; color != "" {
				value = strings.Replace(value, row.Values[i], t.paint(color, row.Values[i]), 1)
			}
			line += value
		}
		t.printf("%s\n", strings.TrimRight(line, " "))
	}
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
