// Command coder is a WebSocket echo server on coder/websocket v1.8.15 (once
// nhooyr.io/websocket) and net/http: a goroutine a connection.
//
// Tuned: nothing is there to be tuned; it follows the echo example of the
// project (internal/examples/echo), which streams from reader to writer. The
// limit on messages, 32 KiB, is lifted to 16 MiB, and so is the example's rate
// limit.
package main

import (
	"context"
	"io"
	"net/http"

	"github.com/coder/websocket"

	"github.com/c10m/c10m/bench/internal/peer"
)

// maxMessage is the largest message that is echoed, bytes.
const maxMessage = 16 << 20

var server = peer.Server{Name: "coder", WS: peer.HTTP(serve)}

func main() { server.Main() }

func serve(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxMessage)
	// README: "Use of r.Context() is not recommended".
	for ctx := context.Background(); echo(ctx, conn) == nil; {
	}
}

func echo(ctx context.Context, conn *websocket.Conn) error {
	kind, r, err := conn.Reader(ctx)
	if err != nil {
		return err
	}
	w, err := conn.Writer(ctx, kind)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Close()
}
