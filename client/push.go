package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/push"
	"github.com/c10m/c10m/internal/result"
)

// pushFlags are where metrics are pushed to while a run goes on.
type pushFlags struct {
	url   string // "": nowhere
	every time.Duration
}

func (t *target) declarePushes() {
	t.Flags.Add(cli.Text(&t.otlp.url, ""), "otlp", "URL", "push metrics there: OpenTelemetry's OTLP over HTTP",
		cli.Rare)
	t.Flags.Add(cli.Time(&t.otlp.every, 5*time.Second, 100*time.Millisecond, time.Hour), "otlp-every", "TIME",
		"how often", cli.Rare)
}

func (t *target) checkPushes() error {
	if t.otlp.url == "" {
		if t.given("otlp-every") {
			return fmt.Errorf("--otlp-every %v: nothing is pushed: give --otlp", t.otlp.every)
		}
		return nil
	}
	if err := push.CheckURL(t.otlp.url); err != nil {
		return fmt.Errorf("--otlp %w", err)
	}
	return nil
}

// pushes are those of one run.
type pushes struct {
	to     pushFlags
	pusher *push.Pusher // nil until there is something to push
	err    error        // why there is none
}

// openPage opens what the run shows itself on: a page, pushes, both, or nothing (nil).
func (t *target) openPage(fp proc.FS) (*page, error) {
	p, err := openPage(t.dash, t.most, fp)
	if err != nil || t.otlp.url == "" {
		return p, err
	}
	if p == nil {
		p = &page{stop: func() {}, fp: fp, most: t.most}
	}
	p.pushes = &pushes{to: t.otlp}
	return p, nil
}

// show serves an end of the connections and begins to push its metrics.
func (p *page) show(end dash.End) {
	if p.socket != nil {
		p.stop = dash.Serve(p.socket, end)
	}
	if s := p.pushes; s != nil {
		s.pusher, s.err = push.Start(push.Config{URL: s.to.url, Every: s.to.every, Service: "c10m-" + end.Meta.Role,
			Version: build.Commit, Gather: dash.Gather(end)})
	}
}

// endPushes pushes what the run ended with, and adds to its result what could not be
// pushed. r is nil if the run came to nothing.
func (p *page) endPushes(r *result.Result) {
	if p == nil || p.pushes == nil {
		return
	}
	s := p.pushes
	sent, failed, err := int64(0), int64(0), s.err
	if s.pusher != nil {
		sent, failed, err = s.pusher.Stop()
	}
	if err == nil || r == nil {
		return
	}
	to := s.to.url
	if u, bad := url.Parse(to); bad == nil {
		to = u.Redacted()
	}
	w := result.Warn("push_failed").Word("url", to).Word("why", err.Error())
	r.Warnings = append(r.Warnings, w.Count("failed", failed).Count("pushes", sent+failed))
}
