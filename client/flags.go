package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

// flags is what was asked for.
type flags struct {
	scenario.Options
	outputs
	dash string // address of the live page, "" for none
	most int64  // connections of the largest run, where there are several
}

// raw are flag values that parse checks and converts.
type raw struct {
	host, sources, closeMode string
	proto, first             string
	ports                    unit.PortCount
	size                     unit.Size
	cap, window              unit.Count
	verify                   int
}

// parse reads the flags of a run; help is what its --help says.
func parse(args []string) (f flags, help string, err error) {
	f.Scenario = "hold"
	f.Command = append([]string{"client"}, args...)
	help = overview
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		f.Scenario, args = args[0], args[1:]
		help = runHelp(f.Scenario)
	}
	if f.Scenario != "hold" {
		return f, help, fmt.Errorf("%w: command %q: the legal ones are hold, %s; see client --help", scenario.ErrUsage, f.Scenario,
			strings.Join(slices.Sorted(maps.Keys(labs())), ", "))
	}
	f.Conns, f.Threads = unit.Count{Auto: true}, unit.Count{Auto: true}
	r := raw{size: 64, window: unit.Count{N: 1024}}
	fs := newFlags(f.Scenario)
	f.register(fs, &r)
	if err := parseFlags(fs, args); err != nil {
		return f, help, err
	}
	if len(fs.Args()) > 0 {
		return f, help, fmt.Errorf("%w: unexpected argument %q; see client --help", scenario.ErrUsage, fs.Arg(0))
	}
	if err := f.check(r); err != nil {
		return f, help, fmt.Errorf("%w: %v", scenario.ErrUsage, err)
	}
	return f, help, nil
}

func (f *flags) register(fs *flag.FlagSet, r *raw) {
	f.registerTarget(fs, r)
	fs.Var(&f.Conns, "conns", "")
	fs.Var(&r.cap, "cap", "")
	fs.Var(&f.Rate, "rate", "")
	fs.Var(unit.NewDuration(&f.Hold, 10*time.Second), "hold", "")
	fs.StringVar(&r.closeMode, "close", "rst", "")
	fs.StringVar(&f.PrivateFDs, "private-fds", "auto", "")
	fs.Var(&r.window, "window", "")
	fs.BoolVar(&f.Reconnect, "reconnect", false, "")
	fs.Var(unit.NewDuration(&f.KeepAlive, notGiven), "keepalive", "")
	fs.Var(&r.size, "size", "")
	fs.Var(unit.NewDuration(&f.Interval, 0), "interval", "")
	fs.Var(unit.NewDuration(&f.Settle, 4*time.Second), "settle", "")
	fs.Var(unit.NewInt(&r.verify, 10_000), "verify", "")
	f.outputs.register(fs)
}

// maxSize bounds a message.
const maxSize = 64 << 20

// check converts what is left and refuses what cannot be meant.
func (f *flags) check(r raw) (err error) {
	if err := setHosts(&f.Target, r.host, net.DefaultResolver.LookupNetIP); err != nil {
		return err
	}
	if err := f.checkPorts(r); err != nil {
		return err
	}
	if r.sources != "auto" {
		if f.Sources, err = plan.ParseSources(r.sources); err != nil {
			return fmt.Errorf("--sources %v", err)
		}
		if f.Sources[0].Is4() != f.Host.Is4() {
			return fmt.Errorf("--sources %s and --host %s are of different address families", r.sources, f.Host)
		}
	}
	if f.Close = plan.CloseMode(r.closeMode); f.Close != plan.CloseRST && f.Close != plan.CloseFIN {
		return fmt.Errorf("--close %q: the legal values are rst, fin", r.closeMode)
	}
	if f.PrivateFDs != "auto" && f.PrivateFDs != "on" && f.PrivateFDs != "off" {
		return fmt.Errorf("--private-fds %q: the legal values are auto, on, off", f.PrivateFDs)
	}
	if r.size < 1 || r.size > maxSize {
		return fmt.Errorf("--size %s: the legal range is 1..%d bytes", r.size.String(), maxSize)
	}
	if r.window.Auto || r.window.N > 1<<20 {
		return fmt.Errorf("--window %s: the legal range is 1..%d", r.window.String(), 1<<20)
	}
	f.Size, f.Cap, f.Verify, f.Window = int(r.size), r.cap.N, int64(r.verify), int(r.window.N)
	if u, err := url.Parse(f.Control); f.Control != "auto" && f.Control != "none" && (err != nil || u.Scheme != "http" || u.Host == "") {
		return fmt.Errorf("--server-control %q: want a URL like http://127.0.0.1:9090, auto or none", f.Control)
	}
	return f.checkTimes()
}

// notGiven is a duration that nobody can mean.
const notGiven = time.Duration(math.MinInt64)

func (f *flags) checkTimes() error {
	if f.KeepAlive == notGiven {
		f.KeepAlive = sys.DefaultKeepAlive
		if f.Host.IsLoopback() {
			f.KeepAlive = 0 // that end cannot vanish without this one
		}
	}
	switch {
	case f.Hold < 0 || f.Hold > 1000*time.Hour:
		return fmt.Errorf("--hold %v: the legal range is 0..1000h", f.Hold)
	case f.Settle < 0 || f.Settle > time.Hour:
		return fmt.Errorf("--settle %v: the legal range is 0..1h", f.Settle)
	case f.Interval != 0 && f.Interval < time.Millisecond || f.Interval > time.Hour:
		return fmt.Errorf("--interval %v: the legal values are 0 (idle) and 1ms..1h", f.Interval)
	case f.ConnectTimeout < 10*time.Millisecond || f.ConnectTimeout > time.Hour:
		return fmt.Errorf("--connect-timeout %v: the legal range is 10ms..1h", f.ConnectTimeout)
	case f.KeepAlive != 0 && (f.KeepAlive < sys.MinKeepAlive || f.KeepAlive > sys.MaxKeepAlive):
		return fmt.Errorf("--keepalive %v: the legal values are 0 (never) and %v..%v", f.KeepAlive, sys.MinKeepAlive, sys.MaxKeepAlive)
	case f.Scenario == "echo" && f.Hold == 0:
		return errors.New("--hold 0s: echo needs a time to run for")
	}
	return nil
}
