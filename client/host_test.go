package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/scenario"
)

// names is a resolver of a few names, and counts what it is asked.
func names(asked *int) lookUp {
	return func(_ context.Context, _, name string) ([]netip.Addr, error) {
		*asked++
		addrs := map[string][]string{"localhost": {"::1", "127.0.0.1"},
			"farm.example": {"192.0.2.1", "192.0.2.2", "192.0.2.1"}, "six.example": {"2001:db8::1"}}[name]
		if addrs == nil {
			return nil, errors.New("no such host")
		}
		var all []netip.Addr
		for _, a := range addrs {
			all = append(all, netip.MustParseAddr(a))
		}
		return all, nil
	}
}

// asHold is what hold makes of a command line.
func asHold(t *testing.T, asked *int, line ...string) (*target, error) {
	t.Helper()
	h := newHold()
	h.names.lookUp = names(asked)
	p := &cli.Program{Command: *h.runs(h.check,
		func(context.Context) (outcome, error) { return outcome{}, errOnlyRead }), StatusOf: statusOf}
	_, err := p.Execute(t.Context(), line, &strings.Builder{}, &strings.Builder{})
	if err != nil && statusOf(err) != cli.BadUsage && !errors.Is(err, cli.ErrUsage) {
		t.Errorf("%q: %v, which is no bad usage", line, err)
	}
	return h, err
}

