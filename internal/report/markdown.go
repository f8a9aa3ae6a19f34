package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// WriteMarkdown writes a result as GitHub Flavored Markdown, for an issue or a
// page of documentation: the same sections as the text and the page.
func WriteMarkdown(w io.Writer, r *result.Result) error {
	r = legible(r)
	p := sheet{Title: r.Scenario}
	facts := machine(r)
	opened := r.Plan.Conns > 0 || r.Conns.Attempted > 0
	if opened {
		word, said := verdict(r)
		p.Title, p.Verdict = title(r), &badge{class(word), word, said}
		facts = append(facts, asked(r)...)
		p.Sections = openedSections(r)
	}
	if said := Verdict(r); said != "" {
		p.Facts = []string{said}
	}
	p.Facts = append(p.Facts, sentenceOf(facts))
	p.Sections = append(append(p.Sections, foundSections(r)...), rerunSection(r.Command))
	return p.markdown(w)
}

// markdown is a document as it grows.
type markdown struct{ strings.Builder }

func (m *markdown) printf(format string, args ...any) { _, _ = fmt.Fprintf(m, format, args...) }

// section writes what a section says; what only a plot shows is left out.
func (m *markdown) section(s section) {
	if len(s.Tables)+len(s.Warnings)+len(s.Items)+len(s.Notes) == 0 && s.Code == "" {
		return
	}
	m.printf("\n## %s\n", escaped(s.Title))
	m.body(s)
}

// body is a section without its title.
func (m *markdown) body(s section) {
	for _, w := range s.Warnings {
		m.printf("\n* %s\n", escaped(w))
	}
	for _, t := range s.Tables {
		m.table(t, t.Title != s.Title)
	}
	for i, item := range s.Items {
		if i == 0 {
			m.printf("\n")
		}
		m.printf("* %s\n", escaped(item))
	}
	for _, note := range s.Notes {
		m.printf("\n%s\n", escaped(note))
	}
	if s.Code != "" {
		m.printf("\n%s\n%s\n%[1]s\n", fence(s.Code), s.Code)
	}
}

// table writes a table, with its title above it where it has one of its own.
func (m *markdown) table(t table, titled bool) {
	if titled {
		m.printf("\n**%s**\n", escaped(t.Title))
	}
	values, words := len(t.Head), false
	for _, row := range t.Rows {
		values, words = max(values, len(row.Values)), words || row.Note != ""
	}
	head, rule := []string{t.First}, []string{"---"}
	for i := range values {
		name := ""
		if i < len(t.Head) {
			name = t.Head[i]
		}
		align := "---:"
		if i < len(t.Texts) && t.Texts[i] {
			align = "---"
		}
		head, rule = append(head, name), append(rule, align)
	}
	if words {
		head, rule = append(head, t.Words), append(rule, "---")
	}
	m.printf("\n")
	m.row(head)
	m.printf("| %s |\n", strings.Join(rule, " | "))
	for _, row := range t.Rows {
		cells := append([]string{row.Name}, row.Values...)
		for len(cells) < 1+values {
			cells = append(cells, "")
		}
		if words {
			cells = append(cells, row.Note)
		}
		m.row(cells)
	}
}

func (m *markdown) row(cells []string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(escaped(strings.TrimSpace(c)), "|", `\|`)
	}
	m.printf("| %s |\n", strings.Join(cells, " | "))
}

// escaped keeps words from being taken for marks or for HTML: what is in a result
// file may come from anybody.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, "<", "&lt;", ">",
		"&gt;", "&", "&amp;", "#", `\#`, "\n", " ").Replace(s)
}

// fence is longer than any run of backquotes in what it encloses.
func fence(code string) string {
	f := "```"
	for strings.Contains(code, f) {
		f += "`"
	}
	return f
}
