package packets

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tcp"
)

// Errors of Probe.
var (
	// ErrNoAnswer: nothing came back for a SYN.
	ErrNoAnswer = errors.New("no answer to a SYN")
	// ErrElsewhere: the route to our source addresses does not lead to our device.
	ErrElsewhere = errors.New("another route is more specific")
)

// Probe opens one connection to the plan's first destination from the first of its
// source addresses, resets it, and removes the device. Its error is what would stop a
// run: the device, privilege, routes or packet filters. It waits for an answer as long
// as patience.
func Probe(ctx context.Context, p plan.Plan, patience time.Duration) error {
	p.Total, p.Offset, p.Conns, p.Threads = 1, 0, 1, 1
	o := &one{}
	l, err := New(Config{Plan: p, Events: o, Secret: tcp.NewSecret()})
	if err != nil {
		return err
	}
	defer l.Close()
	source := l.Source(0)
	if r, err := sys.Route(source); err != nil || r.Device != l.Device() {
		return fmt.Errorf("the route to our own source address %s leads to %s, not to the new device %s: %w (ip "+
			"route get %s)", source, r.Device, l.Device(), ErrElsewhere, source)
	}
	began := time.Now()
	l.Sweep(0)
	l.Open(0)
	for !o.up && !o.ended && ctx.Err() == nil && time.Since(began) < patience {
		if l.Receive(16) == 0 {
			time.Sleep(time.Millisecond)
		}
		l.Sweep(uint32(time.Since(began) / time.Millisecond))
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case o.up:
		l.Flush()
		l.Abort(0)
		return nil
	case o.ended:
		return fmt.Errorf("connect from %s to %s: %v", source, p.List()[0].At, o.why)
	}
	l.Abort(0)
	return fmt.Errorf("%w from %s to %s within %v", ErrNoAnswer, source, p.List()[0].At, patience)
}

// Within returns an address of own, this machine's, that lies in p, and false if there
// is none: packets to that address would never come to our device.
func Within(p netip.Prefix, own []netip.Addr) (netip.Addr, bool) {
	for _, a := range own {
		if p.Contains(a.Unmap()) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// one implements tcp.Events for a single connection.
type one struct {
	up, ended bool
	why       tcp.Cause
}

func (o *one) Established(int)                          { o.up = true }
func (o *one) Data(int, []byte)                         {}
func (o *one) Acked(int, uint32)                        {}
func (o *one) End(int)                                  {}
func (o *one) Closed(_ int, why tcp.Cause, _ tcp.State) { o.ended, o.why = true, why }
