// Command nbio is a TCP and WebSocket echo server on lesismal/nbio v1.6.8:
// epoll, no goroutine a connection.
//
// Tuned: TCP as its README, "Quick Start"; WebSocket with IOModNonBlocking, the
// mode of the "1M Websocket Connections Benchmark" there, and with payloads
// released after each message (nbhttp.Config.ReleaseWebsocketPayload). Known: a
// message without payload is not handed to OnMessage, so it is not echoed.
package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"

	"github.com/c10m/c10m/bench/internal/peer"
)

const (
	// maxWaiting is what may wait for a slow reader before it is dropped, bytes:
	// the README's value.
	maxWaiting = 6 << 20
	// maxLoad is what nbhttp may hold; its default is 10,000.
	maxLoad = 1 << 30
	// stopWithin bounds the end: connections are closed one by one.
	stopWithin = 10 * time.Second
)

var server = peer.Server{Name: "nbio", TCP: serveTCP, WS: serveWS}

func init() { logging.SetLevel(logging.LevelError) } // it reports on stdout otherwise

func main() { server.Main() }

func serveTCP(ctx context.Context, addrs []netip.AddrPort, ready func()) error {
	listen, err := listeners(addrs)
	if err != nil {
		return err
	}
	engine := nbio.NewEngine(nbio.Config{Network: "tcp", Addrs: peer.Strings(addrs), Listen: listen,
		MaxWriteBufferSize: maxWaiting})
	engine.OnData(func(c *nbio.Conn, data []byte) {
		_, _ = c.Write(data) // it copies what does not go out at once
	})
	if err := engine.Start(); err != nil {
		return err
	}
	return until(ctx, ready, engine)
}

func serveWS(ctx context.Context, addrs []netip.AddrPort, ready func()) error {
	listen, err := listeners(addrs)
	if err != nil {
		return err
	}
	upgrader := websocket.NewUpgrader()
	upgrader.CheckOrigin = func(*http.Request) bool { return true }
	upgrader.KeepaliveTime = 0 // no deadline for idle connections, as in the other peers
	upgrader.OnMessage(func(c *websocket.Conn, kind websocket.MessageType, data []byte) {
		_ = c.WriteMessage(kind, data)
	})
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp", Addrs: peer.Strings(addrs), Listen: listen, MaxLoad: maxLoad, MaxWriteBufferSize: maxWaiting,
		IOMod: nbhttp.IOModNonBlocking, ReleaseWebsocketPayload: true,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = upgrader.Upgrade(w, r, nil) }),
	})
	if err := engine.Start(); err != nil {
		return err
	}
	return until(ctx, ready, engine)
}

// listeners opens them before an engine is there: one that cannot listen stops
// itself, and if its pollers have not begun by then (poller.readWriteLoop sets
// shutdown to false), it waits for them for ever.
func listeners(addrs []netip.AddrPort) (listen func(network, addr string) (net.Listener, error), err error) {
	all, err := peer.Listen(addrs)
	if err != nil {
		return nil, err
	}
	open := map[string]net.Listener{}
	for _, l := range all {
		open[l.Addr().String()] = l
	}
	return func(_, addr string) (net.Listener, error) { return open[addr], nil }, nil
}

// until says ready and stops the engine when ctx ends.
func until(ctx context.Context, ready func(), engine interface {
	Shutdown(context.Context) error
}) error {
	ready()
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	return engine.Shutdown(ctx)
}
