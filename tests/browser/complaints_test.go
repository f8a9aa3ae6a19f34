package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestComplaintsAreHeard: a page that is broken in three ways must not pass for
// one without errors.
func TestComplaintsAreHeard(t *testing.T) {
	file := filepath.Join(t.TempDir(), "broken.html")
	html := `<!doctype html><meta http-equiv="Content-Security-Policy" content="img-src 'none'"><img src="x.png">
<script>console.error("said aloud"); setTimeout(() => { document.title = "late"; undefinedFunction() })</script>`
	if err := os.WriteFile(file, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	p := openPage(t, "file://"+file, look{})
	p.await("the script's end", `document.title === "late"`)
	for _, want := range []string{"said aloud", "undefinedFunction", "Content Security Policy"} {
		for end := time.Now().Add(patience); !strings.Contains(strings.Join(p.complaints(), "\n"),
			want); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%q is not among the complaints: %q", want, p.complaints())
			}
		}
		p.forgive(want)
	}
	p.forgive("x.png")
}
