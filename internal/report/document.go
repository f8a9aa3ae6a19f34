package report

import (
	"fmt"
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
	s = s.onPage()
	for _, one := range p.Plots {
		s.Figures = append(s.Figures, drawn(one.Title, one.Note, one.Draw))
	}
	return s
}

// Markdown is the part without its title, to stand in another document.
func (p Part) Markdown() string {
	var b markdown
	b.body(p.section())
	return strings.TrimPrefix(b.String(), "\n")
}

// WriteMarkdown writes the document as GitHub Flavored Markdown.
func (d Document) WriteMarkdown(w io.Writer) error {
	var b markdown
	b.printf("# %s\n", escaped(d.Title))
	for _, fact := range d.Facts {
		b.printf("\n%s\n", escaped(fact))
	}
	for _, p := range d.Parts {
		b.section(p.section())
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

// WriteHTML writes the document as one page that needs nothing else.
func (d Document) WriteHTML(w io.Writer) error {
	p := page{Kind: d.Kind, Title: d.Title, Facts: d.Facts, Foot: d.Foot}
	for _, part := range d.Parts {
		p.Sections = append(p.Sections, part.section())
	}
	return p.write(w)
}
