package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	kept "github.com/c10m/c10m/tests/golden"
)

// The live page has the words of the report: they are written to a file of it, as the
// programs that serve it have no reports in them.
func TestCausesOfLivePage(t *testing.T) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Written by go test ./internal/report -update, of the words for causes in package report.\n"+
		"\"use strict\";\nconst causes = ")
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(liveCauses()); err != nil {
		t.Fatal(err)
	}
	kept.Compare(t, "../dash/assets/causes.js", strings.TrimSuffix(b.String(), "\n")+";\n")
	want := slices.Sorted(slices.Values(echo.CauseNames[:]))
	if got := slices.Sorted(maps.Keys(refusals)); !slices.Equal(got, want) {
		t.Errorf("words for\n%q\nthe server counts\n%q", got, want)
	}
	for cause, r := range refusals {
		if r.why == "" {
			t.Errorf("%s has no words on the live page", cause)
		}
	}
}
