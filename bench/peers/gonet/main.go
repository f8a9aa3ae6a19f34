// Command gonet is the echo server that everyone writes first: a net.Listener for
// each port and a goroutine for each connection.
//
// Go's own net package, as its documentation's example has it (package net,
// "The Listen function creates servers"). Tuned: a 4 KiB buffer a connection
// instead of io.Copy, which on two TCP connections would splice through a pipe
// and take 3 fds each.
package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/c10m/c10m/bench/internal/peer"
)

// bufferSize is what a goroutine a connection usually takes.
const bufferSize = 4096

var server = peer.Server{Name: "gonet", TCP: serve}

func main() { server.Main() }

// serve accepts on all addresses until ctx ends. Connections end with the process.
func serve(ctx context.Context, addrs []netip.AddrPort, ready func()) error {
	listeners, err := peer.Listen(addrs)
	if err != nil {
		return err
	}
	var accepting sync.WaitGroup
	for _, l := range listeners {
		context.AfterFunc(ctx, func() { l.Close() })
		accepting.Go(func() { accept(l) })
	}
	ready()
	accepting.Wait()
	return nil
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
