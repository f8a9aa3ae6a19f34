package echotest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// WS tests what every WebSocket peer does, with gorilla's client.
func WS(t *testing.T, run Run) {
	t.Run("ws", func(t *testing.T) {
		ports := start(t, run, "ws", 3)
		for i := range ports.N {
			conn := upgrade(t, ports.First+i)
			message(t, conn, websocket.BinaryMessage, payload(64))
			message(t, conn, websocket.TextMessage, []byte("grüß dich"))
		}
		conn := upgrade(t, ports.First)
		message(t, conn, websocket.BinaryMessage, payload(200_000))
		ping(t, conn)
		closing(t, conn)
	})
}

func upgrade(t *testing.T, port int) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial(fmt.Sprintf("ws://%s/", address(port)), nil)
	if err != nil {
		t.Fatalf("upgrade on port %d: %v", port, err)
	}
	t.Cleanup(func() { conn.Close() })
	end := time.Now().Add(patience)
	if err := errors.Join(conn.SetReadDeadline(end), conn.SetWriteDeadline(end)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// message sends a message and checks that it comes back whole and as the same kind.
func message(t *testing.T, conn *websocket.Conn, kind int, want []byte) {
	t.Helper()
	if err := conn.WriteMessage(kind, want); err != nil {
		t.Fatal(err)
	}
	gotKind, got, err := conn.ReadMessage()
	if err != nil || gotKind != kind || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes of kind %d sent, %d of kind %d came back, %v", len(want), kind, len(got), gotKind, err)
	}
}

// ping: RFC 6455 section 5.5.3: the pong has the ping's payload.
func ping(t *testing.T, conn *websocket.Conn) {
	t.Helper()
	got := ""
	conn.SetPongHandler(func(data string) error { got = data; return nil })
	if err := conn.WriteControl(websocket.PingMessage, []byte("there?"), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	message(t, conn, websocket.TextMessage, []byte("after the ping")) // the pong came before
	if got != "there?" {
		t.Errorf("pong %q, want the ping's payload", got)
	}
}

// closing: RFC 6455 section 5.5.1: a close frame is answered by one.
func closing(t *testing.T, conn *websocket.Conn) {
	t.Helper()
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, _, err := conn.ReadMessage()
	if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("after the close frame: %v, want one back", err)
	}
}
