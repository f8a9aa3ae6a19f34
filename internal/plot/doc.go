// Package plot draws series of numbers as SVG 1.1 that stands inside a page or
// alone. It is pure: values in, a string out.
//
// Five plots share one frame: Line (curves, dots, fitted lines), Area (layers
// stacked over a common axis), Bars (horizontal, stacked), Percentiles (values
// over shares, both axes logarithmic) and Heat (shares of columns in rows). Each
// is a struct whose SVG method draws it:
//
//	svg := plot.Line{
//		Frame:  plot.Frame{Title: "Setup rate", Desc: "Rises to 60,000 per second within 1 s."},
//		X:      plot.Axis{Title: "time", Unit: unit.SecondsScale},
//		Y:      plot.Axis{Title: "connections per second", Unit: unit.CountScale},
//		Series: []plot.Series{{Name: "c10m", Points: points}},
//	}.SVG()
//
// What comes out is safe to embed as it is: every text is escaped, control
// characters are replaced, and there are no scripts, no links, no ids (so two
// plots on one page cannot disturb each other) and no style attributes (so it
// passes a strict Content-Security-Policy). Any input draws: points that are
// NaN, infinite or beyond ±1e100 are left out, a plot without a point says "no
// data".
//
// Colors come from CSS. A page puts plot.CSS into its style sheet once; it
// follows prefers-color-scheme, and prints. A page with colors of its own sets
// the custom properties --plot-1 .. --plot-8, --plot-text, --plot-grid. No plot
// relies on color alone: lines differ in their dashes and marks, layers and parts
// carry the number that the legend gives them, and a heat map is light and dark. A
// plot scales with the width of its container. On a phone its text would then be too
// small to read, so draw it once more with Width: Narrow, and let the page show one of
// the two.
package plot
