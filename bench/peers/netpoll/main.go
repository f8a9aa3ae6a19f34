// Command netpoll is a TCP echo server on cloudwego/netpoll v0.7.2: epoll, a
// goroutine for a connection only while it has a request.
//
// Tuned: nothing; it follows docs/guide/guide_en.md, sections 1 (server) and
// 3.1 (nocopy API). An event loop serves one listener, so there is one a port;
// they share the pollers, one for every 20 cores.
package main

import (
	"context"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/cloudwego/netpoll"

	"github.com/c10m/c10m/bench/internal/peer"
)

// stopWithin bounds the end of one event loop: it waits for busy connections.
const stopWithin = 100 * time.Millisecond

var server = peer.Server{Name: "netpoll", TCP: serve}

func main() {
	netpoll.SetLoggerOutput(io.Discard) // it logs every broken connection
	server.Main()
}

func serve(ctx context.Context, addrs []netip.AddrPort, ready func()) error {
	ended := make(chan error, len(addrs))
	var serving sync.WaitGroup
	defer serving.Wait()
	for _, a := range addrs {
		l, err := netpoll.CreateListener("tcp", a.String())
		if err != nil {
			return err
		}
		loop, err := netpoll.NewEventLoop(echo)
		if err != nil {
			return err
		}
		defer stop(loop)
		serving.Go(func() { ended <- loop.Serve(l) })
	}
	ready()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

func stop(loop netpoll.EventLoop) {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	_ = loop.Shutdown(ctx) // connections that are still open end with the process
}

// echo sends back all that has come.
func echo(_ context.Context, conn netpoll.Connection) error {
	r, w := conn.Reader(), conn.Writer()
	defer r.Release()
	input, err := r.Next(r.Len())
	if err != nil {
		return err
	}
	if _, err := w.WriteBinary(input); err != nil {
		return err
	}
	return w.Flush()
}
