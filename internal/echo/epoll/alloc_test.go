//go:build !race

// The race detector makes sync.Pool forget on purpose, so this is measured
// without it.

package epoll

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
	"github.com/c10m/c10m/tests/heap"
)

// TestMallocsPerMessage: an echo allocates nothing, over TCP or WebSocket, in one
// read or in two.
func TestMallocsPerMessage(t *testing.T) {
	frame := ws.AppendFrame(nil, ws.OpBinary, pattern(64), 9)
	large := ws.AppendFrame(nil, ws.OpBinary, pattern(64<<10), 9)
	for _, tt := range []struct {
		name, proto string
		parts       [][]byte
		back        int
	}{
		{"TCP", echo.TCP, [][]byte{pattern(64)}, 64},
		{"WebSocket", echo.WS, [][]byte{frame}, 66},
		{"WebSocket in two reads", echo.WS, [][]byte{frame[:20], frame[20:]}, 66},
		{"64 KiB", echo.TCP, [][]byte{pattern(64 << 10)}, 64 << 10},
		{"WebSocket, 64 KiB", echo.WS, [][]byte{large}, 10 + 64<<10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const messages = 2000
			h := newHarness(t, tt.proto)
			in := make([]byte, 2*readSize)
			h.fds[0].upgrade(t, h)
			echo := func() {
				for _, p := range tt.parts {
					if _, errno := sys.Send(h.fds[0].peer, p); errno != 0 {
						t.Fatal(errno)
					}
					h.turn(t)
				}
				if n, errno := sys.Read(h.fds[0].peer, in); n != tt.back || errno != 0 {
					t.Fatalf("%d bytes came back, %v", n, errno)
				}
			}
			for range 100 {
				echo()
			}
			if got := float64(heap.Mallocs(func() {
				for range messages {
					echo()
				}
			})) / messages; got >= 0.05 {
				t.Errorf("%.2f mallocs a message, want less than 0.05", got)
			}
		})
	}
}

// TestMallocsPerConnection: accepting a connection and seeing its end allocate
// nothing, of TCP or of WebSocket, its handshake included.
func TestMallocsPerConnection(t *testing.T) {
	for _, proto := range []string{echo.TCP, echo.WS} {
		t.Run(proto, func(t *testing.T) {
			const conns = 1000
			s := serve(t, echo.Config{Loops: 1, Limit: conns, Ports: []echo.Port{{Proto: proto}}})
			_, to := rawSockets(t, 0, s.addr)
			in := make([]byte, 1024)
			hello := []byte(request)
			connect := func() {
				fd, errno := sys.Socket(syscall.AF_INET)
				if errno != 0 {
					t.Fatal(errno)
				}
				if errno := sys.Connect(fd, &to); errno != 0 && errno != sys.EINPROGRESS {
					t.Fatal(errno)
				}
				if n, errno := sys.Send(fd, hello); n != len(hello) || errno != 0 {
					t.Fatal(errno)
				}
				for {
					if n, _ := sys.Read(fd, in); n > 0 {
						break
					}
					runtime.Gosched()
				}
				sys.Close(fd)
			}
			for range 200 {
				connect()
			}
			if got := float64(heap.Mallocs(func() {
				for range conns {
					connect()
				}
			})) / conns; got >= 0.1 {
				t.Errorf("%.2f mallocs a connection, want less than 0.1", got)
			}
		})
	}
}
