package plot

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/tests/golden"
)

// ramp is a curve that slows down.
func ramp(n int, end, top float64) (list []Point) {
	for i := range n + 1 {
		x := float64(i) / float64(n)
		list = append(list, Point{end * x, top * (4*x - x*x) / 3})
	}
	return list
}

func samples() map[string]string {
	fitted := Line{Frame: Frame{Title: "Memory over connections", Desc: "8,557 bytes a connection, r² 0.99997."},
		X: Axis{Title: "connections", Unit: unit.CountScale}, Y: Axis{Title: "memory in use", Unit: unit.BytesScale},
		Series: []Series{{Name: "measured", Style: Dots, Points: ramp(12, 2.5e6, 21e9)},
			{Name: "8,557 B a connection, r² 0.99997", Style: Dashed, Points: []Point{{0, 0}, {2.5e6, 21.4e9}}}}}
	percentiles := Percentiles{Frame: Frame{Title: "Latency"}, Y: Axis{Title: "connect", Unit: unit.NanosScale},
		Series: []Series{{Name: "connect", Points: []Point{{0, 20e3}, {0.5, 87e3}, {0.9, 307e3}, {0.99, 1055e3},
			{0.999, 18e6}, {1, 120e6}}},
			{Name: "echo", Points: []Point{{0.5, 8e6}, {0.9, 236e6}, {0.99, 258e6}, {0.999, 1.2e9}, {1, 9.9e9}}}}}
	caches := Bars{Frame: Frame{Title: "Slab caches"}, X: Axis{Title: "bytes a connection", Unit: unit.PlainBytesScale},
		Bars: []Bar{{"kernel, both ends", []Part{{"TCP", 5040.8}, {"sock_inode_cache", 1723.5}, {"filp", 384},
			{"other", 22.5}, {"shrunk", -3}}}}}
	two := caches
	two.Bars = append(two.Bars, Bar{"baseline", []Part{{"TCP", 4096}, {"dentry", 400}}})
	narrow, alone := fitted, fitted
	narrow.Width, alone.Standalone = Narrow, true
	return map[string]string{
		"rate": Line{Frame: Frame{Title: "Setup rate"}, X: Axis{Title: "time", Unit: unit.SecondsScale},
			Y: Axis{Title: "per second", Unit: unit.CountScale}, Series: []Series{{Points: ramp(100, 40.9, 60e3)}}}.SVG(),
		"lines": Line{X: Axis{Title: "x"}, Y: Axis{Title: "y", Tight: true},
			Series: []Series{{Name: "a", Points: ramp(60, 1, 1)}, {Name: "b", Points: ramp(60, 1, 2)},
				{Name: "c", Points: ramp(5, 1, 3)}}}.SVG(),
		"fitted":      fitted.SVG(),
		"narrow":      narrow.SVG(),
		"standalone":  alone.SVG(),
		"percentiles": percentiles.SVG(),
		"bars":        caches.SVG(),
		"two_bars":    two.SVG(),
		"area": Area{Frame: Frame{Title: "Memory by owner"}, X: Axis{Title: "connections", Unit: unit.CountScale},
			Y: Axis{Title: "memory", Unit: unit.BytesScale},
			Layers: []Series{{Name: "kernel", Points: ramp(20, 1e6, 8e9)}, {Name: "server", Points: ramp(10, 1e6, 4e8)},
				{Name: "client", Points: []Point{{0, 1e8}, {1e6, 2e9}}}}}.SVG(),
		"heat": Heat{Frame: Frame{Title: "Latency over time"}, X: Axis{Title: "time", Unit: unit.SecondsScale},
			Y: Axis{Title: "echo", Unit: unit.NanosScale}, Step: 0.5,
			Bounds: []float64{64e3, 128e3, 256e3, 512e3}, Counts: [][]int64{{0, 990, 9, 1}, {0, 500, 400, 100, 1}, {},
				{0, 0, 10, 10, 0, 7}}}.SVG(),
		"empty":  Line{Frame: Frame{Title: "Nothing"}}.SVG(),
		"single": Line{Series: []Series{{Name: "one", Points: []Point{{3, 7}}}}}.SVG(),
	}
}

