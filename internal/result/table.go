package result

import (
	"fmt"
	"math"

	"github.com/c10m/c10m/internal/unit"
)

// Table is what a lab of c10m/result/1 found out: one row a variant, a step or a
// moment, in base units. It is only read; outcomes have taken its place.
type Table struct {
	Title   string   `json:"title"`
	Columns []Column `json:"columns"`
	// Rows hold a string in a column of text, else a number, or null for what
	// was not measured.
	Rows [][]any `json:"rows"`
	Plot string  `json:"plot,omitempty"` // the column to draw as bars, by name
	Note string  `json:"note,omitempty"` // what the table says, in a sentence or two
}

// Column is a column of a Table.
type Column struct {
	Name string    `json:"name"`
	Unit unit.Kind `json:"unit"`
}

// check sees that every row fits the columns.
func (t Table) check() error {
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("table %q: row %d has %d cells for %d columns", t.Title, i, len(row), len(t.Columns))
		}
		for j, cell := range row {
			c := t.Columns[j]
			_, isText := cell.(string)
			n, isNumber := cell.(float64)
			if cell != nil && (isText != (c.Unit == unit.InText) || !isText && !isNumber || math.IsNaN(n) ||
				math.IsInf(n, 0)) {
				return fmt.Errorf("table %q: row %d: %v cannot be a %s of %s", t.Title, i, cell, c.Name, c.Unit)
			}
		}
	}
	return nil
}
