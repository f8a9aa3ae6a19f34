package report

import (
	"io"
	"strings"

	"github.com/c10m/c10m/internal/plot"
)

// Document is a report of several results at once, like the comparison of servers:
// its parts become sections, and each form of it is written as that of a run's.
type Document struct {
	Kind, Title string   // of the page: what stands above its title, and the title
	Facts       []string // sentences below the title
	Parts       []Part
	Foot        string // of the page
}

// Part is a section of a Document: a table, what is to be said about it, and, in
// the page, plots.
type Part struct {
	Title string
	Table Table
	Items []string
	Plots []Plot
}

// Plot is a plot that a page draws in two widths.
type Plot struct {
	Title, Note string
	Draw        func(plot.Frame) string
}

func (p Part) section() section {
	s := section{Title: p.Title, Class: "full", Items: p.Items}
	if len(p.Table.Rows) > 0 {
		if p.Table.Title == "" {
			p.Table.Title = p.Title
		}
		s.Lab = &p.Table
	}
	for _, one := range p.Plots {
		s.Figures = append(s.Figures, drawn(one.Title, one.Note, one.Draw))
	}
	return s
}

// Markdown is the part without its title, to stand in another document.
func (p Part) Markdown() string {
	var b markdown
	b.body(p.section().onPage())
	return strings.TrimPrefix(b.String(), "\n")
}

func (d Document) sheet() sheet {
	s := sheet{Kind: d.Kind, Title: d.Title, Facts: d.Facts, Foot: d.Foot}
	for _, p := range d.Parts {
		s.Sections = append(s.Sections, p.section())
	}
	return s
}

// WriteMarkdown writes the document as GitHub Flavored Markdown.
func (d Document) WriteMarkdown(w io.Writer) error { return d.sheet().markdown(w) }

// WriteHTML writes the document as one page that needs nothing else.
func (d Document) WriteHTML(w io.Writer) error { return d.sheet().html(w) }
