package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/scenario"
)

const usage = `usage: client [hold|echo|diagnose] [flags]

Opens connections over 4-tuples planned before the first socket, holds them, and
reports setup rate and memory per connection. Works against any TCP or WebSocket
echo server.

  hold   ramp, hold, verify a sample by echo, close (the default)
  echo   ramp, then every connection sends as fast as its echo comes back
  diagnose   what limits a running server (client diagnose --help)

Where to
  --host ADDR           server's address (default 127.0.0.1; ::1 works too)
  --ports N             destination ports (default 200) of each protocol, from
  --first-port PORT[,PORT]         (default tcp 10000, ws 15000)
  --proto tcp|ws|tcp,ws (default tcp); both: an even split
  --path PATH, --header K:V (repeatable), --subprotocol NAME[,NAME]
                        of the WebSocket handshake
  --server-control URL|auto|none   for the server's memory and count (default auto)
How many, how fast
  --conns N|auto        10000000, 10_000_000, 10M, 500k (default auto: what fits)
  --cap N               the most that auto may take
  --rate N/s|max        connects per second (default max)
  --hold D              how long to hold, or to echo (default 10s)
  --close rst|fin       how to end; rst leaves no TIME_WAIT (default rst)
From where
  --sources auto|CIDR   source addresses (default auto: as many as needed)
  --threads auto|N      client threads
  --private-fds auto|on|off   fd tables per thread (default auto: where needed)
  --window N            connects under way at once per thread (default 1024)
  --connect-timeout D   (default 10s)
Messages
  --size BYTES          of a message (default 64)
  --interval D          every connection sends one each D while holding (default 0: idle)
  --verify N            connections that echo one message after the hold (default 10k)
Report
  --json FILE           the result file; - for stdout
  --dash ADDR:PORT      live page and /metrics of this run, like 127.0.0.1:9091
  --settle D            let both ends give back memory before it is measured (default 4s)
  --quiet               no live line, no text report
  --version             print version and exit

Exit status: 0 done as asked; 1 fell short; 2 bad usage; 130 interrupted.

Examples
  client --ports 200 --conns 10M
  client --conns 100k --rate 20k/s --hold 1m --interval 10s
  client echo --conns 1000 --size 64 --hold 5s --json echo.json
`

// flags is what was asked for.
type flags struct {
	scenario.Options
	json    string
	dash    string // address of the live page, "" for none
	quiet   bool
	version bool
}

// raw are flag values that parse checks and converts.
type raw struct {
	host, sources, closeMode string
	proto, first             string
	ports                    int
	size                     plan.Count
	cap, verify, window      plan.Count
}

func parse(args []string, stderr io.Writer) (flags, error) {
	f := flags{}
	f.Scenario = "hold"
	f.Command = append([]string{"client"}, args...)
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		f.Scenario, args = args[0], args[1:]
	}
	if f.Scenario != "hold" && f.Scenario != "echo" {
		return f, fmt.Errorf("%w: scenario %q: the legal ones are hold, echo; see client --help", scenario.ErrUsage, f.Scenario)
	}
	f.Conns, f.Threads = plan.Count{Auto: true}, plan.Count{Auto: true}
	r := raw{size: plan.Count{N: 64}, verify: plan.Count{N: 10_000}, window: plan.Count{N: 1024}}
	fs := flag.NewFlagSet("client", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	f.register(fs, &r)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			_, _ = io.WriteString(stderr, usage)
			return f, err
		}
		return f, fmt.Errorf("%w: %v; see client --help", scenario.ErrUsage, err)
	}
	if len(fs.Args()) > 0 {
		return f, fmt.Errorf("%w: unexpected argument %q; see client --help", scenario.ErrUsage, fs.Arg(0))
	}
	if err := f.check(r); err != nil {
		return f, fmt.Errorf("%w: %v", scenario.ErrUsage, err)
	}
	return f, nil
}

