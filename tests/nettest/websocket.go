package nettest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Request is the opening handshake of a WebSocket client, with the key that RFC 6455
// section 1.3 has as its example. AcceptKey is the value of Sec-WebSocket-Accept that
// answers it.
const (
	Request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	AcceptKey = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// Upgrade sends Request and reads the answer. The reader it returns has what the server
// has sent after it.
func Upgrade(c net.Conn) (*bufio.Reader, error) {
	if _, err := io.WriteString(c, Request); err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != AcceptKey {
		return nil, fmt.Errorf("the handshake was answered with %s, %v", resp.Status, resp.Header)
	}
	return r, nil
}
