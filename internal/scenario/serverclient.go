package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/c10m/c10m/internal/result"
)

// control asks a server's control endpoint. It keeps no connection open: a
// client thread's private fd table must not inherit one.
type control struct {
	base string // http://host:port, "" for none
	http http.Client
}

// maxReport bounds a report: 4,096 workers and as many ports fit in.
const maxReport = 16 << 20

func newControl(base string) *control {
	return &control{base: base, http: http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

// counts asks for the server's counts alone; it costs the server nothing.
func (c *control) counts(ctx context.Context) (*result.ServerReport, error) {
	return c.get(ctx, "/footprint?memory=0")
}

// report asks for counts and memory.
func (c *control) report(ctx context.Context) (*result.ServerReport, error) {
	return c.get(ctx, "/footprint")
}

func (c *control) get(ctx context.Context, path string) (*result.ServerReport, error) {
	if c.base == "" {
		return nil, errNoControl
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask server: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask server: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask server: %s%s answers %s", c.base, path, resp.Status)
	}
	var r result.ServerReport
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReport)).Decode(&r); err != nil {
		return nil, fmt.Errorf("read server's report: %w", err)
	}
	if r.Schema != result.ServerSchema {
		return nil, fmt.Errorf("read server's report: schema %q, want %q", r.Schema, result.ServerSchema)
	}
	if r.Open < 0 || r.MaxConns < 0 {
		return nil, fmt.Errorf("read server's report: %d connections of %d cannot be", r.Open, r.MaxConns)
	}
	return &r, nil
}
