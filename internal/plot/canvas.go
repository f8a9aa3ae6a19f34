package plot

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// canvas collects the elements of one SVG.
type canvas struct {
	strings.Builder
	width, height float64
}

// The size of text in pixels, and about how wide a character is.
const (
	fontSize  = 12
	charWidth = 6.6
	lineHigh  = 18
)

// textWidth is about how many pixels a text takes.
func textWidth(s string) float64 { return charWidth * float64(utf8.RuneCountInString(s)) }

// attr is an attribute; pixels are written with one decimal.
type attr struct {
	name  string
	value any // string or float64
}

// open writes the beginning of the picture. width and height must be set.
func (c *canvas) open(f Frame, kind string) {
	c.start("svg", attr{"xmlns", "http://www.w3.org/2000/svg"}, attr{"class", "plot plot-" + kind},
		attr{"viewBox", "0 0 " + pixels(c.width) + " " + pixels(c.height)}, attr{"role", "img"},
		attr{"preserveAspectRatio", "xMidYMid meet"})
	c.text("title", f.Title)
	if f.Desc != "" {
		c.text("desc", f.Desc)
	}
	if f.Standalone {
		c.text("style", CSS)
		c.shape("rect", attr{"class", "plot-back"}, attr{"width", c.width}, attr{"height", c.height})
		c.text("text", f.Title, attr{"class", "plot-title"}, attr{"x", 8.0}, attr{"y", 20.0})
	}
}

// close writes the end of the picture and returns all of it.
func (c *canvas) close() string {
	c.end("svg")
	return c.String()
}

func (c *canvas) tag(name string, attrs []attr, end string) {
	c.WriteString("<" + name)
	for _, a := range attrs {
		c.WriteString(" " + a.name + `="`)
		switch v := a.value.(type) {
		case float64:
			c.WriteString(pixels(v))
		case string:
			c.escape(v)
		}
		c.WriteByte('"')
	}
	c.WriteString(end)
}

func (c *canvas) start(name string, attrs ...attr) { c.tag(name, attrs, ">") }
func (c *canvas) end(name string)                  { c.WriteString("</" + name + ">\n") }

// shape writes an element without content.
func (c *canvas) shape(name string, attrs ...attr) { c.tag(name, attrs, "/>\n") }

// text writes an element that holds only text.
func (c *canvas) text(name, s string, attrs ...attr) {
	c.tag(name, attrs, ">")
	c.escape(s)
	c.end(name)
}

// label writes a text that is anchored at x: "middle" or "end".
func (c *canvas) label(s, class, anchor string, x, y float64) {
	c.text("text", s, attr{"class", class}, attr{"text-anchor", anchor}, attr{"x", x}, attr{"y", y})
}

// rule draws a straight line from x1,y1 to x2,y2.
func (c *canvas) rule(class string, x1, x2, y1, y2 float64) {
	c.shape("line", attr{"class", class}, attr{"x1", x1}, attr{"x2", x2}, attr{"y1", y1}, attr{"y2", y2})
}

// titled writes a shape with a title element, which browsers show when the pointer is
// over it.
func (c *canvas) titled(name, s string, attrs ...attr) {
	c.tag(name, attrs, ">")
	c.text("title", s)
	c.end(name)
}

// escape writes s as XML character data; what XML cannot hold becomes U+FFFD.
func (c *canvas) escape(s string) { _ = xml.EscapeText(&c.Builder, []byte(s)) }

// pixels writes a coordinate. The scales make none that is not finite.
func pixels(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 {
		return "0"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// path is the d attribute of a path that joins points by straight lines.
func path(points [][2]float64) string {
	var b strings.Builder
	for i, p := range points {
		switch i {
		case 0:
			b.WriteString("M")
		case 1:
			b.WriteString("L")
		default:
			b.WriteString(" ")
		}
		b.WriteString(pixels(p[0]) + " " + pixels(p[1]))
	}
	return b.String()
}
