package epoll

import (
	"context"
	"crypto/tls"
	"sync"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
)

// serverTLS is what a harness speaks TLS by, made once: its key takes a while.
var serverTLS = sync.OnceValue(func() *tls.Config {
	terms, err := secure.NewTerms(time.Now(), "x")
	if err != nil {
		panic(err)
	}
	cfg, err := terms.Config(context.Background())
	if err != nil {
		panic(err)
	}
	return cfg
})

var clientTLS = &tls.Config{InsecureSkipVerify: true}

// agree does the handshake of TLS: what the peer says goes out in parts, and the loop
// is told of readiness that is not there meanwhile.
func (g *game) agree(t *testing.T, parts []byte) {
	ended := make(chan error, 1)
	secure.NewPool(1, 2, 0).Handshake(g.tls, func() {}, func(err error) { ended <- err })
	turn, in := 0, make([]byte, 1000)
	g.until(t, "the handshake of TLS", func() bool {
		g.queue = g.tls.Out(g.queue)
		part := parts[turn%len(parts)]
		turn++
		g.write(t, int(part)+1)
		if c := g.conn(); c != nil && part&1 != 0 {
			g.handle(g.own, c, uint32(part)&(sys.EpollIn|sys.EpollOut|sys.EpollRdHup))
		}
		g.turn(t)
		if n, errno := sys.Read(g.peer, in); n > 0 && errno == 0 {
			g.tls.Feed(in[:n])
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			g.queue = g.tls.Out(g.queue)
			return true
		default:
			if g.gone {
				t.Fatal("reset in the handshake")
			}
			return false
		}
	})
}
