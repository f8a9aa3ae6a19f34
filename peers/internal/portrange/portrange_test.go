package portrange

import (
	"net/netip"
	"testing"
)

func TestSet(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     Range
		bad      bool
	}{
		{name: "usual", in: "10000:200", want: Range{10000, 200}},
		{name: "all", in: "1:65535", want: Range{1, 65535}},
		{name: "last", in: "65535:1", want: Range{65535, 1}},
		{name: "past the end", in: "65535:2", bad: true},
		{name: "port 0", in: "0:1", bad: true},
		{name: "none", in: "10000:0", bad: true},
		{name: "no count", in: "10000", bad: true},
		{name: "huge count", in: "1:9223372036854775807", bad: true},
		{name: "not a number", in: "a:b", bad: true},
		{name: "empty", in: "", bad: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r Range
			err := r.Set(tt.in)
			if (err != nil) != tt.bad || r != tt.want {
				t.Errorf("Set(%q) = %v, %v, want %v, bad %v", tt.in, r, err, tt.want, tt.bad)
			}
			if err == nil && r.String() != tt.in {
				t.Errorf("String() = %q, want %q", r.String(), tt.in)
			}
		})
	}
}

func TestOn(t *testing.T) {
	got := Range{First: 65534, N: 2}.On(netip.MustParseAddr("::1"))
	want := []string{"[::1]:65534", "[::1]:65535"}
	for i, a := range got {
		if a.String() != want[i] {
			t.Errorf("On: address %d = %v, want %s", i, a, want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("On: %d addresses, want %d", len(got), len(want))
	}
}
