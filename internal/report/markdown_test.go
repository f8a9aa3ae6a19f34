package report

import (
	"bytes"
	"errors"
	"html"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

func TestWriteMarkdown(t *testing.T) {
	var b bytes.Buffer
	for _, r := range []*result.Result{seen(), outcomes()[3], minimal()} {
		if err := WriteMarkdown(&b, r); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n---\n\n")
	}
	golden(t, "markdown", b.Bytes())
	// A table has as many cells in each row as in its head.
	cells := 0
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if cells != 0 && n != cells {
			t.Errorf("%d bars, %d in the line before: %s", n, cells, line)
		}
		cells = n
	}
}

// What text, page and Markdown say of a run is the same: every word of a table's
// cell and of a note that one has, the others have.
func TestFormsSayTheSame(t *testing.T) {
	plain := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, `\`, "")), " ") }
	for name, r := range map[string]*result.Result{"seen": seen(), "failed": failed(), "interrupted": interrupted()} {
		var text, mark bytes.Buffer
		if err := WriteText(&text, r, Options{Width: 1000}); err != nil {
			t.Fatal(err)
		}
		if err := WriteMarkdown(&mark, r); err != nil {
			t.Fatal(err)
		}
		page := pageOf(t, r)
		for _, s := range openedSections(r) {
			for _, one := range s.Tables {
				for _, row := range one.Rows {
					for _, said := range append([]string{strings.TrimSpace(row.Name), row.Note}, row.Values...) {
						for form, whole := range map[string]string{"text": text.String(), "page": unescaped(page),
							"Markdown": unescaped(mark.String())} {
							if !strings.Contains(plain(whole), plain(said)) {
								t.Errorf("%s: the %s does not say %q of %s", name, form, said, one.Title)
							}
						}
					}
				}
			}
		}
	}
}

// Words from a peer are no marks, and no HTML.
func TestMarkdownEscapes(t *testing.T) {
	r := minimal()
	r.Conns = result.Conns{Attempted: 1, Failed: 1, Errors: result.ErrorCounts{"a|b*c_d<img src=x>": 1}}
	r.FirstFailure = &result.FailedAnswer{Cause: "x", From: "y", Lines: []string{"```", "<script>"}}
	r.Command = []string{"client", "````"}
	var b bytes.Buffer
	if err := WriteMarkdown(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`a\|b\*c\_d&lt;img src=x&gt;`, "````\n< ```\n< <script>\n````",
		"`````\nclient '````'\n`````"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if err := WriteMarkdown(brokenWriter{}, r); err == nil || !strings.HasPrefix(err.Error(), "write Markdown: ") {
		t.Errorf("error %v", err)
	}
}

func unescaped(s string) string { return html.UnescapeString(s) }

// The same of a comparison, whose text has its columns in blocks and its differences
// without columns. What a spreadsheet gets has a row for each figure of each group.
func TestFormsOfAComparisonSayTheSame(t *testing.T) {
	c := compared(t, GroupAuto)
	plain := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, `\`, "")), " ") }
	var text, page, mark, sheet bytes.Buffer
	if err := errors.Join(c.WriteText(&text, Options{Width: 200}), c.WriteHTML(&page), c.WriteMarkdown(&mark),
		c.WriteCSV(&sheet)); err != nil {
		t.Fatal(err)
	}
	has := func(what, said string) {
		for form, whole := range map[string]string{"text": text.String(), "page": unescaped(page.String()),
			"Markdown": unescaped(mark.String())} {
			if !strings.Contains(plain(whole), plain(said)) {
				t.Errorf("the %s does not say %q of %s", form, said, what)
			}
		}
	}
	has("the title", c.title())
	has("the thresholds", "3 of 6 thresholds")
	figures := 0
	for _, s := range c.sheet().Sections {
		for _, one := range s.Tables {
			for _, said := range append([]string{one.Title}, one.Head...) {
				has(one.Title, said)
			}
			for _, row := range one.Rows {
				for _, said := range append([]string{row.Name, row.Note}, row.Values...) {
					has(one.Title, said)
				}
			}
			if s.Title == "In numbers" {
				figures += len(one.Rows)
			}
		}
		for _, note := range s.Notes {
			has(s.Title, note)
		}
		for _, v := range s.Verdicts {
			has(s.Title, v.lead()+v.Threshold)
			has(s.Title, found(v.Verdict))
		}
	}
	lines := strings.Split(strings.TrimSpace(sheet.String()), "\n")
	if figures == 0 || len(lines) != 1+figures*len(c.groups) {
		t.Errorf("%d lines for %d figures of %d groups", len(lines), figures, len(c.groups))
	}
	for _, want := range []string{"metric,group,runs,median,min,max,ratio,chance,verdict",
		"setup.rate,base,3,60000,57000,61000,,,", "setup.seconds,other,1,3.004,3.004,3.004,"} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line %q in\n%s", want, sheet.String())
		}
	}
}
