package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
)

// sheet is a whole report, however it is written: of a run as page and as Markdown,
// of a comparison, and of several results at once (Document). Text, page, Markdown
// and CSV render its sections, so they cannot differ in what they say.
type sheet struct {
	Kind, Title string // what stands above the title of the page, and the title
	Verdict     *badge
	Facts       []string // sentences below the title
	Tiles       []tile   // of the page
	Sections    []section
	Foot        string // of the page
}

type badge struct{ Class, Word, Said string }

// tile is one figure that is looked for first.
type tile struct{ Name, Value, Note string }

// ordered are the sections as a page has them, which is read from its top: those
// that a reader looks for are first. On a terminal the end is what stays in sight.
func (s sheet) ordered() (list []section) {
	var rest []section
	for _, one := range s.Sections {
		if one = one.onPage(); one.first() {
			list = append(list, one)
		} else {
			rest = append(rest, one)
		}
	}
	return append(list, rest...)
}

// text writes the sheet for a terminal or a log.
func (s sheet) text(w io.Writer, o Options) error {
	t := newText(o)
	t.printf("%s\n", t.paint(bold, wrap("", s.Title, t.width)))
	for _, fact := range s.Facts {
		t.printf("%s\n", wrap("  ", fact, t.width))
	}
	if b := s.Verdict; b != nil {
		t.printf("%s\n", strings.Replace(wrap("", b.Word+": "+b.Said, t.width), b.Word,
			t.paint(classColors[b.Class], b.Word), 1))
	}
	for _, one := range s.Sections {
		t.section(one)
	}
	return t.finish(w, o)
}

// markdown writes the sheet as GitHub Flavored Markdown.
func (s sheet) markdown(w io.Writer) error {
	var b markdown
	b.printf("# %s\n", escaped(s.Title))
	if v := s.Verdict; v != nil {
		b.printf("\n**%s** %s\n", v.Word, escaped(v.Said))
	}
	for _, fact := range s.Facts {
		b.printf("\n%s\n", escaped(fact))
	}
	for _, one := range s.Sections {
		if one = one.onPage(); !one.empty() {
			b.section(one)
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

// csv writes the rows of the last section that has any, RFC 4180, under a header.
// What was not measured is empty.
func (s sheet) csv(w io.Writer) error {
	i := len(s.Sections) - 1
	for i >= 0 && len(s.Sections[i].CSV.list) == 0 {
		i--
	}
	if i < 0 {
		return ErrNoSeries
	}
	var b strings.Builder
	out := csv.NewWriter(&b)
	_ = out.Write(s.Sections[i].CSV.head) // to memory
	for _, row := range s.Sections[i].CSV.list {
		cells := make([]string, len(row))
		for j, v := range row {
			cells[j] = csvCell(v)
		}
		_ = out.Write(cells)
	}
	out.Flush()
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write series: %w", err)
	}
	return nil
}

// html writes the sheet as one page that needs nothing else.
func (s sheet) html(w io.Writer) error {
	s.Sections = slices.DeleteFunc(s.ordered(), func(one section) bool {
		one.Heat = nil // it is among the plots
		return one.empty()
	})
	return page{sheet: s}.write(w)
}
