package unit

import (
	"flag"
	"strings"
	"testing"
	"time"
)

// again sees that what a flag value writes of itself is read back as the same.
func again(t *testing.T, in string, v, w flag.Value) {
	t.Helper()
	said := v.String()
	if err := w.Set(said); err != nil || w.String() != said {
		t.Errorf("%q is kept as %q, and that as %q, %v", in, said, w.String(), err)
	}
}

// oneLine sees that an error fits the one line of bad usage.
func oneLine(t *testing.T, in string, err error) {
	t.Helper()
	if strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("%q: the error has several lines: %q", in, err)
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"auto", "10M", "0", "-1", "1_000", "1.5k", "9223372036854775807", "1e9", "+5", " 5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var c Count
		if err := c.Set(s); err != nil {
			oneLine(t, s, err)
			return
		}
		if !c.Auto && (c.N < 1 || c.N > MaxCount) {
			t.Errorf("%q is taken for %d", s, c.N)
		}
		again(t, s, &c, &Count{})
	})
}

func FuzzRate(f *testing.F) {
	for _, s := range []string{"max", "50000", "50k/s", "1.5M/s", "0", "/s", "-1/s", "1/s/s", "NaN", "Inf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var r Rate
		if err := r.Set(s); err != nil {
			oneLine(t, s, err)
			return
		}
		if s != "max" && (r < 1 || r > MaxCount) {
			t.Errorf("%q is taken for %g a second", s, float64(r))
		}
		again(t, s, &r, new(Rate))
	})
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"64", "8KiB", "8k", "1MB", "1.5GiB", "1024T", "2048T", "0.3B", "-1", "1e3", "k",
		"1_000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v Size
		if err := v.Set(s); err != nil {
			oneLine(t, s, err)
			return
		}
		if v < 0 || v > MaxSize {
			t.Errorf("%q is taken for %d bytes", s, v)
		}
		again(t, s, &v, new(Size))
	})
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"10s", "1d", "1d12h", "1.5d", "-1d", "10", "0", "106751d", "106752d", "1h30m", "d",
		"1µs", "9223372036854775807ns"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v Duration
		if err := v.Set(s); err != nil {
			oneLine(t, s, err)
			return
		}
		again(t, s, &v, new(Duration))
		if said := Time(time.Duration(v)); said == "" || strings.Contains(said, "--") {
			t.Errorf("%q is shown as %q", s, said)
		}
	})
}

func FuzzPorts(f *testing.F) {
	for _, s := range []string{"none", "10000:200", "1:65535", "65535:1", "0:1", "65535:2", "1:0", "-5:10",
		"9223372036854775807:5", "9223372036854775800:65535", ":", "1:", "1:2:3", "0x10:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var p Ports
		if err := p.Set(s); err != nil {
			oneLine(t, s, err)
			return
		}
		if p.N != 0 && (p.First < 1 || p.Last() < p.First || p.Last() > 65535) {
			t.Errorf("%q is taken for ports %d..%d", s, p.First, p.Last())
		}
		if p.N != 0 && (!p.Contains(p.First) || !p.Contains(p.Last()) || p.Contains(p.First-1) ||
			p.Contains(p.Last()+1) || !p.Overlaps(p)) {
			t.Errorf("%q: %+v does not know its own ports", s, p)
		}
		again(t, s, &p, &Ports{})
	})
}
