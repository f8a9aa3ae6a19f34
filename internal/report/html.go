package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/result"
)

var (
	//go:embed page/page.tmpl
	pageText string
	//go:embed page/page.css
	pageCSS string

	pageTemplate = template.Must(template.New("page").Parse(pageText))
)

// page is what the template shows. Every string in it may come from a file or
// from a peer: html/template escapes them all; only the plots are written as
// they are, and they escape their own.
type page struct {
	Policy   string // Content-Security-Policy
	Style    template.CSS
	Kind     string // above the title
	Title    string
	Verdict  *badge
	Facts    []string
	Tiles    []tile
	Sections []section
	Foot     string
}

type badge struct{ Class, Word, Said string }

// tile is one figure that is looked for first.
type tile struct{ Name, Value, Note string }

type section struct {
	Title    string
	Class    string
	Warnings []string
	Figures  []figure
	Tables   []table
	Notes    []string
	Code     string
}

// figure is one plot in two widths; the page shows the one that fits. Without a
// plot the note says why there is none.
type figure struct {
	Caption, Note string
	Wide, Narrow  template.HTML
}

type table struct {
	Title   string
	Caption string   // the title, unless the section says it already
	First   string   // heads the names
	Head    []string // of the values
	Words   string   // of the notes
	Rows    []line
}

// line is a row of a table: values are aligned to the right, a note is words.
type line struct {
	Name   string
	Values []string
	Note   string
	Class  string
	Marks  map[int]string // classes of single values, by their index
}

func (t *table) add(name string, values ...string) {
	t.Rows = append(t.Rows, line{Name: name, Values: values})
}

// filled are the tables that have rows.
func filled(tables ...table) (list []table) {
	for _, t := range tables {
		if len(t.Rows) > 0 {
			list = append(list, t)
		}
	}
	return list
}

// The widths of the page's plots: two fit beside each other on a desk, one on a
// phone.
const (
	figureWide   = 540
	figureNarrow = 340
)

// drawn makes a figure of a plot that draw draws within a frame.
func drawn(caption, note string, draw func(plot.Frame) string) figure {
	frame := func(width int) plot.Frame { return plot.Frame{Title: caption, Desc: note, Width: width} }
	return figure{Caption: caption, Note: note,
		Wide: template.HTML(draw(frame(figureWide))), Narrow: template.HTML(draw(frame(figureNarrow)))}
}

// caption gives the tables their captions; one that would say what the section's
// title says is left out.
func (p page) caption() {
	for _, s := range p.Sections {
		for i, t := range s.Tables {
			if t.Title != s.Title {
				s.Tables[i].Caption = t.Title
			}
		}
	}
}

// write writes the page with its style, which is the only thing that the policy
// lets it use: no script, no network, no form.
func (p page) write(w io.Writer) error {
	p.caption()
	style := pageCSS + plot.CSS
	sum := sha256.Sum256([]byte(style))
	p.Style = template.CSS(style)
	p.Policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// WriteHTML writes a result as one page that needs nothing else: it opens from
// disk, prints, and follows the reader's light or dark scheme.
func WriteHTML(w io.Writer, r *result.Result) error {
	p := page{Kind: "c10m report", Title: r.Scenario, Foot: "Written by c10m from a result file, schema " + r.Schema + "."}
	p.Facts = []string{sentenceOf(machine(r))}
	sections := []section{thresholdSection(r.Thresholds), warningSection(Warnings(r.Warnings)), findingSection(r.Findings)}
	opened := r.Plan.Conns > 0 || r.Conns.Attempted > 0
	if opened {
		word, said := verdict(r)
		p.Verdict = &badge{class(word), word, said}
		p.Title = fmt.Sprintf("%s over %s: %s", r.Scenario, r.Proto, plural(r.Plan.Conns, "connection"))
		p.Facts = append(p.Facts, sentenceOf(asked(r.Plan)))
		p.Tiles = tiles(r)
		sections = append(sections, plotSection(r))
	}
	if said := Verdict(r); said != "" {
		p.Facts = append([]string{said}, p.Facts...)
	}
	sections = append(sections, labSections(r)...)
	if opened {
		sections = append(sections, memorySection(r), connectionSection(r), answerSection(r.FirstFailure), messageSection(r), countSection(r))
	}
	for _, s := range append(sections, limitSection(r), machineSection(r), rerunSection(r.Command)) {
		if len(s.Figures)+len(s.Tables)+len(s.Warnings) > 0 || s.Code != "" {
			p.Sections = append(p.Sections, s)
		}
	}
	return p.write(w)
}

// class is the color of a verdict's word, which says the same.
func class(word string) string {
	switch word {
	case wordDone:
		return "good"
	case wordInterrupted:
		return "doubt"
	}
	return "bad"
}