func TestGolden(t *testing.T) {
	for name, got := range samples() {
		golden.Compare(t, filepath.Join("testdata", name+".svg"), got)
		if err := sound(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var numeric = regexp.MustCompile(`^[-0-9. MLZ]*$`)

// sound says what is wrong with an SVG: not well-formed, a coordinate that is
// no number or lies outside the picture.
func sound(svg string) error {
	d := xml.NewDecoder(strings.NewReader(svg))
	var width, height float64
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not well-formed: %w", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if n := e.Name.Local; n == "script" || n == "a" || n == "image" || n == "use" {
			return fmt.Errorf("there is a %s element", n)
		}
		for _, a := range e.Attr {
			n, v := a.Name.Local, a.Value
			switch {
			case n == "viewBox":
				if k, err := fmt.Sscanf(v, "0 0 %g %g", &width, &height); k != 2 || err != nil || width <= 0 || height <= 0 {
					return fmt.Errorf("viewBox %q", v)
				}
			case n == "id" || n == "style" || strings.HasPrefix(n, "on"):
				return fmt.Errorf("attribute %s", n)
			case strings.Contains(" x y x1 x2 y1 y2 cx cy r width height d ", " "+n+" "):
				if !numeric.MatchString(v) || v == "" {
					return fmt.Errorf("%s %s=%q is not numbers", e.Name.Local, n, v)
				}
				for _, word := range strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(" MLZ", r) }) {
					var f float64
					if k, err := fmt.Sscanf(word, "%g", &f); k != 1 || err != nil || f < -10 || f > max(width, height)+10 {
						return fmt.Errorf("%s %s=%q leaves the picture of %g × %g", e.Name.Local, n, v, width, height)
					}
				}
			}
		}
	}
}

// odd are values that plots stumble over.
var odd = []float64{0, math.Copysign(0, -1), 1, -1, 1e-300, 5e-324, 1e-9, 0.1, 1 << 30, 1e15, 1e99, -1e99, 1e100, 1e101,
	math.MaxFloat64, -math.MaxFloat64,
	math.Inf(1), math.Inf(-1), math.NaN(), 0.999999999999, 1 - 1e-9}

var names = []string{"", "a", `</svg><script>alert("x")</script>`, "a&b'\"<>", "\x00\x1b[31m\ufffe\xff",
	strings.Repeat("long ", 100), "größe × 2"}

