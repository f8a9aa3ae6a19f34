package plan

import "testing"

func TestParseCount(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"10000000", 10_000_000, true}, {"10_000_000", 10_000_000, true}, {"10M", 10_000_000, true},
		{"500k", 500_000, true}, {"1.5M", 1_500_000, true}, {"1G", 1_000_000_000, true}, {"0", 0, true},
		{"", 0, false}, {"M", 0, false}, {"-5", 0, false}, {"1.5", 0, false}, {"0.0001k", 0, false},
		{"1e6", 0, false}, {"0x10", 0, false}, {"10MM", 0, false}, {"_1", 0, false}, {".", 0, false}, {"9999999999999G", 0, false}, {"1..5M", 0, false},
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
	if r.Set("50k/s") != nil || r.PerSecond != 50000 || r.String() != "50000/s" {
		t.Errorf("Rate: %+v %s", r, r.String())
	}
	var p PortRange
	for _, bad := range []string{"10000", "10000:0", "0:5", "65000:1000", "a:b", "1:99999999999999999999", "5:9223372036854775807"} {
		if p.Set(bad) == nil {
			t.Errorf("PortRange.Set(%q) is taken", bad)
		}
	}
	if p.Set("10000:200") != nil || p.Last() != 10199 || !p.Contains(10199) || p.Contains(10200) || p.String() != "10000:200" {
		t.Errorf("PortRange: %+v", p)
	}
	if !p.Overlaps(PortRange{10199, 1}) || p.Overlaps(PortRange{10200, 1}) || p.Overlaps(PortRange{}) {
		t.Error("Overlaps")
	}
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Size
		text string
	}{
		{"64", 64, "64"}, {"64B", 64, "64"}, {"64k", 65536, "64k"}, {"64KiB", 65536, "64k"}, {"1M", 1 << 20, "1M"}, {"1.5MiB", 3 << 19, "1536k"},
		{"16777216", 16 << 20, "16M"}, {"65_536", 65536, "64k"}, {"1G", 1 << 30, "1G"}, {"0", 0, "0"},
	} {
		var s Size
		if err := s.Set(tt.in); err != nil || s != tt.want || s.String() != tt.text {
			t.Errorf("%q: %d %s, %v; want %d %s", tt.in, s, s.String(), err, tt.want, tt.text)
		}
	}
	for _, bad := range []string{"", "k", "KiB", "iB", "1Ki", "-1", "1.3", "1e6", "2048G", "64kB5", "0x10", "1..5M", "1kk"} {
		s := Size(7)
		if s.Set(bad) == nil || s != 7 {
			t.Errorf("%q is taken as %d", bad, s)
		}
	}
}
