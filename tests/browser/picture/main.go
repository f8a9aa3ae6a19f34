// Command picture opens a page in Chromium, waits until an expression on it is true, and
// saves a screenshot: for the README, see scripts/screenshots.sh.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "picture: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	width := flag.Int64("width", 1180, "of the page, CSS pixels")
	height := flag.Int64("height", 0, "of the picture; 0: all of the page")
	scheme := flag.String("scheme", "light", "light or dark")
	until := flag.String("until", "true", "JavaScript expression that is true when the page is ready")
	timeout := flag.Duration("timeout", 3*time.Minute, "how long that may take")
	flag.Parse()
	if flag.NArg() != 2 {
		return errors.New("usage: picture [flags] URL FILE.png")
	}
	ctx, stop, err := launch()
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	size := func(h int64) chromedp.Action[chromedp.Void] {
		return call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: *width,
			Height: h, DeviceScaleFactor: 1})
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme",
		Value: *scheme}}}
	if err := chromedp.Do(ctx, size(max(*height, 900)), call(emulation.SetEmulatedMedia, media),
		chromedp.Navigate(flag.Arg(0))); err != nil {
		return fmt.Errorf("open %s: %w", flag.Arg(0), err)
	}
	for {
		ready, err := chromedp.Run(ctx, chromedp.Evaluate[bool](*until))
		if err != nil {
			return fmt.Errorf("wait for %s: %w", *until, err)
		}
		if ready {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	take := chromedp.CaptureScreenshot()
	if *height == 0 {
		take = chromedp.FullScreenshot(100)
	}
	shot, err := chromedp.Run(ctx, take)
	if err != nil {
		return fmt.Errorf("take picture: %w", err)
	}
	small, err := reduce(shot)
	if err != nil {
		return err
	}
	return os.WriteFile(flag.Arg(1), small, 0o644)
}

// launch starts a Chromium with a profile of its own.
func launch() (ctx context.Context, stop func(), err error) {
	profile, err := os.MkdirTemp("", "c10m-picture")
	if err != nil {
		return nil, nil, err
	}
	var path string
	for _, name := range []string{"google-chrome", "chromium-browser", "chromium"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
		}
	}
	if path == "" {
		return nil, nil, errors.New("no Chromium here: scripts/install-deps.sh installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(profile),
		chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, stopProcess := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(ctx)
	stop = func() {
		closeTab()
		stopProcess()
		_ = os.RemoveAll(profile)
	}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return ctx, stop, nil
}

// call is a command of the DevTools protocol.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, c, params)
		return v, err
	}
}

// reduce keeps the 256 most frequent colours: a page has few, and the file is a
// third.
func reduce(shot []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	b := full.Bounds()
	seen := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			seen[at(x, y)]++
		}
	}
	all := make([]color.RGBA, 0, len(seen))
	for c := range seen {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int { return seen[b] - seen[a] })
	var palette color.Palette
	for _, c := range all[:min(256, len(all))] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	small := image.NewPaletted(b, palette)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := at(x, y)
			i, ok := index[c]
			if !ok {
				i = uint8(palette.Index(c))
				index[c] = i
			}
			small.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}
