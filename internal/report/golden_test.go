package report

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
	kept "github.com/c10m/c10m/tests/golden"
)

// golden compares with testdata/name.golden.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	kept.Compare(t, filepath.Join("testdata", name+".golden"), string(got))
}

func TestWriteText(t *testing.T) {
	tests := []struct {
		name string
		in   *result.Result
		opt  Options
	}{
		{"full", full(), Options{}},
		{"seen", seen(), Options{}},
		{"minimal", minimal(), Options{}},
		{"failed", failed(), Options{Width: 80}},
		{"interrupted", interrupted(), Options{Width: 100}},
		{"narrow", full(), Options{Width: 40}}, // tables need 60
		{"ascii", full(), Options{ASCII: true}},
		{"color", failed(), Options{Color: true}},
		{"lab", lab(), Options{}},
		{"fleet", fleet(), Options{}},
		{"chat", chat(), Options{}},
		{"stages", staged(), Options{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := WriteText(&b, tt.in, tt.opt); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, b.Bytes())
			for line := range strings.Lines(withoutColor(b.String())) {
				line = strings.TrimSuffix(line, "\n")
				if n := columns(line); n > tt.opt.width() {
					t.Errorf("%d columns, at most %d: %s", n, tt.opt.width(), line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("space at the end of %q", line)
				}
			}
		})
	}
}

func withoutColor(s string) string {
	for _, c := range []string{"0", bold, red, green, yellow} {
		s = strings.ReplaceAll(s, "\x1b["+c+"m", "")
	}
	return s
}

// Color changes nothing but the color.
func TestColorIsOnlyPaint(t *testing.T) {
	for _, r := range []*result.Result{full(), failed(), interrupted()} {
		var plain, painted bytes.Buffer
		if err := WriteText(&plain, r); err != nil {
			t.Fatal(err)
		}
		if err := WriteText(&painted, r, Options{Color: true}); err != nil {
			t.Fatal(err)
		}
		if plain.String() != withoutColor(painted.String()) || plain.String() == painted.String() {
			t.Errorf("painted:\n%s\nplain:\n%s", painted.String(), plain.String())
		}
	}
}

func TestASCIIIsASCII(t *testing.T) {
	r := full()
	r.Warnings = warned("Grüße − 300 µs ≥ 2 × 150 µs")
	var b bytes.Buffer
	if err := WriteText(&b, r, Options{ASCII: true}); err != nil {
		t.Fatal(err)
	}
	for i, c := range b.Bytes() {
		if c > 127 {
			t.Fatalf("byte %d is %#x: %q", i, c, b.String())
		}
	}
	if !strings.Contains(b.String(), "warning: Gr??e - 300 us ? 2 x 150 us\n") {
		t.Error(b.String())
	}
}
