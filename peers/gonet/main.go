// Command gonet is the echo server that everyone writes first: a net.Listener
// a port and a goroutine a connection. It is the server that is not ours: the
// client must work against it.
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
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/c10m/c10m/peers/internal/portrange"
)

// bufferSize is what a goroutine a connection usually takes. Not io.Copy: on
// two TCP connections it would splice through a pipe, 3 fds a connection.
const bufferSize = 4096

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run serves until ctx ends: 0; 1 when it cannot, 2 on bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ports := portrange.Range{First: 10000, N: 200}
	fs := flag.NewFlagSet("gonet", flag.ContinueOnError)
	fs.SetOutput(stderr)
	addr := fs.String("addr", "127.0.0.1", "IP `address` to listen on")
	fs.Var(&ports, "ports", "`FIRST:COUNT` of the ports to listen on")
	loops := fs.Int("loops", runtime.NumCPU(), "OS threads that run Go code at once, GOMAXPROCS")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	ip, err := netip.ParseAddr(*addr)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "gonet: --addr %q is not an IP address\n", *addr)
		return 2
	case *loops < 1 || *loops > 1024:
		fmt.Fprintf(stderr, "gonet: --loops %d: the legal range is 1..1024\n", *loops)
		return 2
	case fs.NArg() > 0:
		fmt.Fprintf(stderr, "gonet: unexpected argument %q\n", fs.Arg(0))
		return 2
	}
	runtime.GOMAXPROCS(*loops)
	var listeners []net.Listener
	for _, a := range ports.On(ip) {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			fmt.Fprintf(stderr, "gonet: %v\n", err)
			return 1
		}
		defer l.Close()
		listeners = append(listeners, l)
	}
	fmt.Fprintf(stdout, "ready gonet %s %s\n", ip, &ports)
	serve(ctx, listeners)
	return 0
}

// serve accepts on all listeners until ctx ends. Connections end with the process.
func serve(ctx context.Context, listeners []net.Listener) {
	var accepting sync.WaitGroup
	for _, l := range listeners {
		context.AfterFunc(ctx, func() { l.Close() })
		accepting.Go(func() { accept(l) })
	}
	accepting.Wait()
}

// accept hands each connection to a goroutine until the listener is closed. At
// the fd limit it waits and tries again, as net/http does.
func accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			go echo(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// echo sends back what it reads until the peer is done or gone.
func echo(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, bufferSize)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if _, err := conn.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
