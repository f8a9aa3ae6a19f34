package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/unit"
)

// Markdown and page of a document say the same, and neither lets a name of a peer
// become a mark.
func TestDocument(t *testing.T) {
	d := Document{Kind: "kind", Title: "Side by side", Facts: []string{"Linux, 2 CPUs."}, Foot: "foot",
		Parts: []Part{{Title: "TCP servers", Items: []string{"echo rate: 2/s."},
			Table: Table{Words: true, Rows: [][]any{{"a|<b>", 4120.0, "none"}, {"c", nil, "not_run"}},
				Columns: []Column{{"server", unit.InText}, {"user", unit.InBytes}, {"failures", unit.InText}}},
			Plots: []Plot{{"Memory", "shorter is better", func(f plot.Frame) string {
				return plot.Bars{Frame: f, Bars: []plot.Bar{{Name: "a", Parts: []plot.Part{{Value: 1}}}}}.SVG()
			}}}}}}
	var text, page bytes.Buffer
	if err := d.WriteMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	const want = "# Side by side\n\nLinux, 2 CPUs.\n\n## TCP servers\n\n" +
		"| server | user | failures |\n| --- | ---: | --- |\n" +
		"| a\\|&lt;b&gt; | 4,120 B | none |\n| c | - | not\\_run |\n\n* echo rate: 2/s.\n"
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
	if got := d.Parts[0].Markdown(); "# Side by side\n\nLinux, 2 CPUs.\n\n## TCP servers\n\n"+got != want {
		t.Errorf("the part alone is\n%s", got)
	}
	if err := d.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a|&lt;b&gt;", "4,120 B", `<td class="words">not_run</td>`, "<li>echo rate: 2/s.</li>",
		"<figcaption>Memory</figcaption>", "Linux, 2 CPUs."} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %q in the page", want)
		}
	}
}
