package sys

import (
	"net"
	"net/netip"
	"testing"
)

func TestTCPSockets(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		at := l.Addr().(*net.TCPAddr).AddrPort()
		var conns []net.Conn
		for range 3 { // nobody accepts them
			c, err := net.Dial("tcp", at.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conns = append(conns, c)
		}
		if _, err := conns[0].Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		var listener SockInfo
		clients := map[netip.AddrPort]bool{}
		unread := uint32(0)
		err = TCPSockets(func(s SockInfo) bool {
			switch {
			case s.State == Listening && s.Local == at:
				listener = s
			case s.State == Established && s.Remote == at:
				clients[s.Local] = true
			case s.State == Established && s.Local == at:
				unread += s.Unread
			}
			return true
		}, Listening, Established)
		if err != nil {
			t.Fatal(err)
		}
		if listener.Unread != 3 || listener.Unsent == 0 {
			t.Errorf("%s: listener %+v, want 3 waiting and room for more", host, listener)
		}
		for _, c := range conns {
			if !clients[c.LocalAddr().(*net.TCPAddr).AddrPort()] {
				t.Errorf("%s: %v is not shown", host, c.LocalAddr())
			}
		}
		if unread != 100 {
			t.Errorf("%s: %d bytes unread, want 100", host, unread)
		}
		n := 0
		if err := TCPSockets(func(SockInfo) bool { n++; return false }, Listening, Established); err != nil || n != 1 {
			t.Errorf("%s: %d sockets shown after false, %v; want 1", host, n, err)
		}
	}
}

// FuzzReadSockets: whatever a datagram holds, nothing is read beyond it.
func FuzzReadSockets(f *testing.F) {
	one := make([]byte, 16+diagMsg)
	one[0], one[4], one[16], one[17] = byte(len(one)), 20, 2, 10
	f.Add(one)
	f.Add(append(one, 20, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	f.Add([]byte{20, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		_, _, _ = readSockets(b, func(SockInfo) bool { n++; return true })
		if n > len(b)/(16+diagMsg) {
			t.Errorf("%d sockets in %d bytes", n, len(b))
		}
	})
}
