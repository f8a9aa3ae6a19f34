package unit

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseCount(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"10000000", 10_000_000, true}, {"10_000_000", 10_000_000, true}, {"10M", 10_000_000, true},
		{"500k", 500_000, true}, {"1.5M", 1_500_000, true}, {"1G", 1_000_000_000, true}, {"0", 0, true},
		{"4.1M", 4_100_000, true}, {"8.3M", 8_300_000, true}, {"16.1k", 16_100, true}, {"0.001k", 1, true},
		{"1T", 1e12, true},
		{"16.1111k", 0, false}, {"1_", 0, false}, {"1_.5k", 0, false}, {"1__0", 0, false}, {"10 k", 0, false},
		{"", 0, false}, {"M", 0, false}, {"-5", 0, false}, {"1.5", 0, false}, {"0.0001k", 0, false},
		{"1e6", 0, false}, {"0x10", 0, false}, {"10MM", 0, false}, {"_1", 0, false}, {".", 0, false},
		{"9999999999999G", 0, false}, {"1..5M", 0, false},
	}
	for _, tt := range tests {
		got, err := ParseCount(tt.in)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("ParseCount(%q) = %d, %v; want %d, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
	}
}

func TestFlagValues(t *testing.T) {
	var c Count
	for _, bad := range []string{"0", "x", "-1"} {
		if c.Set(bad) == nil {
			t.Errorf("Count.Set(%q) is taken", bad)
		}
	}
	if c.Set("auto") != nil || !c.Auto || c.String() != "auto" {
		t.Errorf("Count auto: %+v", c)
	}
	var r Rate
	for _, bad := range []string{"0", "fast", "-1/s", "/s"} {
		if r.Set(bad) == nil {
			t.Errorf("Rate.Set(%q) is taken", bad)
		}
	}
	if r.Set("50k/s") != nil || r != 50000 || r.String() != "50000/s" {
		t.Errorf("Rate: %+v %s", r, r.String())
	}
	var p Ports
	for _, bad := range []string{"10000", "10000:0", "0:5", "65000:1000", "a:b", "1:99999999999999999999",
		"5:9223372036854775807"} {
		if p.Set(bad) == nil {
			t.Errorf("Ports.Set(%q) is taken", bad)
		}
	}
	for bad, want := range map[string]string{
		"0":           `"0": the legal range is 1..65535`,
		"70000":       `"70000": the legal range is 1..65535`,
		"10000:0":     `"10000:0": 0 ports: the legal range is 1..65535`,
		"10000:70000": `"10000:70000": ports 10000..79999 leave the legal range 1..65535`,
		"20000-10000": `"20000-10000": the last port is below the first`,
		"-3":          `"-3" is no number of ports and no range: want one like 200, 10000-10199 or 10000:200`,
		"none":        `"none" is no number of ports and no range: want one like 200, 10000-10199 or 10000:200`,
	} {
		if err := new(PortCount).Set(bad); err == nil || err.Error() != want {
			t.Errorf("PortCount.Set(%q): %v, want %s", bad, err, want)
		}
	}
	if p.Set("10000:200") != nil || p.Last() != 10199 || !p.Contains(10199) || p.Contains(10200) ||
		p.String() != "10000:200" {
		t.Errorf("Ports: %+v", p)
	}
	if !p.Overlaps(Ports{10199, 1}) || p.Overlaps(Ports{10200, 1}) || p.Overlaps(Ports{}) {
		t.Error("Overlaps")
	}
}

// One spelling means the same wherever it is read: as a flag and in a threshold.
func TestSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Size
		text string
	}{
		{"64", 64, "64"}, {"64B", 64, "64"}, {"64k", 65536, "64KiB"}, {"8k", 8192, "8KiB"}, {"8K", 8192, "8KiB"},
		{"64KiB", 65536, "64KiB"},
		{"1M", 1 << 20, "1MiB"}, {"1.5MiB", 3 << 19, "1536KiB"}, {"32G", 32 << 30, "32GiB"}, {"1T", 1 << 40, "1TiB"},
		{"16777216", 16 << 20, "16MiB"},
		{"65_536", 65536, "64KiB"}, {"0", 0, "0"}, {"8kB", 8000, "8000"}, {"1MB", 1e6, "1000000"},
		{"1GB", 1e9, "1000000000"},
		{"1.3KiB", 1331, "1331"}, {"30.6GiB", 32856499814, "32856499814"}, {"1024TiB", 1 << 50, "1024TiB"},
	} {
		var s Size
		if err := s.Set(tt.in); err != nil || s != tt.want || s.String() != tt.text {
			t.Errorf("%q: %d %s, %v; want %d %s", tt.in, s, s.String(), err, tt.want, tt.text)
		}
		if v, err := InBytes.Parse(tt.in); err != nil || math.Floor(v) != float64(tt.want) {
			t.Errorf("%q is %g bytes in a threshold, %v", tt.in, v, err)
		}
	}
	for _, bad := range []string{"", "k", "KiB", "iB", "1Ki", "-1", "1.3", "1.3B", "1e6", "2048T", "64kB5", "0x10",
		"1..5M", "1kk", "1 M"} {
		s := Size(7)
		if err := s.Set(bad); err == nil || s != 7 || !strings.Contains(err.Error(), strconv.Quote(bad)) {
			t.Errorf("%q is taken as %d, %v", bad, s, err)
		}
	}
}

