package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// FuzzReport: a result file may come from anybody. What Read takes can be shown
// as text and as a page, and no byte of it reaches the terminal as a command.
func FuzzReport(f *testing.F) {
	for _, r := range []*result.Result{
		{Schema: result.Schema, Scenario: "hold", Proto: "tcp"},
		{Schema: result.Schema, Scenario: "h\x1b[31mold", Proto: "\x1b]0;title\x07",
			Host:     result.Host{Kernel: "\x1b[2J", Go: "\u009b31m"},
			Conns:    result.Conns{Attempted: 1, Failed: 1, Errors: result.ErrorCounts{"connect_\x1b[1m": 1}},
			Warnings: warned("a\rb\x1b[A", "\x00"), Command: []string{"\x1b"},
			Memory: &result.Memory{Method: "\x1b", Caches: []result.Cache{{Name: "\x1b[5m", BytesPerConn: 1}}},
			StoredTables: []result.Table{{Title: "\x1b", Columns: []result.Column{{Name: "\x07", Unit: unit.InText}},
				Rows: [][]any{{"\x1b[7m"}}}}},
	} {
		var b bytes.Buffer
		if err := result.Write(&b, r); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := result.Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		var text, page bytes.Buffer
		if err := WriteText(&text, r); err != nil {
			t.Fatal(err)
		}
		harmless(t, text.String())
		if err := WriteHTML(&page, r); err != nil {
			t.Fatal(err)
		}
		name := "\x1b]0;" + r.Scenario
		c, err := Compare([]Group{{name, []string{name + ".json"}, []*result.Result{r}},
			{"other", []string{"other.json"}, []*result.Result{minimal()}}},
			[]result.Threshold{{Metric: result.Metric{Path: name}, Op: "<", Text: name}})
		if err != nil {
			t.Fatal(err)
		}
		text.Reset()
		if err := c.WriteText(&text, Options{}); err != nil {
			t.Fatal(err)
		}
		harmless(t, text.String())
		if err := c.WriteHTML(&page); err != nil {
			t.Fatal(err)
		}
	})
}

// harmless wants no control character but the ends of lines.
func harmless(t *testing.T, text string) {
	t.Helper()
	if i := strings.IndexFunc(text, func(c rune) bool { return c != '\n' && c < ' ' || c >= 0x7f && c < 0xa0 }); i >= 0 {
		t.Fatalf("%q reaches the terminal", text[max(0, i-20):min(len(text), i+20)])
	}
}
