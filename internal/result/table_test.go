package result

import (
	"math"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/unit"
)

func TestTableCheck(t *testing.T) {
	columns := []Column{{"mode", unit.InText}, {"rate", unit.InPerSecond}}
	for _, tt := range []struct {
		name string
		row  []any
		want string
	}{
		{"as it should be", []any{"pool", 1.5}, ""},
		{"not measured", []any{"pool", nil}, ""},
		{"a cell too few", []any{"pool"}, "1 cells for 2 columns"},
		{"text for a number", []any{"pool", "many"}, "many cannot be a rate"},
		{"a number for text", []any{1.5, 1.5}, "1.5 cannot be a mode"},
		{"an integer", []any{"pool", 1}, "cannot be"},
		{"not a number", []any{"pool", math.NaN()}, "cannot be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Table{Title: "t", Columns: columns, Rows: [][]any{tt.row}}.check()
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("check = %v, want %q", err, tt.want)
			}
		})
	}
}
