//go:build chaos

package chaos

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// storm connects and closes, orderly, at full speed.
func storm(t target) (d deed) { return connectAndClose(t, false) }

// rstFlood connects and resets at full speed.
func rstFlood(t target) (d deed) { return connectAndClose(t, true) }

func connectAndClose(t target, reset bool) (d deed) {
	var to []sys.Addr
	for i := range t.n {
		to = append(to, sys.NewAddr(netip.MustParseAddr("127.0.0.1"), uint16(t.first+i)))
	}
	for i := 0; !t.over(); i++ {
		fd, errno := sys.Socket(sys.Family(netip.IPv4Unspecified()))
		if errno != 0 {
			d.Error = errno.Error()
			return d
		}
		if errno := sys.Connect(fd, &to[i%len(to)]); errno == 0 || errno == sys.EINPROGRESS {
			d.Conns++
		}
		if reset || i%2 == 0 {
			// Only every second orderly close leaves TIME_WAIT behind: local
			// ports would run out before the time is over.
			sys.Reset(fd)
		}
		sys.Close(fd)
	}
	return d
}

// dialAll makes the connections that most attackers begin with.
func dialAll(t target, d *deed) (all []*net.TCPConn) {
	for i := range t.conns {
		c, err := net.DialTimeout("tcp4", t.addr(i), time.Minute)
		if err != nil {
			d.Error = err.Error()
			continue
		}
		all = append(all, c.(*net.TCPConn))
		d.Conns++
	}
	return all
}

// push writes b to every connection, over and over, without ever reading. Those
// that the server has ended are counted and dialled again.
func push(t target, d *deed, all []*net.TCPConn, b []byte) {
	for !t.over() {
		for i, c := range all {
			_ = c.SetWriteDeadline(time.Now().Add(time.Millisecond))
			n, err := c.Write(b)
			d.Bytes += int64(n)
			if err == nil || os.IsTimeout(err) {
				continue
			}
			d.Ended++
			_ = c.Close()
			time.Sleep(20 * time.Millisecond) // it is the connections that attack, not the bytes
			if again, err := net.Dial("tcp4", t.addr(i)); err == nil {
				all[i] = again.(*net.TCPConn)
				d.Conns++
			}
		}
	}
}

// slowReaders send all they can and read nothing.
func slowReaders(t target) (d deed) {
	push(t, &d, dialAll(t, &d), make([]byte, 256<<10))
	return d
}

// byteAtATime sends each byte in a packet of its own, and reads as slowly.
func byteAtATime(t target) (d deed) {
	all := dialAll(t, &d)
	for i := 0; !t.over(); i++ {
		for _, c := range all {
			if n, err := c.Write([]byte{byte(i)}); err == nil {
				d.Bytes += int64(n)
			}
		}
		for _, c := range all {
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			var b [1]byte
			if _, err := c.Read(b[:]); err != nil || b[0] != byte(i) {
				d.Error = fmt.Sprintf("byte %d came back as %d, %v", byte(i), b[0], err)
				return d
			}
		}
	}
	return d
}

// httpOnTCP sends HTTP requests with huge headers to the echo ports, and hangs
// up half way.
func httpOnTCP(t target) (d deed) {
	request := "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Long: "+strings.Repeat("y", 8000)+"\r\n", 16) + "\r\n"
	for i := 0; !t.over(); i++ {
		c, err := net.Dial("tcp4", t.addr(i))
		if err != nil {
			d.Error = err.Error()
			continue
		}
		d.Conns++
		n, _ := c.Write([]byte(request)[:len(request)*(i%4+1)/4])
		d.Bytes += int64(n)
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	return d
}

// noise sends random bytes of random lengths and reads some of them.
func noise(t target) (d deed) {
	all := dialAll(t, &d)
	b := make([]byte, 64<<10)
	x := uint64(1)
	for !t.over() {
		for i, c := range all {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			for k := range 64 {
				b[k] = byte(x >> (k % 56))
			}
			_ = c.SetDeadline(time.Now().Add(time.Millisecond))
			n, err := c.Write(b[:1+x%uint64(len(b))])
			d.Bytes += int64(n)
			if err == nil {
				_, err = c.Read(b[:1+x%1000])
			}
			if err != nil && !os.IsTimeout(err) {
				d.Ended++
				_ = c.Close()
				if again, err := net.Dial("tcp4", t.addr(i)); err == nil {
					all[i] = again.(*net.TCPConn)
					d.Conns++
				}
			}
		}
	}
	return d
}

// halfClosed shuts its sending side at once and leaves the rest open.
func halfClosed(t target) (d deed) {
	var held []*net.TCPConn
	for i := 0; !t.over(); i++ {
		c, err := net.Dial("tcp4", t.addr(i))
		if err != nil {
			d.Error = err.Error()
			continue
		}
		d.Conns++
		_, _ = c.Write([]byte("bye"))
		_ = c.(*net.TCPConn).CloseWrite()
		if held = append(held, c.(*net.TCPConn)); len(held) > t.conns {
			_ = held[0].SetLinger(0)
			_ = held[0].Close()
			held = held[1:]
		}
	}
	return d
}