// Any input draws: well-formed, inside the picture, each text escaped.
func TestAnyInput(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	value := func() float64 {
		if r.IntN(2) == 0 {
			return odd[r.IntN(len(odd))]
		}
		return r.NormFloat64() * math.Pow(10, float64(r.IntN(30)-10))
	}
	name := func() string { return names[r.IntN(len(names))] }
	axis := func() Axis {
		units := []unit.Scale{nil, unit.CountScale, unit.BytesScale, unit.PlainBytesScale, unit.SecondsScale,
			unit.NanosScale, unit.PercentScale, {{Size: 0, Name: "none"}},
			{{Size: -1, Name: "less"}, {Size: math.NaN(), Name: "nan"}}}
		return Axis{Title: name(), Unit: units[r.IntN(len(units))], Log: r.IntN(3) == 0, Tight: r.IntN(3) == 0}
	}
	series := func() (list []Series) {
		for range r.IntN(11) {
			s := Series{Name: name(), Style: Style(r.IntN(3))}
			for range []int{0, 1, 2, 3, 70}[r.IntN(5)] {
				s.Points = append(s.Points, Point{value(), value()})
			}
			list = append(list, s)
		}
		return list
	}
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	for i := range rounds {
		f := Frame{Title: name(), Desc: name(), Standalone: r.IntN(4) == 0, Width: r.IntN(5) * 180, Height: r.IntN(3) * 50}
		bars := Bars{Frame: f, X: axis()}
		for _, s := range series() {
			b := Bar{Name: s.Name}
			for _, p := range s.Points {
				b.Parts = append(b.Parts, Part{name(), p.X})
			}
			bars.Bars = append(bars.Bars, b)
		}
		heat := Heat{Frame: f, X: axis(), Y: axis(), Step: value()}
		for range r.IntN(3) * 40 {
			heat.Bounds = append(heat.Bounds, value())
			column := make([]int64, r.IntN(50))
			for i := range column {
				column[i] = []int64{0, 0, -5, 3, math.MaxInt64, math.MinInt64}[r.IntN(6)]
			}
			heat.Counts = append(heat.Counts, column)
		}
		for kind, svg := range map[string]string{
			"heat": heat.SVG(),
			"line": Line{Frame: f, X: axis(), Y: axis(), Series: series()}.SVG(), "area": Area{Frame: f, X: axis(),
				Y: axis(), Layers: series()}.SVG(),
			"percentiles": Percentiles{Frame: f, Y: axis(), Series: series()}.SVG(), "bars": bars.SVG(),
		} {
			if err := sound(svg); err != nil {
				t.Fatalf("%s, round %d: %v\n%.3000s", kind, i, err, svg)
			}
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
				t.Fatalf("%s, round %d: NaN or Inf\n%s", kind, i, svg)
			}
		}
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		axis   Axis
		lo, hi float64
		want   string
	}{
		{Axis{Title: "conns", Unit: unit.CountScale}, 0, 2.5e6, "conns (million): 0 0.5 1.0 1.5 2.0 2.5"},
		{Axis{Title: "conns", Unit: unit.CountScale}, 0, 5000, "conns: 0 1,000 2,000 3,000 4,000 5,000"},
		{Axis{Title: "mem", Unit: unit.BytesScale}, 1 << 30, 21 << 30, "mem (GiB): 0 5 10 15 20 25"},
		{Axis{Title: "time", Unit: unit.SecondsScale}, 0, 0.04, "time (ms): 0 10 20 30 40"},
		{Axis{Title: "t", Unit: unit.NanosScale, Log: true}, 20e3, 120e6, "t: 10 µs 100 µs 1 ms 10 ms 100 ms 1 s"},
		{Axis{Title: "t", Unit: unit.NanosScale, Log: true}, 20, 70, "t: 10 ns 20 ns 50 ns 100 ns"},
		{Axis{Title: "share", Unit: unit.PercentScale}, 0, 1, "share (%): 0 20 40 60 80 100"},
		{Axis{Title: "all", Tight: true}, 100, 101, "all: 100.0 100.2 100.4 100.6 100.8 101.0"},
		{Axis{Title: "one"}, 7, 7, "one: 0 2 4 6 8"},
		{Axis{Title: "none"}, 0, 0, "none: 0 0.2 0.4 0.6 0.8 1.0"},
		{Axis{Title: "below"}, -3, 2, "below: −3 −2 −1 0 1 2"},
	} {
		s := newScale(tt.axis, []float64{tt.lo, tt.hi}, 5, true)
		var labels []string
		for _, k := range s.ticks {
			labels = append(labels, k.label)
		}
		if got := s.title + ": " + strings.Join(labels, " "); got != tt.want {
			t.Errorf("%v..%v: %s, want %s", tt.lo, tt.hi, got, tt.want)
		}
	}
}

func TestLabel(t *testing.T) {
	for _, tt := range []struct {
		unit unit.Scale
		v    float64
		want string
	}{
		{unit.PlainBytesScale, 8283, "8,283 B"}, {unit.BytesScale, 1536, "1.5 KiB"},
		{unit.NanosScale, 1.25e6, "1.25 ms"}, {unit.NanosScale, 87000, "87 µs"}, {unit.CountScale, 1234567, "1.23 million"},
		{nil, 0.05, "0.05"}, {nil, -1.5, "−1.5"}, {nil, 1e20, "1e+20"}, {unit.PercentScale, 0.995, "99.5 %"},
		{unit.SecondsScale, 0, "0 ns"},
	} {
		if got := tt.unit.Label(tt.v); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.v, got, tt.want)
		}
	}
	for x, want := range map[float64]string{1: "0%", 2: "50%", 10: "90%", 100: "99%", 1000: "99.9%", 1e6: "99.9999%"} {
		if got := nines(x); got != want {
			t.Errorf("nines(%g) = %q, want %q", x, got, want)
		}
	}
}
