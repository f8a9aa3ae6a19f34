package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// target is the flags that every lab has: where to, over what, from where.
type target struct {
	flags
	raw raw
}

// newTarget registers them, with conns for a default.
func newTarget(fs *flag.FlagSet, scenario string, conns int64) *target {
	t := &target{raw: raw{size: 64, window: unit.Count{N: 1024}, closeMode: "fin"}}
	f := &t.flags
	f.Scenario, f.Commit, f.PrivateFDs = scenario, commit, "auto"
	f.Conns, f.Threads = unit.Count{N: conns}, unit.Count{Auto: true}
	f.registerTarget(fs, &t.raw)
	return t
}

// registerTarget registers what every command that opens connections has: where
// to, over what, from where, and a page to look at it.
func (f *flags) registerTarget(fs *flag.FlagSet, r *raw) {
	fs.StringVar(&r.host, "host", "127.0.0.1", "")
	r.ports = unit.PortCount{N: plan.DefaultPorts}
	fs.Var(&r.ports, "ports", "")
	fs.StringVar(&r.first, "first-port", "", "")
	fs.StringVar(&r.proto, "proto", plan.TCP, "")
	fs.StringVar(&f.WebSocket.Path, "path", "/", "")
	fs.Var((*headers)(&f.WebSocket.Headers), "header", "")
	fs.StringVar(&f.WebSocket.Subprotocol, "subprotocol", "", "")
	fs.BoolVar(&f.WebSocket.Text, "text", false, "")
	fs.BoolVar(&f.ShowFailure, "show-failure", false, "")
	fs.StringVar(&f.Control, "server-control", "auto", "")
	fs.StringVar(&r.sources, "sources", "auto", "")
	fs.Var(&f.Threads, "threads", "")
	fs.Var(unit.NewDuration(&f.ConnectTimeout, 10*time.Second), "connect-timeout", "")
	fs.StringVar(&f.dash, "dash", "", "")
}

// finish converts what is left, once the flags are parsed.
func (t *target) finish(args []string) error {
	t.Command = append([]string{"client", t.Scenario}, args...)
	return t.check(t.raw)
}

// sizes is a flag for the size of messages: BYTES, or FIRST:LAST for a range.
type sizes struct{ first, last int }

func (s *sizes) String() string {
	if s.last > s.first {
		return fmt.Sprintf("%d:%d", s.first, s.last)
	}
	return strconv.Itoa(s.first)
}

func (s *sizes) Set(text string) error {
	bad := fmt.Errorf("%q is not a size of messages: want BYTES or FIRST:LAST, each within 1..%d, like 64, 8KiB, 64:1024", text, maxSize)
	a, b, isRange := strings.Cut(text, ":")
	if !isRange {
		b = a
	}
	var first, last unit.Size
	err1, err2 := first.Set(a), last.Set(b)
	if err1 != nil || err2 != nil || first < 1 || last < first || last > maxSize {
		return bad
	}
	*s = sizes{int(first), int(last)}
	return nil
}
