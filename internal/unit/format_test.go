package unit

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
		{"longer than that", 1_234_000_000_000, "20 min 34 s"},
		{"hours", 28_800_000_000_000, "8 h 0 min"},
		{"rounds to an hour", 3_599_900_000_000, "1 h 0 min"},
		{"days", 180_000_000_000_000, "2 d 2 h"},
		{"less than none", -8_060_000, "-8.06 ms"},
		{"the least", math.MinInt64, "-106751 d 23 h"},
	}
	for _, tt := range tests {
		if got := Nanos(tt.in); got != tt.want {
			t.Errorf("%s: Nanos(%d) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestSmallUnits(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"count", Commas(int64(1_000_000)), "1,000,000"},
		{"negative count", Commas(-1234), "-1,234"},
		{"rate", PerSecond(27_645.04), "27,645/s"},
		{"low rate", PerSecond(0.25), "0.25/s"},
		{"bytes a connection", PerConn(8283.4), "8,283 B"},
		{"few bytes", PerConn(23.94), "23.9 B"},
		{"rounds to 100", PerConn(99.97), "100 B"},
		{"less than none", PerConn(-1.5), "-1.5 B"},
		{"much less", PerConn(-512.3), "-512 B"},
		{"nothing, from below", PerConn(-0.02), "0.0 B"},
		{"no bytes, from below", Bytes(-0.2), "0 B"},
		{"share", Percent(0.9556), "95.6 %"},
		{"not quite all", Percent(0.99996), "> 99.9 %"},
		{"all", Percent(1), "100.0 %"},
		{"more than all", Percent(1.012), "101.2 %"},
		{"hardly any", Percent(0.0002), "< 0.1 %"},
		{"none", Percent(0), "0.0 %"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}
