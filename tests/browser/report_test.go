package browser

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const (
	// figures are the captions of the plots that can be seen: with a real place,
	// something drawn in it, and no text outside of it.
	figures = `[...document.querySelectorAll("figure")].filter(f => [...f.querySelectorAll("svg")].filter(s => {
		const box = s.getBoundingClientRect()
		return box.width > 250 && box.height > 100 && [...s.querySelectorAll("path,rect,circle")].some(e => e.getBoundingClientRect().width > 2) &&
			[...s.querySelectorAll("text")].every(e => { const t = e.getBoundingClientRect(); return t.left >= box.left - 2 && t.right <= box.right + 2 && t.bottom <= box.bottom + 2 })
	}).length === 1).map(f => f.querySelector("figcaption").textContent).join(", ")`
	// unfit are the texts of plots that lie over each other.
	unfit = `[...document.querySelectorAll("svg")].flatMap(s => {
		const texts = [...s.querySelectorAll("text")].map(e => [e.textContent, e.getBoundingClientRect()]).filter(t => t[1].width > 0)
		return texts.flatMap(([a, p], i) => texts.slice(i + 1).filter(([b, q]) =>
			p.left + 1 < q.right && q.left + 1 < p.right && p.top + 4 < q.bottom && q.top + 4 < p.bottom).map(([b]) => a + " over " + b))
	}).join("; ")`
	// wide are the tables that are wider than their place.
	wide = `[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => ` +
		`e.getAttribute("aria-label")).join(", ")`
	background = `getComputedStyle(document.body).backgroundColor`
	requests   = `performance.getEntriesByType("resource").length`
)

// TestReportPage: the reports of real runs show their plots from disk, light
// and dark, on a desk, a phone and paper, and ask the network for nothing.
func TestReportPage(t *testing.T) {
	const ports = 100
	s, dir := startServer(t, ports, "--max-conns", "6000"), t.TempDir()
	for name, load := range map[string][]string{"slow": {"--conns", "5000", "--rate", "4k/s"},
		"fast": {"--conns", "1000", "--fail-if", "setup.rate>1"}} {
		flags := append(load, "--hold", "500ms", "--interval", "100ms", "--settle", "100ms",
			"--json", filepath.Join(dir, name+".json"), "--html", filepath.Join(dir, name+".html"))
		cmd := s.startClient(t, ports, flags...)
		_ = cmd.Wait()
		if status := map[string]int{"slow": 0, "fast": 1}[name]; cmd.ProcessState.ExitCode() != status {
			t.Fatalf("%s: %v, want status %d", name, cmd.ProcessState, status)
		}
	}
	compare := exec.Command(filepath.Join(bin, "client"), "compare", "--html", "compare.html", "slow.json", "fast.json")
	compare.Dir = dir
	if out, err := compare.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("slow is the baseline")) {
		t.Fatalf("compare: %v: %s", err, out)
	}
	for name, want := range map[string]string{
		"slow":    "Setup rate, Memory over connections, What a connection costs, Who holds the memory, Latency percentiles",
		"compare": "Setup rate, What a connection costs, Connect latency, Echo latency",
	} {
		p := openPage(t, "file://"+filepath.Join(dir, name+".html"), look{})
		shown := name
		if name == "slow" {
			shown = "report"
		}
		light := eval[string](p, background)
		for scheme, l := range map[string]look{"light": {}, "dark": {dark: true}, "phone": phone,
			"tablet": {width: 768, height: 1024}} {
			p.show(l)
			if got := eval[string](p, figures); got != want {
				t.Errorf("%s, %s: it shows %q, want %q", name, scheme, got, want)
			}
			if over := eval[string](p, unfit); over != "" {
				t.Errorf("%s, %s: %s", name, scheme, over)
			}
			if eval[bool](p, scrolls) {
				t.Errorf("%s, %s: the page scrolls to the side", name, scheme)
			}
			if now := eval[string](p, background); (now != light) != l.dark {
				t.Errorf("%s, %s: the background is %s, in light it is %s", name, scheme, now, light)
			}
			if scheme != "tablet" {
				p.shot(shown + "-" + scheme)
			}
		}
		if n := eval[int](p, requests); n != 0 {
			t.Errorf("%s: %d requests", name, n)
		}
		p.show(look{dark: true, width: 688, height: 1000}) // A4 less its margins
		p.run("look as on paper", call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print",
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}))
		if now := eval[string](p, background); now != light {
			t.Errorf("%s: paper is %s, in light the page is %s", name, now, light)
		}
		if got := eval[string](p, figures); got != want {
			t.Errorf("%s: printed it shows %q, want %q", name, got, want)
		}
		if cut := eval[string](p, wide); cut != "" {
			t.Errorf("%s: printed tables are cut: %s", name, cut)
		}
		pdf := p.print()
		if n := bytes.Count(pdf, []byte("/Type /Page\n")); !bytes.HasPrefix(pdf, []byte("%PDF-")) || n < 1 || n > 6 {
			t.Errorf("%s: printed on %d pages, %d bytes", name, n, len(pdf))
		}
		if err := os.WriteFile(filepath.Join(shots, shown+".pdf"), pdf, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// print is the page as a PDF.
func (p *tab) print() []byte {
	p.t.Helper()
	var out page.PrintToPDFResult
	yes := true
	p.run("print", func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		out, err = cdp.Call(ctx, t, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: &yes, PaperWidth: 8.27,
			PaperHeight: 11.69})
		return v, err
	})
	if len(out.Data) == 0 {
		p.t.Fatal(fmt.Errorf("print: an empty file"))
	}
	return out.Data
}

// TestHostileReportPage: no text of a result file becomes markup of the page; and a run
// without a connection still has a page, with its errors and what helps.
func TestHostileReportPage(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "r.json")
	const content = `{"schema":"c10m/result/1","scenario":"hold<b>","proto":"tcp","started":"2026-11-21T06:15:03Z","host":{},
		"command":["client","<script>document.title='hacked'</script>","it's"],
		"plan":{"conns":10,"ports":1,"sources":1,"threads":1,"fd_tables":1},
		"conns":{"attempted":10,"established":0,"failed":10,"lost":0,"errors":{"connect_refused":7,"<img src=x onerror=alert(1)>":3}},"warnings":["</main><script>x</script>"]}`
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(bin, "client"), "report", file, "--quiet", "--html",
		filepath.Join(dir, "r.html")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p := openPage(t, "file://"+filepath.Join(dir, "r.html"), look{})
	for what, expression := range map[string]string{
		"the title":          `document.title === "hold<b> over tcp: 10 connections"`,
		"the cure":           `document.body.innerText.includes("nobody listens there")`,
		"the command":        `document.querySelector("pre").innerText.includes("it'\\''s")`,
		"the warning":        `document.querySelector(".warnings").innerText.includes("</main><script>x</script>")`,
		"no foreign element": `document.querySelectorAll("script, img, b").length === 0`,
	} {
		if !eval[bool](p, expression) {
			t.Errorf("%s is not there: %s", what, expression)
		}
	}
	if names := eval[string](p, figures); names != "" {
		t.Errorf("a run that reached nothing has plots: %s", names)
	}
}
