package main

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/push"
)

// pushOptions are where the server's metrics are pushed to.
type pushOptions struct {
	url   string // "": nowhere
	every time.Duration
}

func (o *pushOptions) declare(f *cli.Flags) {
	f.Add(cli.Text(&o.url, ""), "otlp", "URL", "push the metrics there: OpenTelemetry's OTLP over HTTP", cli.Rare)
	f.Add(cli.Time(&o.every, 15*time.Second, 100*time.Millisecond, time.Hour), "otlp-every", "TIME", "how often",
		cli.Rare)
}

func (o *pushOptions) check(f *cli.Flags) error {
	if o.url == "" {
		if f.Given("otlp-every") || f.Given("otlp") {
			return fmt.Errorf("--otlp %q: nothing is pushed: give a URL, or leave out --otlp-every", o.url)
		}
		return nil
	}
	if err := push.CheckURL(o.url); err != nil {
		return fmt.Errorf("--otlp %w", err)
	}
	return nil
}

// startPushes pushes the metrics of end until stop is called.
func (s *server) startPushes(end dash.End) (stop func(), err error) {
	if s.otlp.url == "" {
		return func() {}, nil
	}
	p, err := push.Start(push.Config{URL: s.otlp.url, Every: s.otlp.every, Service: "c10m-" + end.Meta.Role,
		Version: build.Commit, Gather: dash.Gather(end),
		Failed: func(why error) { s.logf("warning: --otlp: a push failed: %v", why) }})
	if err != nil {
		return nil, fmt.Errorf("--otlp: %w", err)
	}
	return func() { _, _, _ = p.Stop() }, nil
}
