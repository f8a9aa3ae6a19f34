package echo

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
	"time"
)

// Config is the configuration of one engine.
type Config struct {
	Bind        netip.Addr
	Ports       []Port
	Loops       int           // event loops
	Limit       int64         // connections of this engine, below what its fd table holds
	Total       int64         // connections of all engines together that share TotalOpen
	TotalOpen   *atomic.Int64 // counted by all of them; nil: this engine alone
	Budget      *Budget       // what may be buffered by all of them; nil: this engine alone, without bound
	Sharers     int           // event loops of all that share Budget; 0: Loops
	MaxOutbound int           // bytes that may wait for one peer before it is not read; 0: DefaultMaxOutbound
	MaxMessage  int64         // bytes of a WebSocket message; 0: no bound
	Handshake   time.Duration // what a handshake may take, of TLS and of WebSocket; 0: DefaultHandshake
	Stall       time.Duration // drop a peer that takes nothing of what waits for it for so long; 0: DefaultStall
	IdleTimeout time.Duration // 0: none
	KeepAlive   time.Duration // probe peers silent for so long; 0: never
	TLS         *tls.Config   // nil: the ports speak none
	Deflate     bool          // agree to permessage-deflate, RFC 7692
	CloseOnEOT  bool          // close a TCP connection, first, after a read that ends with byte 4
	Logf        func(format string, args ...any)
	OnReady     func() // called when every port accepts, each time; may be nil
	// PassOn gives an accepted connection above Limit to another engine that has room,
	// false if it cannot; nil: it is refused. The fd may be closed then.
	PassOn func(fd int) bool
	// Handed calls take, one at a time, with the fd of each connection that another
	// engine has passed on, until done is closed; nil: none come. Take owns the fd.
	Handed func(done <-chan struct{}, take func(fd int))
}

// Defaults of Config.
const (
	DefaultHandshake   = 10 * time.Second
	DefaultStall       = 30 * time.Second
	DefaultMaxOutbound = 32 << 20
)

// Port is one listening port and what it speaks.
type Port struct {
	Number int
	Proto  string // TCP or WS
}

// The protocols of ports.
const (
	TCP = "tcp"
	WS  = "ws"
)

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	c.Handshake = cmp.Or(c.Handshake, DefaultHandshake)
	c.Stall = cmp.Or(c.Stall, DefaultStall)
	c.MaxOutbound = cmp.Or(c.MaxOutbound, DefaultMaxOutbound)
	c.Sharers = cmp.Or(c.Sharers, c.Loops, 1)
	if c.Budget == nil {
		c.Budget = new(Budget)
		c.Budget.Size.Store(math.MaxInt64 / 2)
	}
	return c
}

// An Engine serves core's ports until ctx ends (nil), or until it fails.
type Engine func(ctx context.Context, core *Core) error

// ErrStopped is an engine that ended without having been asked to.
var ErrStopped = errors.New("event engine stopped by itself")

// Serve runs an engine until ctx ends (nil) or the engine does (ErrStopped).
// ctr.State turns Ready once every port accepts.
func Serve(ctx context.Context, engine Engine, cfg Config, ctr *Counters) error {
	err := engine(ctx, New(cfg, ctr))
	ctr.State.Store(int32(Stopped))
	switch {
	case err != nil:
		return fmt.Errorf("run event engine: %w", err)
	case ctx.Err() == nil:
		return ErrStopped
	}
	return nil
}
