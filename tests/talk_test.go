package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/ws"
)

// chat is a small WebSocket server that is no echo: it greets, wants a login first,
// acknowledges what it is told, and pushes a tick to all who have logged in.
type chat struct {
	mu     sync.Mutex
	room   map[net.Conn]bool
	full   int           // when so many are in it, they are told at once
	told   chan struct{} // closed then: nobody has an answer before
	ticks  atomic.Int64
	strays atomic.Int64 // what it did not expect
}

// text is a server's text frame of less than 126 bytes, RFC 6455 section 5.2.
func text(s string) []byte { return append([]byte{0x81, byte(len(s))}, s...) }

// frame reads a client's frame of less than 126 bytes.
func frame(from io.Reader) (op byte, payload string, err error) {
	var head [6]byte
	if _, err = io.ReadFull(from, head[:]); err != nil {
		return 0, "", err
	}
	b := make([]byte, head[1]&0x7F)
	_, err = io.ReadFull(from, b)
	for i := range b {
		b[i] ^= head[2+i%4]
	}
	return head[0], string(b), err
}

func (c *chat) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	var request []byte
	for !strings.HasSuffix(string(request), "\r\n\r\n") {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		request = append(request, line...)
	}
	_, response, ok := ws.Upgrade(request, nil, ws.Limits{})
	if _, _ = conn.Write(append(response, text("hello")...)); !ok {
		return
	}
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.room, conn)
	}()
	for logged := false; ; logged = true {
		op, said, err := frame(in)
		switch {
		case err != nil:
			return
		case op == 0x88: // a close frame is answered with its code
			_, _ = conn.Write(append([]byte{0x88, byte(len(said))}, said...))
			return
		case op != 0x81, logged != strings.HasPrefix(said, `{"say":`):
			c.strays.Add(1)
		case !logged:
			_, _ = conn.Write(text("welcome"))
			c.enter(conn)
		default:
			<-c.told // however slow it was
			_, _ = conn.Write(text(`{"ack":` + said + "}"))
		}
	}
}

// enter adds a connection that has logged in.
func (c *chat) enter(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.room[conn] = true; len(c.room) == c.full {
		c.push()
		close(c.told)
	}
}

// push sends the next tick to all who have logged in.
func (c *chat) push() {
	tick := text(fmt.Sprintf("tick %04d", c.ticks.Add(1)))
	for conn := range c.room {
		_, _ = conn.Write(tick)
	}
}

// tick pushes until ended is closed.
func (c *chat) tick(every time.Duration, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-time.After(every):
		}
		c.mu.Lock()
		c.push()
		c.mu.Unlock()
	}
}

// TestChat: a thousand users of a server that is no echo lose nothing, and what it
// pushes is counted, and seen to be the same for all.
func TestChat(t *testing.T) {
	const conns = 1000
	server := &chat{room: map[net.Conn]bool{}, full: conns, told: make(chan struct{})}
	ended := make(chan struct{})
	var ticker sync.WaitGroup
	ticker.Go(func() { server.tick(100*time.Millisecond, ended) })
	defer ticker.Wait()
	defer close(ended)
	o := client(t, nil, nil, to(listen(t, server.serve), "--proto", "ws", "--conns", fmt.Sprint(conns), "--hold", "1s",
		"--first", `{"login":{i}}`, "--message", `{"say":"{rand}"}`, "--expect", `{"ack":{"say"`, "--skip", "1",
		"--interval", "500ms")...)
	o.HasResult(t)
	c, e, heard := o.Result.Conns, o.Result.Echo, o.Result.Talk
	delete(c.Errors, "echo_skipped") // of a machine that is busy with other things
	if o.Status != 0 || c.Established != conns || c.Lost != 0 || len(c.Errors) > 0 || server.strays.Load() > 0 {
		t.Errorf("status %d, %+v, %d strays; %s", o.Status, c, server.strays.Load(), o.Stderr)
	}
	if e == nil || heard == nil || heard.First == nil || heard.Pushes == nil || heard.FanOut == nil {
		t.Fatalf("%+v, %+v", e, heard)
	}
	if e.Sent < conns || e.Received != e.Sent || e.Lost+e.Mismatched != 0 || e.Verified != conns {
		t.Errorf("messages %+v", *e)
	}
	if heard.Skipped != conns || heard.First.Sent != conns || heard.First.Answered != conns {
		t.Errorf("%d passed over, first %+v", heard.Skipped, *heard.First)
	}
	if p := heard.Pushes; p.Conns != conns || p.Received < conns || p.Received > conns*server.ticks.Load() ||
		p.Bytes != p.Received*int64(len("tick 0000")) {
		t.Errorf("pushes %+v of %d ticks", *p, server.ticks.Load())
	}
	if f := heard.FanOut; f.Most != conns {
		t.Errorf("%+v of %d ticks", *f, server.ticks.Load())
	}
}
