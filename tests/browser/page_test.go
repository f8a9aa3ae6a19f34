package browser

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is one Chromium, shared by all tests; each page is a tab of its own.
type browser struct {
	ctx  context.Context
	quit func()
}

// launch starts Debian's Chromium, without a window and without its sandbox,
// which refuses to work as root.
func launch(profile string) (*browser, error) {
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		return nil, errors.New("no Chromium here: scripts/install-deps.sh installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(profile),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	ctx, stopProcess := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		stop()
		stopProcess()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return &browser{ctx: ctx, quit: func() { stop(); stopProcess() }}, nil
}

// look is how a page is shown.
type look struct {
	width, height int64 // CSS pixels; 0: 1280 by 900
	dark          bool
	phone         bool // touch, and a viewport that honours the meta tag
}

// tab is an open page.
type tab struct {
	t   *testing.T
	ctx context.Context
	mu  sync.Mutex
	bad []string // console errors, exceptions, refused loads
}

// openPage shows url ("http://...", "file:///...") in a new tab and waits until it
// has loaded. The test fails if the page has complained by its end.
func openPage(t *testing.T, url string, l look) *tab {
	t.Helper()
	tabCtx, closeTab := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(tabCtx); err != nil {
		closeTab()
		t.Fatalf("open a tab: %v", err)
	}
	ctx, cancel := context.WithTimeout(tabCtx, 2*patience)
	p := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		for _, bad := range p.complaints() {
			t.Errorf("%s: the page complains: %s", url, bad)
		}
		cancel()
		closeTab()
	})
	go p.listen(chromedp.Console(ctx))
	p.show(l)
	p.run("open "+url, chromedp.Navigate(url))
	return p
}

// show sets how the page is shown from now on.
func (p *tab) show(l look) {
	p.t.Helper()
	if l.width == 0 {
		l.width, l.height = 1280, 900
	}
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	p.run("set size and colours",
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width,
			Height: l.height, DeviceScaleFactor: 1, Mobile: l.phone}),
		call(emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme",
				Value: scheme}}}))
}

// call is a command of the DevTools protocol.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, c, params)
		return v, err
	}
}

// listen collects what a page with nothing wrong does not say: console errors
// and warnings, exceptions, refused loads.
func (p *tab) listen(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return
		}
		switch m.Type {
		case chromedp.ConsoleLog, chromedp.ConsoleDebug, chromedp.ConsoleInfo:
			continue
		}
		p.mu.Lock()
		p.bad = append(p.bad, fmt.Sprintf("%s %s", m, m.URL))
		p.mu.Unlock()
	}
}

// complaints are the console errors and warnings, exceptions and refused loads
// so far.
func (p *tab) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.bad...)
}

// forgive drops complaints that hold a string: for tests that cause them.
func (p *tab) forgive(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.bad[:0]
	for _, bad := range p.bad {
		if !strings.Contains(bad, part) {
			kept = append(kept, bad)
		}
	}
	p.bad = kept
}

// run does something in the tab, or fails the test.
func (p *tab) run(what string, do ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, do...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// eval is the value of a JavaScript expression in the page.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await polls a JavaScript expression until it is true.
func (p *tab) await(what, expression string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if eval[bool](p, expression) {
			return
		}
	}
	p.t.Fatalf("waited %v for %s: %s; the page says:\n%s", patience, what, expression,
		eval[string](p, "document.body.innerText"))
}

// shot saves a screenshot of the whole page as NAME.png.
func (p *tab) shot(name string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("take a screenshot: %v", err)
	}
	if err := os.WriteFile(filepath.Join(shots, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
