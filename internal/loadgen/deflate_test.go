package loadgen

import (
	"bytes"
	"compress/flate"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/c10m/c10m/internal/plan"
)

// theirs is gobwas's side of the extension.
var theirs = wsflate.Helper{
	Compressor: func(w io.Writer) wsflate.Compressor {
		f, _ := flate.NewWriter(w, flate.DefaultCompression)
		return f
	},
	Decompressor: func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) },
}

// deflating answers the handshake over gobwas/ws as an upgrader does, and lets serve
// handle the connection.
func deflating(t *testing.T, upgrader func() ws.Upgrader, serve func(*peer)) int {
	return wsServer(t, false, func(p *peer) {
		if _, err := upgrader().Upgrade(struct {
			io.Reader
			io.Writer
		}{p, p.Conn}); err == nil {
			serve(p)
		}
	})
}

// noContext agrees to what we offer.
func noContext() ws.Upgrader {
	e := wsflate.Extension{Parameters: wsflate.Parameters{ServerNoContextTakeover: true, ClientNoContextTakeover: true}}
	return ws.Upgrader{Negotiate: e.Negotiate}
}

// deflatedEcho sends back what it inflates, compressed, in frames of at most so many
// bytes.
func deflatedEcho(t *testing.T, most int) func(*peer) {
	return func(p *peer) {
		for {
			f, err := p.next()
			if err != nil {
				return
			}
			if f.Header.OpCode == ws.OpClose {
				_ = p.write(ws.NewCloseFrame(f.Payload))
				return
			}
			if squeezed, err := wsflate.IsCompressed(f.Header); err != nil || !squeezed {
				t.Errorf("a frame that is not compressed: %+v, %v", f.Header, err)
			}
			op := f.Header.OpCode
			plain, err := theirs.Decompress(f.Payload)
			if err != nil {
				t.Error(err)
			}
			body, _ := theirs.Compress(plain)
			for first := true; len(body) > 0; first = false {
				n := min(most, len(body))
				out := ws.NewFrame(op, n == len(body), body[:n])
				out.Header.Rsv = ws.Rsv(first, false, false)
				if p.write(out) != nil {
					return
				}
				op, body = ws.OpContinuation, body[n:]
			}
		}
	}
}

func TestDeflatedEcho(t *testing.T) {
	for name, tt := range map[string]struct {
		message plan.Payload
		depth   int
		most    int
	}{
		"rendered":  {`{"say":"{rand}{rand}","say":"{rand}","again":"{uuid}"}`, 1, 1 << 20},
		"fragments": {`{"say":"{rand}"}`, 1, 7},
		"pipelined": {`{"say":"{rand}"}`, 4, 1 << 20},
		"large":     {plan.Payload(strings.Repeat("{uuid}", 2000)), 2, 1 << 20},
		"pattern":   {"", 1, 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			p := talkPlan(deflating(t, noContext, deflatedEcho(t, tt.most)), 10,
				plan.Talk{Message: tt.message, Deflate: true})
			e, err := Start(p, 500)
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			e.Ramp(ctx)
			e.Exchange(ctx, Exchange{Size: 500, PerConn: 4, Depth: tt.depth, Drain: 20 * time.Second})
			e.Close(ctx)
			got, err := e.Stop()
			if err != nil || got.Sent != 40 || got.Received != 40 || got.Lost != 0 || got.Mismatched != 0 ||
				got.Closed != 10 {
				t.Fatalf("%+v, %v, %v", got.Counts, got.Errors, err)
			}
			d := got.Deflated
			if d.Agreed != 10 || d.Refused != 0 || d.Messages != 80 || d.Sent != got.Bytes || d.Received != got.Bytes ||
				d.SentWire < 40 || d.ReceivedWire < 40 || d.Spent <= 0 {
				t.Errorf("%+v", d)
			}
		})
	}
}

// TestDeflateRefusals: a server that does not take the offer gets plain messages; one
// that keeps to nothing is told by its own cause.
func TestDeflateRefusals(t *testing.T) {
	bomb, err := theirs.Compress(make([]byte, mostInflated+1))
	if err != nil {
		t.Fatal(err)
	}
	sends := func(payload []byte) func(*peer) {
		return func(p *peer) {
			f := ws.NewTextFrame(payload)
			f.Header.Rsv = ws.Rsv(true, false, false)
			_ = p.write(f)
			_, _ = io.Copy(io.Discard, p)
		}
	}
	keeps := func() ws.Upgrader {
		return ws.Upgrader{Header: ws.HandshakeHeaderString("Sec-WebSocket-Extensions: permessage-deflate\r\n")}
	}
	for _, tt := range []struct {
		name  string
		port  int
		offer bool
		cause string // "": all goes well
	}{
		{"does not take it", wsServer(t, true, plainEcho), true, ""},
		{"keeps its context", deflating(t, keeps, plainEcho), true, "handshake_deflate"},
		{"compresses all the same", wsServer(t, true, sends([]byte("x"))), false, "read_compressed"},
		{"is a bomb", deflating(t, noContext, sends(bomb)), true, "read_inflate"},
		{"sends nonsense", deflating(t, noContext, sends(bytes.Repeat([]byte{0xFF}, 9))), true, "read_inflate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := Start(talkPlan(tt.port, 2, plan.Talk{Deflate: tt.offer}), 64)
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			e.Ramp(ctx)
			if tt.cause == "" {
				e.Exchange(ctx, Exchange{Size: 64, PerConn: 3, Drain: 20 * time.Second})
			}
			for end := time.Now().Add(20 * time.Second); strings.HasPrefix(tt.cause, "read_") && e.Counts().Lost < 2 &&
				time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			got, err := e.Stop()
			switch {
			case err != nil:
				t.Error(err)
			case tt.cause == "" && (got.Received != 6 || len(got.Errors) > 0 || got.Deflated.Refused != 2):
				t.Errorf("%+v, %v, %+v", got.Counts, got.Errors, got.Deflated)
			case tt.cause != "" && got.Errors[tt.cause] != 2:
				t.Errorf("%v, want %s", got.Errors, tt.cause)
			}
		})
	}
}
