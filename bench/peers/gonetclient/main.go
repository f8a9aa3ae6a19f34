// Command gonetclient is the client that everyone writes first: a goroutine for each
// connection, on Go's net package. It opens connections, reads what comes and holds them
// until it is told to end.
//
// Tuned: at most 512 dials under way at once, a 4 KiB buffer a connection. It
// does not bind, so the kernel chooses local ports at connect.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/c10m/c10m/internal/unit"
)

const (
	bufferSize = 4096
	dialing    = 512
	maxConns   = 1_000_000
	usage      = "usage: gonetclient [--conns N] [--tcp FIRST:COUNT] [--host ADDRESS]"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run holds the connections until ctx ends: 0; 1 when it cannot open them all,
// 2 on bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ports := unit.Ports{First: 10000, N: 200}
	fs := flag.NewFlagSet("gonetclient", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	host := fs.String("host", "127.0.0.1", "")
	conns := fs.Int("conns", 1000, "")
	fs.Var(&ports, "tcp", "")
	err := fs.Parse(args)
	ip, hostErr := netip.ParseAddr(*host)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, usage)
		return 0
	case err != nil:
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case hostErr != nil:
		err = fmt.Errorf("--host %q is not an IP address", *host)
	case *conns < 1 || *conns > maxConns:
		err = fmt.Errorf("--conns %d: the legal range is 1..%d", *conns, maxConns)
	}
	if err != nil {
		fmt.Fprintf(stderr, "gonetclient: %v; %s\n", err, usage)
		return 2
	}
	all, err := open(ctx, ports.On(ip), *conns)
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	if err != nil {
		fmt.Fprintf(stderr, "gonetclient: %d of %d connections: %v\n", len(all), *conns, err)
		return 1
	}
	fmt.Fprintf(stdout, "ready gonetclient %d connections\n", len(all))
	<-ctx.Done()
	return 0
}

// open dials n connections, spread over the addresses, and reads from each. It
// returns those it has, and the first error.
func open(ctx context.Context, addrs []netip.AddrPort, n int) (all []net.Conn, first error) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	free := make(chan struct{}, dialing)
	for i := range n {
		free <- struct{}{}
		wait.Go(func() {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", addrs[i%len(addrs)].String())
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				all = append(all, conn)
				go discard(conn)
			} else if first == nil {
				first = err
			}
			<-free
		})
	}
	wait.Wait()
	return all, first
}

// discard reads until the connection ends.
func discard(conn net.Conn) {
	buf := make([]byte, bufferSize)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}
