// Command rawepoll is an echo server in Go with nothing between it and
// epoll(7): the floor that the other servers are compared with, and the
// yardstick for how fast an engine such as gnet can echo.
//
// Tuned: a loop a core, each an OS thread with SO_REUSEPORT listeners
// (socket(7)), level-triggered, one 64 KiB buffer a loop and nothing a
// connection.
package main

import (
	"context"
	"net/netip"
	"runtime"

	"github.com/c10m/c10m/bench/internal/peer"
)

var server = peer.Server{Name: "rawepoll", TCP: serve}

func main() { server.Main() }

// serve runs a loop a core, each with its own listeners on all of addrs, until
// ctx ends or one of them breaks.
func serve(ctx context.Context, addrs []netip.AddrPort, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loops := make([]*loop, runtime.GOMAXPROCS(0))
	for i := range loops {
		l, err := newLoop(addrs)
		if err != nil {
			return err
		}
		defer l.close()
		loops[i] = l
		stop := context.AfterFunc(ctx, l.wake)
		defer stop()
	}
	ended := make(chan error, len(loops))
	for _, l := range loops {
		go func() {
			runtime.LockOSThread()
			ended <- l.run(ctx)
		}()
	}
	ready()
	var first error
	for range loops {
		if err := <-ended; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}
