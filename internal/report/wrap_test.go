package report

import "testing"

func TestWrap(t *testing.T) {
	tests := []struct {
		name, lead, in string
		width          int
		want           string
	}{
		{"fits", "- ", "a b", 9, "- a b"},
		{"to the column", "- ", "ab cd", 7, "- ab cd"},
		{"breaks", "- ", "ab cd", 6, "- ab\n  cd"},
		{"long word", "- ", "abcdefgh ij", 6, "- abcdefgh\n  ij"},
		{"number and unit stay together", "", "took 12 ms, all", 8, "took\n12 ms,\nall"},
		{"a word that looks like a unit", "", "plan B", 5, "plan\nB"},
		{"counts characters, not bytes", "", "µµ µµ", 5, "µµ µµ"},
		{"nothing", "- ", "", 6, "-"},
	}
	for _, tt := range tests {
		if got := wrap(tt.lead, tt.in, tt.width); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
