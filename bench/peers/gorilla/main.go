// Command gorilla is a WebSocket echo server on gorilla/websocket v1.5.3 and
// net/http: a goroutine a connection.
//
// Tuned: a pool of write buffers, so that a connection holds none while it is
// idle, and no buffer sizes, so that the upgrader goes on with the buffers that
// net/http made: package documentation, section "Buffers".
package main

import (
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/c10m/c10m/bench/internal/peer"
)

var server = peer.Server{Name: "gorilla", WS: peer.HTTP(echo)}

var upgrader = websocket.Upgrader{
	WriteBufferPool: &sync.Pool{},
	CheckOrigin:     func(*http.Request) bool { return true },
}

func main() { server.Main() }

func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, message); err != nil {
			return
		}
	}
}