// destinations are where a run goes to, in short.
func destinations(t *plan.Target) string {
	var all []string
	for _, d := range t.List() {
		text := d.At.String()
		if d.WS {
			text = "ws:" + text + d.Path
		}
		if d.TLS {
			text = "tls:" + text
		}
		if d.Name != "" {
			text = d.Name + "=" + text
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// What --host and TARGET name is resolved once, and --resolve says which addresses
// are used.
func TestWhereTo(t *testing.T) {
	for _, tt := range []struct {
		line, want string // "!" and words of the error
	}{
		{"--ports 1", "127.0.0.1:10000"},
		{"--ports 1 --host ::ffff:127.0.0.1", "127.0.0.1:10000"},
		{"--ports 1 --host localhost", "localhost=127.0.0.1:10000"},
		{"--ports 1 --host localhost --resolve all", "localhost=[::1]:10000 localhost=127.0.0.1:10000"},
		{"--ports 1 --host farm.example", "farm.example=192.0.2.1:10000 farm.example=192.0.2.2:10000"},
		{"--ports 1 --host 192.0.2.1,192.0.2.9,farm.example",
			"192.0.2.1:10000 192.0.2.9:10000 farm.example=192.0.2.2:10000"},
		{"--ports 1 --host six.example,2001:db8::2", "six.example=[2001:db8::1]:10000 [2001:db8::2]:10000"},
		{"--ports 1 --host 127.0.0.1,::1", "127.0.0.1:10000 [::1]:10000"},
		{"--ports 2 --proto tcp,ws", "127.0.0.1:10000 ws:127.0.0.1:15000/ 127.0.0.1:10001 ws:127.0.0.1:15001/"},
		{"--ports 1 --proto tcp,ws --host farm.example",
			"farm.example=192.0.2.1:10000 farm.example=ws:192.0.2.1:15000/ farm.example=192.0.2.2:10000 " +
				"farm.example=ws:192.0.2.2:15000/"},
		{"--host nowhere.example", "!--host nowhere.example: look up name: no such host"},
		{"--host 127.0.0", "!is not an IP address and no name"},
		{"--host=", "!is not an IP address and no name"},
		{"--host six.example --resolve ipv4", "!--host six.example: look up name: it has no IPv4 address"},
		{"tcp://127.0.0.1:7-8", "127.0.0.1:7 127.0.0.1:8"},
		{"tcp://localhost:7", "localhost=[::1]:7 localhost=127.0.0.1:7"},
		{"tcp://localhost:7 --resolve once", "localhost=[::1]:7"},
		{"tcp://localhost:7 --resolve ipv4", "localhost=127.0.0.1:7"},
		{"tcp://localhost:7 --resolve ipv6", "localhost=[::1]:7"},
		{"tcp://localhost:7 --resolve once tcp://localhost:9", "localhost=[::1]:7 localhost=[::1]:9"},
		{"tcp://localhost:7 --engine packets", "localhost=127.0.0.1:7"},
		{"ws://farm.example/a?x={i}", "farm.example=ws:192.0.2.1:80/a?x={i} farm.example=ws:192.0.2.2:80/a?x={i}"},
		{"ws://127.0.0.1:7 --path /p", "ws:127.0.0.1:7/p"},
		{"wss://127.0.0.1", "tls:ws:127.0.0.1:443/"},
		{"tcp://127.0.0.1:7 ws://[::1]:8/x tcp://127.0.0.1:7", "127.0.0.1:7 ws:[::1]:8/x"},
		{"tcp://nowhere.example:7", "!target tcp://nowhere.example:7: nowhere.example: look up name: no such host"},
		{"tcp://six.example:7 --resolve ipv4", "!it has no IPv4 address"},
		{"tcp://127.0.0.1:7 --host ::1", "!--host beside the target tcp://127.0.0.1:7"},
		{"tcp://127.0.0.1:7 --proto ws", "!--proto beside the target"},
		{"tcp://127.0.0.1:7 --ports 3", "!--ports beside the target"},
		{"tcp://127.0.0.1:7 --first-port 3", "!--first-port beside the target"},
		{"ws://127.0.0.1:7/x --path /p", "!--path /p beside the target ws://127.0.0.1:7/x, which has a path"},
		{"tcp://127.0.0.1:7 tls://127.0.0.1:8", "127.0.0.1:7 tls:127.0.0.1:8"},
		{"wss://127.0.0.1:7/x ws://127.0.0.1:7/x tls://[::1]:8",
			"tls:ws:127.0.0.1:7/x ws:127.0.0.1:7/x tls:[::1]:8"},
		{"wss://127.0.0.1:7 ws://127.0.0.1:8 --tls", "tls:ws:127.0.0.1:7/ tls:ws:127.0.0.1:8/"},
		{"--ports 1 --tls", "tls:127.0.0.1:10000"},
		{"ws://127.0.0.1:7/{room}", "!target ws://127.0.0.1:7/{room}: {room} is no placeholder: want {i}, {rand}, " +
			"{uuid} or {line}"},
		{"ws://127.0.0.1:7/{line}", "!{line} in --path, --header or a target wants --lines FILE"},
		{"ws://127.0.0.1:7/ --lines /nonexistent", "!--lines /nonexistent: no such file"},
		{"ws://127.0.0.1:7/ --lines /dev/zero", "!--lines /dev/zero: is a device: want a file or a pipe"},
		{"ws://127.0.0.1:7/ --lines /proc", "!--lines /proc: is a directory"},
		{"--message @/dev/zero", "!--message /dev/zero: is a device"},
		{"--first @/proc", "!--first /proc: is a directory"},
		{"127.0.0.1:7", `!target "127.0.0.1:7": it has no scheme: want tcp://HOST:PORT`},
		{"tcp://127.0.0.1:7 --path /p", "!want --proto ws or a target ws://"},
		{"tcp://127.0.0.1:7 --sources fd00::1", "!different address families"},
		{"tcp://localhost:7 --sources 127.0.0.0/30",
			"!different address families: give sources of each, CIDR,CIDR, or --resolve ipv4"},
		{"tcp://localhost:7 --resolve ipv4 --sources 127.0.0.0/30", "localhost=127.0.0.1:7"},
		{"tcp://127.0.0.1:7 --wait 0.1us", "!--wait 0.1us"},
		{"--ports 1-65535 --host " +
			"192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192.0.2.6,192.0.2.7,192.0.2.8," +
			"192.0.2.9,192.0.2.10,192.0.2.11,192.0.2.12,192.0.2.13,192.0.2.14,192.0.2.15,192.0.2.16,192.0.2.17",
			"!1,114,095 ports of all addresses together"},
	} {
		asked := 0
		h, err := asHold(t, &asked, strings.Fields(tt.line)...)
		if words, fails := strings.CutPrefix(tt.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: error %v, want %q", tt.line, err, words)
			}
			continue
		}
		if got := destinations(&h.Target); err != nil && !errors.Is(err, errOnlyRead) || got != tt.want || asked > 1 {
			t.Errorf("%s:\n%s, %v, asked %d times; want\n%s", tt.line, got, err, asked, tt.want)
		}
	}
}

// A name that does not resolve yet is asked for again until --wait ends, and no longer.
func TestWaitForNames(t *testing.T) {
	for _, tt := range []struct {
		wait  string
		after int // lookups that fail
		words string
	}{{"", 1, "!no such host"}, {"--wait 1m", 3, ""}, {"--wait 250ms", 1000, "!no such host within --wait 250ms"}} {
		h, asked := newHold(), 0
		h.names.lookUp = func(ctx context.Context, network, name string) ([]netip.Addr, error) {
			if asked++; asked <= tt.after {
				return nil, errors.New("no such host")
			}
			return names(new(int))(ctx, network, name)
		}
		err := read(t.Context(), append([]string{"hold", "tcp://farm.example:7"}, strings.Fields(tt.wait)...), h.runs,
			h.check)
		if words, fails := strings.CutPrefix(tt.words, "!"); fails {
			if err == nil || !strings.HasSuffix(err.Error(), words) || asked > 10 {
				t.Errorf("%q: %v after %d lookups, want %q", tt.wait, err, asked, words)
			}
			continue
		}
		if err != nil || asked != tt.after+1 || h.Dests() != 2 || h.Waited <= 0 || h.Waited > h.Wait {
			t.Errorf("%q: %v after %d lookups, waited %v, %d destinations", tt.wait, err, asked, h.Waited, h.Dests())
		}
	}
	ctx, cancel := context.WithCancel(t.Context()) // Ctrl-C
	h := newHold()
	h.names.lookUp = func(context.Context, string, string) ([]netip.Addr, error) {
		cancel()
		return nil, errors.New("no such host")
	}
	err := read(ctx, []string{"hold", "tcp://farm.example:7", "--wait", "1h"}, h.runs, h.check)
	if !errors.Is(err, scenario.ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond) // that of an agent
	defer cancel()
	h = newHold()
	h.names.lookUp = names(new(int))
	err = read(ctx, []string{"hold", "tcp://nowhere.example:7", "--wait", "1h"}, h.runs, h.check)
	if err == nil || !strings.HasSuffix(err.Error(), "no such host") {
		t.Errorf("with less time than --wait: %v", err)
	}
}

// Sources of both families are as many of either.
func TestSourcesOfTwoFamilies(t *testing.T) {
	asked := 0
	h, err := asHold(t, &asked, "tcp://localhost:7", "--sources", "127.0.1.0/29,fd00::/126")
	if err != nil && !errors.Is(err, errOnlyRead) || len(h.Sources) != 4 || len(h.SourcesV6) != 4 ||
		h.Sources[0].Is6() || h.SourcesV6[0].Is4() {
		t.Errorf("%v and %v, %v; want 4 of each", h.Sources, h.SourcesV6, err)
	}
}

// A name is shown with its addresses, each once.
func TestHostText(t *testing.T) {
	asked := 0
	h, _ := asHold(t, &asked, "tcp://farm.example:7", "ws://farm.example:8", "tcp://192.0.2.9:7")
	if got, want := h.Target.HostText(), "farm.example (192.0.2.1, 192.0.2.2), 192.0.2.9"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
