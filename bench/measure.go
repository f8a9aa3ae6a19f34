package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// How one server is measured; the same for all.
const (
	warmConns   = 200
	warmFor     = 500 * time.Millisecond
	echoConns   = 1000
	echoBytes   = 64
	echoFor     = 2 * time.Second
	burstBytes  = 1024
	burstFor    = 2 * time.Second
	settle      = 3500 * time.Millisecond // after ramp and close: our server returns memory within 3 s of silence
	rest        = settle                  // after the burst
	runWithin   = 3 * time.Minute         // bounds each run of the client
	firstPort   = 10000
	portsNumber = 200
)

// measure runs one server and measures it: a warm-up; a ramp to conns connections, which
// settle, exchange 1 KiB messages in a closed loop (the burst), rest and are closed; and a
// closed loop over 1,000 connections. It must be in a network namespace of its own. Where
// something fails it returns the figures until then beside the error.
func measure(ctx context.Context, s server, conns int64, dir string) (f *Figures, err error) {
	sub, err := serve(s.command())
	if err != nil {
		return nil, err
	}
	defer func() {
		stopErr := sub.stop()
		if err == nil {
			err = stopErr
		}
	}()
	here, err := proc.Here()
	if err != nil {
		return nil, err
	}
	o, err := newObserver(here, sub)
	if err != nil {
		return nil, err
	}
	if err := o.listen(); err != nil {
		return nil, err
	}
	c := client{proto: s.Proto, dir: dir, id: s.id()}
	if _, err := c.run(ctx, "warm", "--conns", count(warmConns), "--hold", warmFor.String()); err != nil {
		return nil, fmt.Errorf("warm up: %w%s", err, sub.stderr.last())
	}
	if err := o.rebase(sub); err != nil {
		return nil, err
	}
	o.watch(conns)
	big, err := c.run(ctx, "burst", "--conns", count(conns), "--size", count(burstBytes), "--hold", burstFor.String(),
		"--rest", rest.String(), "--settle", settle.String())
	o.unwatch()
	if err != nil {
		return nil, fmt.Errorf("%d connections: %w%s", conns, err, sub.stderr.last())
	}
	f = held(big, o)
	if err := errors.Join(sub.alive(), fellShort(big)); err != nil {
		return f, fmt.Errorf("%d connections: %w", conns, err)
	}
	small, err := c.run(ctx, "echo", "--conns", count(echoConns), "--size", count(echoBytes), "--hold", echoFor.String())
	if err != nil {
		return f, fmt.Errorf("echo: %w%s", err, sub.stderr.last())
	}
	if e := small.Echo; e != nil && e.Latency != nil {
		p99 := float64(e.Latency.P99)
		f.EchoRate, f.EchoP99 = &e.Rate, &p99
	}
	if err := errors.Join(sub.alive(), fellShort(small)); err != nil {
		return f, fmt.Errorf("echo: %w", err)
	}
	return f, nil
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// fellShort says in which way a run of the client fell short; nil if it did not.
func fellShort(r *result.Result) error {
	if !r.Short() {
		return nil
	}
	err := fmt.Errorf("%d of %d established, %d lost", r.Conns.Established, r.Plan.Conns, r.Conns.Lost)
	if e := r.Echo; e != nil && e.Lost+e.Mismatched > 0 {
		err = fmt.Errorf("%w; %d messages lost, %d mismatched", err, e.Lost, e.Mismatched)
	}
	return err
}

// held returns the figures of the run with all connections.
func held(r *result.Result, o *observer) *Figures {
	f := &Figures{Established: r.Conns.Established, Failed: r.Conns.Failed, Lost: r.Conns.Lost, Processes: len(o.pids)}
	if r.Setup != nil {
		f.SetupRate = &r.Setup.Rate
	}
	if r.Echo != nil && r.Echo.Received > 0 {
		f.BurstRate = &r.Echo.Rate
	}
	if s, ok := o.closing(); ok {
		f.Close = &s
	}
	m := r.Memory
	if m == nil || m.Before == nil || m.Before.Server == nil || r.Conns.Established == 0 {
		return f
	}
	per := func(bytes uint64) *float64 {
		v := (float64(bytes) - float64(*m.Before.Server)) / float64(r.Conns.Established)
		return &v
	}
	f.Kernel = kernelPerSocket(o.before, o.held, r.Conns.Established)
	if m.Held != nil && m.Held.Server != nil {
		f.User = per(*m.Held.Server)
	}
	if f.Kernel != nil && f.User != nil {
		both := *f.Kernel + *f.User
		f.Both = &both
	}
	if m.After == nil || m.After.Server == nil {
		return f
	}
	f.Peak, f.Rested, f.Kept = per(o.peak), per(o.rested), per(*m.After.Server)
	return f
}

// off is how far the number of new TCP sockets may be from two a connection; beyond that
// too many are of other programs.
const off = 0.5

// kernelPerSocket is how much memory the kernel keeps for one TCP socket, bytes: over the
// time in which n connections were opened, the new objects of the named slab caches, each
// at its share of a slab, divided by the new sockets. The general caches (kmalloc) are
// left out, because other programs change them by more than so few connections do. It is
// nil where too many other sockets came or went.
func kernelPerSocket(before, held proc.Kernel, n int64) *float64 {
	were := map[string]result.CacheUsage{}
	for _, c := range before.Caches {
		were[c.Name] = c
	}
	sum, sockets := 0.0, 0.0
	for _, c := range held.Caches {
		if strings.HasPrefix(c.Name, "kmalloc") {
			continue
		}
		came := float64(c.Objects) - float64(were[c.Name].Objects)
		if strings.HasPrefix(c.Name, "TCP") {
			sockets += came
		}
		sum += float64(c.Bytes) - float64(were[c.Name].Bytes)
	}
	if math.Abs(sockets/float64(n)-2) > off {
		return nil
	}
	per := sum / sockets
	return &per
}

// client runs bin/client and keeps its result files in dir.
type client struct{ proto, dir, id string }

// run runs client echo, whose result file is called by name. A run that fell short is a
// result, not an error.
func (c client) run(ctx context.Context, name string, flags ...string) (*result.Result, error) {
	program, err := built("client")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, runWithin)
	defer cancel()
	file := filepath.Join(c.dir, c.id+"-"+name+".json")
	_ = os.Remove(file)
	argv := append([]string{program, "echo", "--first-port", count(firstPort), "--ports", count(portsNumber),
		"--server-control", "http://" + controlAddress,
		"--verify", "0", "--quiet", "--json", file}, flags...)
	if c.proto != "tcp" {
		argv = append(argv, "--proto", c.proto)
	}
	sub, err := launch(argv, io.Discard)
	if err != nil {
		return nil, err
	}
	err = sub.wait(ctx)
	b, readErr := os.ReadFile(file)
	if readErr != nil || len(bytes.TrimSpace(b)) == 0 {
		return nil, fmt.Errorf("the client left no result: %w%s", errOr(err, "status 0"), sub.stderr.last())
	}
	return result.Read(bytes.NewReader(b))
}
