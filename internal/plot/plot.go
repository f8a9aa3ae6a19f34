package plot

import (
	"math"

	"github.com/c10m/c10m/internal/unit"
)

// The sizes that pages use, in CSS pixels of the viewBox.
const (
	Wide   = 720
	Narrow = 360
)

// Frame is what every plot has around it.
type Frame struct {
	Title string // what the plot shows; for screen readers, and drawn if Standalone
	Desc  string // what can be seen in it, in a sentence; for screen readers
	// Width and Height are of the viewBox; 0 is Wide, and a height that suits.
	Width, Height int
	// Standalone is for a file of its own: the svg then contains its style, and its title
	// is drawn.
	Standalone bool
}

// Axis is one direction of a plot. A linear axis includes 0 unless it is Tight.
type Axis struct {
	Title string
	Unit  unit.Scale // nil: plain numbers
	Log   bool       // values of 0 and below are left out
	Tight bool       // the axis spans only the values, without 0
}

// Point is one value of a series.
type Point struct{ X, Y float64 }

// Style is how a series of a Line is drawn.
type Style int

// The styles.
const (
	Solid  Style = iota // a line; from the second series on with dashes of its own
	Dots                // one mark a point, no line: measurements
	Dashed              // a thin dashed line: a fit, a target, a limit
)

// Series is one line of a plot, or one layer of an Area.
type Series struct {
	Name   string // in the legend
	Points []Point
	Style  Style
}

// largest is the largest value that is drawn: with it all coordinates are finite.
const largest = 1e100

// drawable says whether a value has a place on an axis.
func (a Axis) drawable(v float64) bool {
	return math.Abs(v) <= largest && (!a.Log || v >= 1/largest) // false for NaN
}

// kept are the points that have a place on both axes.
func kept(points []Point, x, y Axis) []Point {
	list := make([]Point, 0, len(points))
	for _, p := range points {
		if x.drawable(p.X) && y.drawable(p.Y) {
			list = append(list, p)
		}
	}
	return list
}

// palette is how many colors, dashes and marks there are before they repeat.
const palette = 8
