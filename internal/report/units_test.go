package report

import (
	"math"
	"testing"
)

func TestBytes(t *testing.T) {
	tests := []struct {
		name string
		in   float64
		want string
	}{
		{"nothing", 0, "0 B"},
		{"fraction", 0.4, "0 B"},
		{"one", 1, "1 B"},
		{"last byte", 1023, "1023 B"},
		{"rounds to a KiB", 1023.6, "1.0 KiB"},
		{"KiB", 1024, "1.0 KiB"},
		{"KiB and a half", 1536, "1.5 KiB"},
		{"last KiB", 1023.9 * 1024, "1023.9 KiB"},
		{"rounds to a MiB", 1<<20 - 1, "1.0 MiB"},
		{"GiB", 84 * (1 << 30), "84.0 GiB"},
		{"GB are not GiB", 84e9, "78.2 GiB"},
		{"TiB", 1.5 * (1 << 40), "1.5 TiB"},
		{"PiB and no further", 5000 * math.Pow(2, 50), "5000.0 PiB"},
		{"negative", -1536, "-1.5 KiB"},
	}
	for _, tt := range tests {
		if got := Bytes(tt.in); got != tt.want {
			t.Errorf("%s: Bytes(%v) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestNanos(t *testing.T) {
	tests := []struct {
		name string
		in   int64
		want string
	}{
		{"nothing", 0, "0 ns"},
		{"ns", 87, "87 ns"},
		{"last ns", 999, "999 ns"},
		{"µs", 1000, "1.00 µs"},
		{"two digits", 87_000, "87.0 µs"},
		{"three digits", 307_499, "307 µs"},
		{"rounds to a ms", 999_500, "1.00 ms"},
		{"rounds to 10", 9_995_000, "10.0 ms"},
		{"s", 1_266_239_000, "1.27 s"},
		{"the longest", 120_000_000_000, "120 s"},
		{"longer than that", 1_234_000_000_000, "1,234 s"},
	}
	for _, tt := range tests {
		if got := Nanos(tt.in); got != tt.want {
			t.Errorf("%s: Nanos(%d) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestSmallUnits(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"count", Count(int64(1_000_000)), "1,000,000"},
		{"negative count", Count(-1234), "-1,234"},
		{"rate", perSecond(27_645.04), "27,645/s"},
		{"low rate", perSecond(0.25), "0.25/s"},
		{"bytes a connection", perConn(8283.4), "8,283 B"},
		{"few bytes", perConn(23.94), "23.9 B"},
		{"rounds to 100", perConn(99.97), "100 B"},
		{"less than none", perConn(-1.5), "-1.5 B"},
		{"much less", perConn(-512.3), "-512 B"},
		{"share", percent(0.9556), "95.6 %"},
		{"not quite all", percent(0.99996), "> 99.9 %"},
		{"all", percent(1), "100.0 %"},
		{"more than all", percent(1.012), "101.2 %"},
		{"hardly any", percent(0.0002), "< 0.1 %"},
		{"none", percent(0), "0.0 %"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

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
