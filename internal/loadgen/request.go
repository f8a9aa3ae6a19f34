package loadgen

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/fill"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/ws"
)

// Request is the opening handshake for a destination. Its Host field has the name by
// which the user called it, with the port unless the scheme implies that, RFC 6455
// section 4.1.
func Request(t *plan.Target, to *plan.Dest, lines *fill.Lines) (*ws.Template, error) {
	host := to.At.String()
	if to.Name != "" {
		host = net.JoinHostPort(to.Name, strconv.Itoa(int(to.At.Port())))
	}
	implied := ":80"
	if to.TLS {
		implied = ":443"
	}
	host = strings.TrimSuffix(host, implied)
	request, err := ws.NewTemplate(host, to.Path, t.WebSocket.Headers, t.WebSocket.Subprotocol)
	if err != nil {
		return nil, fmt.Errorf("write handshake: %w", err)
	}
	request.Fill(lines, t.Seed)
	return request, nil
}

// linesOf are the lines that {line} is taken from; nil: there are none.
func linesOf(t *plan.Target) (*fill.Lines, error) {
	if t.Lines == "" {
		return nil, nil
	}
	lines, err := fill.ParseLines(string(t.Lines))
	if err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	return lines, nil
}
