//go:build chaos

package chaos

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Frames by hand: internal/ws must not be what checks itself.

// Bits and opcodes of a frame's first byte, RFC 6455 section 5.2.
const (
	fin        = 0x80
	opContinue = 0x0
	opBinary   = 0x2
	opClose    = 0x8
	opPing     = 0x9
)

// frame is a client's frame that announces size bytes and carries payload. Its
// masking key is 0, so that the payload stands as it is.
func frame(first byte, size int, payload []byte) []byte {
	f := []byte{first}
	switch {
	case size < 126:
		f = append(f, fin|byte(size))
	case size < 1<<16:
		f = append(f, fin|126, byte(size>>8), byte(size))
	default:
		f = append(f, fin|127, 0, 0, 0, 0, byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
	}
	return append(append(f, 0, 0, 0, 0), payload...)
}

// opening is an opening handshake, RFC 6455 section 4.1, without its last line.
const opening = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

// upgrade does the opening handshake.
func upgrade(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	defer func() { _ = c.SetDeadline(time.Time{}) }()
	if _, err := io.WriteString(c, opening+"\r\n"); err != nil {
		return err
	}
	// The server sends nothing more before we do.
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("handshake answered %s", resp.Status)
	}
	return nil
}

// again dials and, if asked to, upgrades one connection.
func again(t target, i int, up bool, d *deed) *net.TCPConn {
	c, err := net.DialTimeout("tcp4", t.addr(i), time.Minute)
	if err == nil && up {
		if err = upgrade(c); err != nil {
			_ = c.Close()
		}
	}
	if err != nil {
		d.Error = err.Error()
		time.Sleep(10 * time.Millisecond)
		return nil
	}
	d.Conns++
	return c.(*net.TCPConn)
}

// handshakes connects and says nothing, or so little at a time that the
// handshake would take hours. Those the server has ended come again.
func handshakes(t target) (d deed) {
	all := make([]*net.TCPConn, t.conns)
	for i := range all {
		all[i] = again(t, i, false, &d)
	}
	for k := 0; !t.over(); k++ {
		for i, c := range all {
			if c == nil {
				all[i] = again(t, i, false, &d)
				continue
			}
			if i%2 == 0 {
				n, _ := c.Write([]byte{opening[k%len(opening)]})
				d.Bytes += int64(n)
			}
			_ = c.SetReadDeadline(time.Now().Add(time.Microsecond))
			if _, err := c.Read(make([]byte, 1)); err != nil && !os.IsTimeout(err) {
				d.Ended++
				_ = c.Close()
				all[i] = nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return d
}

// oneByOne sends something to a connection of its own each time, upgraded or
// not, and waits until the server has ended it.
func oneByOne(t target, up bool, what func(i int) []byte) (d deed) {
	sink := make([]byte, 4096)
	for i := 0; !t.over(); i++ {
		c := again(t, i, up, &d)
		if c == nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		n, _ := c.Write(what(i))
		d.Bytes += int64(n)
		_ = c.CloseWrite()
		for {
			if _, err := c.Read(sink); err != nil {
				if !os.IsTimeout(err) {
					d.Ended++
				}
				break
			}
		}
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	return d
}

// garbage is what is no HTTP at all, and some that almost is.
func garbage(t target) deed {
	kinds := []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00\xff\x7f", 150) + "\r\n\r\n", // TLS
		"GET / HTTP/1.1\r\n\r\n",
		"POST /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
		"\r\n\r\n\r\n\r\n",
		strings.Repeat("\x00", 3000) + "\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n\r\n",
		strings.Replace(opening, "13", "12", 1) + "\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nUpgrade: websocket\r\nContent-Length: -1\r\n\r\n",
	}
	return oneByOne(t, false, func(i int) []byte { return []byte(kinds[i%len(kinds)]) })
}

// hugeHeaders never end their header, or not before 64 KiB.
func hugeHeaders(t target) deed {
	long := []byte(opening + "X-Long: " + strings.Repeat("y", 64<<10) + "\r\n\r\n")
	many := []byte(opening + strings.Repeat("X-Many: z\r\n", 6000))
	return oneByOne(t, false, func(i int) []byte {
		if i%2 == 0 {
			return long
		}
		return many
	})
}

// badFrames are frames that RFC 6455 forbids.
func badFrames(t target) deed {
	kinds := [][]byte{
		{fin | opBinary, 5, 'h', 'e', 'l', 'l', 'o'},                            // not masked
		frame(fin|0x40|opBinary, 1, []byte{1}),                                  // a reserved bit
		frame(fin|0x3, 1, []byte{1}),                                            // a reserved opcode
		frame(fin|opContinue, 1, []byte{1}),                                     // continues nothing
		frame(opPing, 1, []byte{1}),                                             // a fragmented ping
		frame(fin|opPing, 126, make([]byte, 126)),                               // a ping too long
		{fin | opBinary, fin | 127, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0},   // 2^64 bytes announced
		{fin | opBinary, fin | 126, 0, 1, 0, 0, 0, 0, 'x'},                      // a length not in its shortest form
		append(frame(opBinary, 1, []byte{1}), frame(opBinary, 1, []byte{1})...), // a message within another
		frame(fin|opClose, 1, []byte{1}),                                        // half a close code
	}
	return oneByOne(t, true, func(i int) []byte { return kinds[i%len(kinds)] })
}

// endless sends fragments of a message that never ends, and reads what comes.
func endless(t target, fragments []byte) (d deed) {
	first := frame(opBinary, 1, []byte{1})
	return flood(t, first, fragments, true)
}

// pings floods with pings and reads nothing.
func pings(t target) (d deed) {
	ping := frame(fin|opPing, 125, make([]byte, 125))
	var many []byte
	for range 200 {
		many = append(many, ping...)
	}
	return flood(t, nil, many, false)
}

// flood upgrades, sends first once and then more over and over on each
// connection. Those that the server has ended come again.
func flood(t target, first, more []byte, read bool) (d deed) {
	type peer struct {
		*net.TCPConn
		at int // how much of more is written
	}
	all := make([]peer, t.conns)
	sink := make([]byte, 64<<10)
	open := func(i int) {
		all[i] = peer{TCPConn: again(t, i, true, &d)}
		if all[i].TCPConn != nil {
			_, _ = all[i].Write(first)
		}
	}
	for i := range all {
		open(i)
	}
	for !t.over() {
		for i := range all {
			p := &all[i]
			if p.TCPConn == nil {
				open(i)
				continue
			}
			_ = p.SetDeadline(time.Now().Add(time.Millisecond))
			n, err := p.Write(more[p.at:])
			d.Bytes += int64(n)
			p.at = (p.at + n) % len(more)
			if read && (err == nil || os.IsTimeout(err)) {
				_, err = p.Read(sink)
			}
			if err != nil && !os.IsTimeout(err) {
				d.Ended++
				_ = p.SetLinger(0)
				_ = p.Close()
				open(i)
			}
		}
		time.Sleep(time.Millisecond)
	}
	return d
}

// closes upgrades and closes, in order or in the middle of it, at full speed.
func closes(t target) (d deed) {
	normal := frame(fin|opClose, 2, []byte{1000 >> 8, 1000 & 0xff})
	for i := 0; !t.over(); i++ {
		c := again(t, i, true, &d)
		if c == nil {
			continue
		}
		n, _ := c.Write(normal)
		d.Bytes += int64(n)
		switch i % 3 {
		case 0: // reads the answer
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := c.Read(make([]byte, 4)); err == nil {
				d.Ended++
			}
		case 1:
			_ = c.SetLinger(0)
		}
		_ = c.Close()
	}
	return d
}
