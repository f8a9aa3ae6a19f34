package main

import (
	"context"
	"strings"
	"testing"
	"unicode"

	"github.com/c10m/c10m/internal/cli"
)

// FuzzParse: no command line crashes the server, and a bad one is told in one
// line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "--help", "--ports\n200", "--tcp\n9223372036854775807:5", "--tcp\nnone\n--ws\n1:1",
		"--bind\n::1", "--max-conns\n10M\n--workers\n3",
		"--control\n[::1]:0", "--worker\n0/1/5/2", "--idle-timeout\n1s\n--keepalive\n0", "--control-token\nshort\nrest",
		"--max-message\n0", "--relay\n127.0.0.1:1:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "@") {
			return // reads a file, of this machine
		}
		var o options
		ran := false
		var stdout, stderr strings.Builder
		status := program(checked(func(_ context.Context, got options, _ *cli.Call) error {
			o, ran = got, true
			return nil
		})).Run(t.Context(), strings.Split(line, "\n"), &stdout, &stderr)
		if said := stderr.String(); status != 0 &&
			(status != 2 || strings.IndexFunc(said, unicode.IsControl) != len(said)-1) {
			t.Errorf("%q: status %d, no line without control characters: %q", line, status, said)
		}
		if !ran {
			if status == 0 && stdout.Len() == 0 { // no help, version, or completion either
				t.Errorf("%q: nothing was done", line)
			}
			return
		}
		if o.tcp.N+o.ws.N < 1 || o.tcp.N > 0 && (o.tcp.First < 1 || o.tcp.Last() > 65535) || o.ws.N > 0 &&
			(o.ws.First < 1 || o.ws.Last() > 65535) || o.tcp.Overlaps(o.ws) {
			t.Errorf("%q is taken for ports %s and %s", line, o.tcp.String(), o.ws.String())
		}
		if o.maxOutbound < 0 || o.maxMessage < 0 || o.stall <= 0 || !o.buffers.auto && o.buffers.n < minBudget ||
			o.idleTimeout < 0 || o.drain < 0 || o.handshake <= 0 {
			t.Errorf("%q is taken for %+v", line, o)
		}
	})
}

// FuzzWorker: the flag by which the supervisor tells a worker who it is.
func FuzzWorker(f *testing.F) {
	for _, s := range []string{"0/1/5/2", "3/4/19880/1", "4/4/1/1", "-1/4/1/1", "0/0/0/0", "1/2/3",
		"0/9223372036854775807/1/1", "////"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var w worker
		if w.parse(s) != nil {
			return
		}
		var again worker
		if err := again.parse(w.String()); err != nil || again != w {
			t.Errorf("%q is %+v, written and read again %+v, %v", s, w, again, err)
		}
		if w.of < 1 || w.index < 0 || w.index >= w.of || w.limit < 0 || w.loops < 0 {
			t.Errorf("%q is taken for %+v", s, w)
		}
	})
}
