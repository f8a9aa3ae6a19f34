package tune

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/unit"
)

func TestRaise(t *testing.T) {
	tests := []struct {
		name      string
		kind      Kind
		now, want string
		next      string
		enough    bool
		ok        bool
	}{
		{"lower", AtLeast, "128", "4096", "4096", false, true},
		{"higher stays", AtLeast, "8192", "4096", "8192", true, true},
		{"equal", AtLeast, "4096\n", "4096", "4096", true, true},
		{"unsigned long", AtLeast, "18446744073709551615", "20000000", "18446744073709551615", true, true},
		{"unlimited", AtLeast, "unlimited", "20000000", "unlimited", true, true},
		{"not a number", AtLeast, "many", "1", "", false, false},
		{"empty", AtLeast, "", "1", "", false, false},
		{"hex", AtLeast, "0x10", "1", "", false, false},
		{"nonsense wanted", AtLeast, "1", "-", "", false, false},
		{"shared hash", Magnitude, "-262144", "65536", "-262144", true, true},
		{"small shared hash", Magnitude, "-262144", "1048576", "1048576", false, true},
		{"negative is not a size", AtLeast, "-262144", "65536", "65536", false, true},
		{"each of three", Triple, "100\t900\t1000", "200 300 2000", "200 900 2000", false, true},
		{"three are enough", Triple, "200 900 2000", "100 300 2000", "200 900 2000", true, true},
		{"two of three", Triple, "1 2", "1 2 3", "", false, false},
		{"descending", Triple, "3 2 1", "1 2 3", "", false, false},
		{"widened", Range, "32768\t60999", "1024 65535", "1024 65535", false, true},
		{"widened at one end", Range, "1000 60000", "1024 65535", "1000 65535", false, true},
		{"wide enough", Range, "1024 65535", "32768 60999", "1024 65535", true, true},
		{"upside down", Range, "60999 32768", "1024 65535", "", false, false},
		{"no ports", Range, "0 70000", "1024 65535", "", false, false},
		{"none reserved", PortSet, "", "9090,10000-10199", "9090,10000-10199", false, true},
		{"united", PortSet, "8080,10100-10300", "9090,10000-10199", "8080,9090,10000-10300", false, true},
		{"reserved already", PortSet, "1-65535", "9090", "1-65535", true, true},
		{"joined already", PortSet, "10000-10099,10100-10199", "10000-10199", "10000-10099,10100-10199", true, true},
		{"bad list", PortSet, "80-", "9090", "", false, false},
		{"port too large", PortSet, "", "65536", "", false, false},
		{"reuse on loopback is no number", Choice, "2", "2|1", "2", true, true},
		{"reuse everywhere wanted", Choice, "2", "1", "1", false, true},
		{"switch", Choice, "1", "0", "0", false, true},
		{"no word", Choice, " ", "0", "", false, false},
		{"little enough", AtMost, "20", "30", "20", true, true},
		{"too much", AtMost, "60", "30", "30", false, true},
		{"anything", AsIs, "60", "as it is", "60", true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			next, enough, err := Raise(tt.kind, tt.now, tt.want)
			if (err == nil) != tt.ok || next != tt.next || enough != tt.enough {
				t.Errorf("Raise(%q, %q) = %q, %v, %v; want %q, %v, ok %v", tt.now, tt.want, next, enough, err, tt.next,
					tt.enough, tt.ok)
			}
		})
	}
}

// checkRaised: what is to be written is enough, and lowers nothing.
func checkRaised(t *testing.T, k Kind, now, want, next string) {
	t.Helper()
	for _, old := range []string{now, want} {
		if _, enough, err := Raise(k, next, old); err != nil || !enough {
			t.Errorf("Raise(%d, %q, %q) gives %q, which is not enough for %q: %v", k, now, want, next, old, err)
		}
	}
	if again, enough, err := Raise(k, next, want); err != nil || !enough || again != clean(next) {
		t.Errorf("Raise(%d, %q, %q) gives %q, and again %q: %v", k, now, want, next, again, err)
	}
}

func FuzzRaise(f *testing.F) {
	for _, now := range []string{"", "128", "-1", "4096\t16384\t4194304", "32768\t60999", "80,443,10000-10199", "1",
		"18446744073709551616", "1 2 3 4", "0-65535", ",", "unlimited"} {
		f.Add(now, "4096")
		f.Add(now, "4096 16384 65536")
		f.Add(now, "1024 65535")
		f.Add(now, "9090,10000-10199")
	}
	f.Fuzz(func(t *testing.T, now, want string) {
		for _, k := range []Kind{AtLeast, Triple, Range, PortSet} {
			next, _, err := Raise(k, now, want)
			if err != nil {
				if next != "" {
					t.Errorf("Raise(%d, %q, %q) gives %q with error %v", k, now, want, next, err)
				}
				continue
			}
			if strings.ContainsAny(next, "\n\t;#=") {
				t.Errorf("Raise(%d, %q, %q) = %q: not for a sysctl file", k, now, want, next)
			}
			checkRaised(t, k, now, want, next)
		}
	})
}

func FuzzParsePorts(f *testing.F) {
	for _, s := range []string{"", "80", "80,81", "1-65535", "9090,10000-10199", "0", "5-1", "80,,81", " 80\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ports, err := ParsePorts(s)
		if err != nil {
			return
		}
		again, err := ParsePorts(FormatPorts(ports))
		if err != nil || !slices.Equal(ports, again) {
			t.Errorf("ParsePorts(%q) = %v, written and read again %v, %v", s, ports, again, err)
		}
	})
}

func FuzzParseCount(f *testing.F) {
	for _, s := range []string{"10M", "500k", "1.5M", "10_000_000", "", "M", "1e6", "-1", "9999999999999G", "..", "0.1G"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := unit.ParseCount(s)
		if err != nil {
			return
		}
		if n < 0 || n > unit.MaxCount {
			t.Errorf("ParseCount(%q) = %d", s, n)
		}
		if again, err := unit.ParseCount(strconv.FormatInt(n, 10)); err != nil || again != n {
			t.Errorf("ParseCount(%q) = %d, and of that %d, %v", s, n, again, err)
		}
	})
}
