// Command gws is a WebSocket echo server on lxzan/gws v1.8.9 and net/http: a
// goroutine a connection.
//
// Tuned as its README, section "Best Practice": the upgrade on net/http, the
// read loop on a goroutine of its own so that the request's context can be
// collected. Left out, as in the other peers: compression, deadlines, and
// ParallelEnabled, which would let echoes pass each other.
package main

import (
	"net/http"

	"github.com/lxzan/gws"

	"github.com/c10m/c10m/bench/internal/peer"
)

var server = peer.Server{Name: "gws", WS: peer.HTTP(serve)}

var upgrader = gws.NewUpgrader(&handler{}, &gws.ServerOption{})

func main() { server.Main() }

func serve(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	go conn.ReadLoop()
}

// handler echoes; the rest of the events is the library's business.
type handler struct{ gws.BuiltinEventHandler }

func (*handler) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

func (*handler) OnMessage(conn *gws.Conn, message *gws.Message) {
	defer message.Close()
	_ = conn.WriteMessage(message.Opcode, message.Bytes())
}