func (f *flags) register(fs *flag.FlagSet, r *raw) {
	fs.StringVar(&r.host, "host", "127.0.0.1", "")
	fs.IntVar(&r.ports, "ports", 200, "")
	fs.StringVar(&r.first, "first-port", "", "")
	fs.StringVar(&r.proto, "proto", plan.TCP, "")
	fs.StringVar(&f.WebSocket.Path, "path", "/", "")
	fs.Var((*headers)(&f.WebSocket.Headers), "header", "")
	fs.StringVar(&f.WebSocket.Subprotocol, "subprotocol", "", "")
	fs.StringVar(&f.Control, "server-control", "auto", "")
	fs.Var(&f.Conns, "conns", "")
	fs.Var(&r.cap, "cap", "")
	fs.Var(&f.Rate, "rate", "")
	fs.DurationVar(&f.Hold, "hold", 10*time.Second, "")
	fs.StringVar(&r.closeMode, "close", "rst", "")
	fs.StringVar(&r.sources, "sources", "auto", "")
	fs.Var(&f.Threads, "threads", "")
	fs.StringVar(&f.PrivateFDs, "private-fds", "auto", "")
	fs.Var(&r.window, "window", "")
	fs.DurationVar(&f.ConnectTimeout, "connect-timeout", 10*time.Second, "")
	fs.Var(&r.size, "size", "")
	fs.DurationVar(&f.Interval, "interval", 0, "")
	fs.DurationVar(&f.Settle, "settle", 4*time.Second, "")
	fs.Var((*atLeastZero)(&r.verify), "verify", "")
	fs.StringVar(&f.json, "json", "", "")
	fs.StringVar(&f.dash, "dash", "", "")
	fs.BoolVar(&f.quiet, "quiet", false, "")
	fs.BoolVar(&f.version, "version", false, "")
}

// atLeastZero is a count that may be 0.
type atLeastZero plan.Count

func (c *atLeastZero) String() string { return (*plan.Count)(c).String() }

func (c *atLeastZero) Set(s string) error {
	n, err := plan.ParseCount(s)
	c.N = n
	return err
}

// maxSize bounds a message.
const maxSize = 64 << 20

// check converts what is left and refuses what cannot be meant.
func (f *flags) check(r raw) (err error) {
	if f.Host, err = netip.ParseAddr(r.host); err != nil {
		return fmt.Errorf("--host %q is not an IP address, like 127.0.0.1 or ::1", r.host)
	}
	if err := f.checkPorts(r); err != nil {
		return err
	}
	if r.sources != "auto" {
		if f.Sources, err = plan.ParseSources(r.sources); err != nil {
			return fmt.Errorf("--sources %v", err)
		}
		if f.Sources[0].Is4() != f.Host.Unmap().Is4() {
			return fmt.Errorf("--sources %s and --host %s are of different address families", r.sources, f.Host)
		}
	}
	if f.Close = plan.CloseMode(r.closeMode); f.Close != plan.CloseRST && f.Close != plan.CloseFIN {
		return fmt.Errorf("--close %q: the legal values are rst, fin", r.closeMode)
	}
	if f.PrivateFDs != "auto" && f.PrivateFDs != "on" && f.PrivateFDs != "off" {
		return fmt.Errorf("--private-fds %q: the legal values are auto, on, off", f.PrivateFDs)
	}
	if r.size.Auto || r.size.N > maxSize {
		return fmt.Errorf("--size %s: the legal range is 1..%d bytes", r.size.String(), maxSize)
	}
	if r.window.Auto || r.window.N > 1<<20 {
		return fmt.Errorf("--window %s: the legal range is 1..%d", r.window.String(), 1<<20)
	}
	f.Size, f.Cap, f.Verify, f.Window = int(r.size.N), r.cap.N, r.verify.N, int(r.window.N)
	if u, err := url.Parse(f.Control); f.Control != "auto" && f.Control != "none" && (err != nil || u.Scheme != "http" || u.Host == "") {
		return fmt.Errorf("--server-control %q: want a URL like http://127.0.0.1:9090, auto or none", f.Control)
	}
	return f.checkTimes()
}

func (f *flags) checkTimes() error {
	switch {
	case f.Hold < 0 || f.Hold > 1000*time.Hour:
		return fmt.Errorf("--hold %v: the legal range is 0..1000h", f.Hold)
	case f.Settle < 0 || f.Settle > time.Hour:
		return fmt.Errorf("--settle %v: the legal range is 0..1h", f.Settle)
	case f.Interval != 0 && f.Interval < time.Millisecond || f.Interval > time.Hour:
		return fmt.Errorf("--interval %v: the legal values are 0 (idle) and 1ms..1h", f.Interval)
	case f.ConnectTimeout < 10*time.Millisecond || f.ConnectTimeout > time.Hour:
		return fmt.Errorf("--connect-timeout %v: the legal range is 10ms..1h", f.ConnectTimeout)
	case f.Scenario == "echo" && f.Hold == 0:
		return errors.New("--hold 0s: echo needs a time to run for")
	}
	return nil
}
