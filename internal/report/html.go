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
	sheet
	Policy string // Content-Security-Policy
	Style  template.CSS
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
	p.Policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'"
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
	p := sheet{Kind: "c10m report", Title: r.Scenario,
		Foot: "Written by c10m from a result file, schema " + r.Schema + "."}
	if said := Verdict(r); said != "" {
		p.Facts = []string{said}
	}
	p.Facts = append(p.Facts, sentenceOf(machine(r)))
	opened := r.Plan.Conns > 0 || r.Conns.Attempted > 0
	if opened {
		word, said := verdict(r)
		p.Verdict = &badge{class(word), word, said}
		p.Title = title(r)
		p.Facts = append(p.Facts, sentenceOf(asked(r)))
		p.Tiles = tiles(r)
		p.Sections = []section{plotSection(r)}
	}
	p.Sections = append(p.Sections, foundSections(r)...)
	if opened {
		p.Sections = append(p.Sections, openedSections(r)...)
	}
	p.Sections = append(p.Sections, machineSection(r), rerunSection(r.Command))
	return p.html(w)
}

// title names a run.
func title(r *result.Result) string {
	return fmt.Sprintf("%s over %s: %s", r.Scenario, spoken(r), Plural(r.Plan.Conns, "connection"))
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