func TestPorts(t *testing.T) {
	for in, want := range map[string]Ports{"10000:200": {10000, 200}, "10000-10199": {10000, 200}, "80-80": {80, 1},
		"1-65535": {1, 65535}, "none": {}} {
		var p Ports
		if err := p.Set(in); err != nil || p != want {
			t.Errorf("%q: %+v, %v", in, p, err)
		}
	}
	for _, bad := range []string{"", "80", "80-79", "-5", "5-", "1-65536", "10000-10199:2", "a-b", "80 - 81", "+1:2",
		"1:+2"} {
		p := Ports{7, 7}
		if err := p.Set(bad); err == nil || p.First != 7 {
			t.Errorf("%q is taken as %+v", bad, p)
		}
	}
}

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		text string
	}{
		{"10s", 10 * time.Second, "10s"}, {"1m30s", 90 * time.Second, "1m30s"}, {"60s", time.Minute, "1m"},
		{"8h", 8 * time.Hour, "8h"}, {"1h0m5s", time.Hour + 5*time.Second, "1h0m5s"},
		{"1d", day, "24h"}, {"1d12h", 36 * time.Hour, "36h"}, {"1.5d", 36 * time.Hour, "36h"}, {"0", 0, "0s"},
		{"0s", 0, "0s"}, {"500us", 500 * time.Microsecond, "500µs"},
		{"-5s", -5 * time.Second, "-5s"}, {"-1d", -day, "-24h"}, {"1000h", 1000 * time.Hour, "1000h"},
	} {
		var d Duration
		if err := d.Set(tt.in); err != nil || time.Duration(d) != tt.want || d.String() != tt.text {
			t.Errorf("%q: %v %s, %v; want %v %s", tt.in, time.Duration(d), d.String(), err, tt.want, tt.text)
		}
	}
	for bad, says := range map[string]string{"10": "say 10s", "1.5": "say 1.5s", "": "like 500ms", "d": "like",
		"1d1d": "like", "1d-5h": "like", "200000d": "like", "ten": "like", "1y": "like", "5 s": "like"} {
		d := Duration(7)
		if err := d.Set(bad); err == nil || d != 7 || !strings.Contains(err.Error(), says) ||
			!strings.Contains(err.Error(), strconv.Quote(bad)) {
			t.Errorf("%q is taken as %v, %v", bad, time.Duration(d), err)
		}
	}
}

func TestShare(t *testing.T) {
	for in, want := range map[string]float64{"0.1%": 0.001, "5%": 0.05, "5 %": 0.05, "0.05": 0.05, "100%": 1, "0": 0,
		"1": 1} {
		var s Share
		if err := s.Set(in); err != nil || float64(s) != want {
			t.Errorf("%q: %g, %v", in, s, err)
		}
	}
	for _, bad := range []string{"", "%", "-1%", "101%", "5", "1.01", "NaN", "1e-3"} {
		s := Share(0.5)
		if s.Set(bad) == nil || s != 0.5 {
			t.Errorf("%q is taken as %g", bad, s)
		}
	}
}

// What a threshold takes is more than what a flag does: signs, exponents, any
// fraction. What it shows is what a report shows.
func TestKinds(t *testing.T) {
	for _, tt := range []struct {
		kind  Kind
		in    string
		value float64
		shows string
	}{
		{InCount, "30k", 30_000, "30,000"}, {InCount, "-1.5", -1.5, "-1.50"},
		{InPerSecond, "50k/s", 50_000, "50,000/s"}, {InPerSecond, "2.5e3", 2500, "2,500/s"},
		{InNanos, "8.06ms", 8.06e6, "8.06 ms"}, {InNanos, "500", 500, "500 ns"}, {InSeconds, "60", 60, "60.0 s"},
		{InSeconds, "2m", 120, "120 s"}, {InSeconds, "1h", 3600, "1 h 0 min"},
		{InBytes, "8KiB", 8192, "8,192 B"}, {InBytes, "8k", 8192, "8,192 B"}, {InBytes, "8kB", 8000, "8,000 B"},
		{InBytes, "1M", 1 << 20, "1.0 MiB"}, {InBytes, "-1GiB", -1 << 30, "-1.0 GiB"},
		{InShare, "99%", 0.99, "99.0 %"}, {InShare, "0.5", 0.5, "50.0 %"}, {InNumber, "1.25", 1.25, "1.25"},
	} {
		v, err := tt.kind.Parse(tt.in)
		if err != nil || math.Abs(v-tt.value) > 1e-9*math.Abs(tt.value) || tt.kind.Format(v) != tt.shows {
			t.Errorf("%s of %q: %g %s, %v; want %g %s", tt.kind, tt.in, v, tt.kind.Format(v), err, tt.value, tt.shows)
		}
	}
	for kind, bad := range map[Kind]string{InCount: "5ms", InNanos: "5k", InBytes: "5s", InShare: "5k",
		InPerSecond: "", InSeconds: "1e999", InNumber: "NaN"} {
		if v, err := kind.Parse(bad); err == nil {
			t.Errorf("%s of %q is taken as %g", kind, bad, v)
		}
	}
}

// The help names what is taken: each word of it that looks like a value is one.
func TestHelp(t *testing.T) {
	for _, tt := range []struct {
		in string
		v  interface{ Set(string) error }
	}{
		{"10_000_000", &Count{}}, {"4.1M", &Count{}}, {"500k", &Count{}}, {"50k/s", new(Rate)}, {"max", new(Rate)},
		{"64KiB", new(Size)}, {"32G", new(Size)},
		{"500us", new(Duration)}, {"1m30s", new(Duration)}, {"1d", new(Duration)}, {"0.1%", new(Share)},
		{"0.001", new(Share)}, {"10000:200", &Ports{}}, {"10000-10199", &Ports{}}, {"none", &Ports{}},
	} {
		if !strings.Contains(Help, tt.in) {
			t.Errorf("the help lacks %s", tt.in)
		}
		if err := tt.v.Set(tt.in); err != nil {
			t.Errorf("the help promises %s: %v", tt.in, err)
		}
	}
}
