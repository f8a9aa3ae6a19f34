// Command rawepoll is an echo server in Go with nothing between it and
// epoll(7): the yardstick for how fast an engine such as gnet can echo.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/c10m/c10m/peers/internal/portrange"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run serves until ctx ends: 0; 1 when it cannot, 2 on bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ports := portrange.Range{First: 10000, N: 200}
	fs := flag.NewFlagSet("rawepoll", flag.ContinueOnError)
	fs.SetOutput(stderr)
	addr := fs.String("addr", "127.0.0.1", "IP `address` to listen on")
	fs.Var(&ports, "ports", "`FIRST:COUNT` of the ports to listen on")
	loops := fs.Int("loops", runtime.NumCPU(), "event loops, an OS thread each")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	ip, err := netip.ParseAddr(*addr)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "rawepoll: --addr %q is not an IP address\n", *addr)
		return 2
	case *loops < 1 || *loops > 1024:
		fmt.Fprintf(stderr, "rawepoll: --loops %d: the legal range is 1..1024\n", *loops)
		return 2
	case fs.NArg() > 0:
		fmt.Fprintf(stderr, "rawepoll: unexpected argument %q\n", fs.Arg(0))
		return 2
	}
	if err := serve(ctx, ports.On(ip), *loops, func() { fmt.Fprintf(stdout, "ready rawepoll %s %s\n", ip, &ports) }); err != nil {
		fmt.Fprintf(stderr, "rawepoll: %v\n", err)
		return 1
	}
	return 0
}

// serve runs n loops, each with its own listeners on all of addrs, until ctx
// ends or one of them breaks.
func serve(ctx context.Context, addrs []netip.AddrPort, n int, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loops := make([]*loop, n)
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
	ended := make(chan error, n)
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
