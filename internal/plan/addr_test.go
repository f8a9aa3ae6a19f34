package plan

import "testing"

func TestParseAddr(t *testing.T) {
	for _, tt := range []struct{ in, want string }{ // "" for an error
		{"127.0.0.1", "127.0.0.1"},
		{"::ffff:127.0.0.1", "127.0.0.1"},
		{"::ffff:7f00:1", "127.0.0.1"},
		{"::1", "::1"},
		{"::", "::"},
		{"fe80::1%eth0", ""},
		{"::ffff:127.0.0.1%lo", ""},
		{"localhost", ""},
		{"", ""},
	} {
		got, err := ParseAddr(tt.in)
		if (err == nil) != (tt.want != "") || err == nil && got.String() != tt.want {
			t.Errorf("ParseAddr(%q) = %v, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}
