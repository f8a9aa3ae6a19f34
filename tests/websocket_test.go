package tests

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/tests/nettest"
	"github.com/c10m/c10m/tests/rig"
)

// wsPorts starts our server with n TCP and n WebSocket ports, and returns the
// first of the latter.
func wsPorts(t *testing.T, n int, flags ...string) (s *server, first int) {
	t.Helper()
	first, _ = freePorts(t, 2*n+2)
	return start(t, n, nil, append(flags, "--ws", fmt.Sprintf("%d:%d", first+n+2, n))...), first + n + 2
}

func TestWebSocket(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server []string
		client []string
		echoes int64 // at least
	}{
		{"idle, orderly close", nil, []string{"--hold", "0s", "--close", "fin"}, 2000},
		{"messages while holding", nil, []string{"--hold", "2s", "--interval", "500ms"}, 6000},
		{"messages of 300 kB", nil, []string{"--hold", "0s", "--size", "300000", "--verify", "500"}, 500},
		{"path, header and subprotocol", nil,
			[]string{"--hold", "0s", "--path", "/a?b=c", "--header", "X-A: b", "--subprotocol", "chat,echo"}, 2000},
		{"text", nil, []string{"--hold", "2s", "--interval", "500ms", "--text", "--size", "300"}, 6000},
		{"workers", []string{"--workers", "3"}, []string{"--hold", "0s", "--close", "fin"}, 2000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const ports, conns = 20, 2000
			s, first := wsPorts(t, ports, tt.server...)
			o := client(t, nil, nil, append([]string{"hold", "--proto", "ws", "--first-port", fmt.Sprint(first),
				"--ports", fmt.Sprint(ports),
				"--server-control", "http://" + s.control, "--conns", fmt.Sprint(conns)}, tt.client...)...)
			whole(t, o, conns)
			if h := o.Result.Setup.Handshake; o.Result.Echo.Received < tt.echoes || h == nil || h.Count != conns {
				t.Errorf("%d echoes, want at least %d; handshakes %+v, want %d", o.Result.Echo.Received, tt.echoes, h,
					conns)
			}
			await(t, "the server to see every close", func() bool { return s.report(t).Open == 0 })
			if r := s.report(t); len(r.Refused) > 0 {
				t.Errorf("the server counts %v", r.Refused)
			}
		})
	}
}

func TestMixedProtocols(t *testing.T) {
	const ports, conns = 10, 1001
	s, first := wsPorts(t, ports)
	o := client(t, nil, nil, "echo", "--proto", "tcp,ws", "--first-port", fmt.Sprintf("%d,%d", s.first, first),
		"--ports", fmt.Sprint(ports),
		"--server-control", "http://"+s.control, "--conns", fmt.Sprint(conns), "--hold", "1s")
	whole(t, o, conns)
	p := o.Result.Protocols
	if len(p) != 2 || p[0].Proto != "tcp" || p[0].Conns.Established != 501 || p[1].Proto != "ws" ||
		p[1].Conns.Established != 500 ||
		p[0].Echo.Received == 0 || p[1].Echo.Received == 0 ||
		p[0].Echo.Received+p[1].Echo.Received != o.Result.Echo.Received {
		t.Errorf("protocols %+v, want 501 tcp and 500 ws, both with echoes", p)
	}
	if o.Result.Plan.FirstPort != s.first || o.Result.Plan.WSFirstPort != first {
		t.Errorf("plan %+v, want the first ports %d and %d", o.Result.Plan, s.first, first)
	}
}

// Ping, fragments, any chunking: our client against servers that are not ours.
func TestWebSocketServersThatAreNotOurs(t *testing.T) {
	port, _ := freePorts(t, 1)
	for _, tt := range []struct {
		name    string
		command []string
	}{
		{"python3-websockets", []string{"/usr/bin/python3", "-c", pythonServer, fmt.Sprint(port)}},
		{"python3-tornado", []string{"/usr/bin/python3", "../bench/peers/tornado/echo.py", "--ws",
			fmt.Sprintf("%d:1", port)}},
		{"npm ws", []string{"node", "../bench/peers/nodews/echo.js", "--ws", fmt.Sprintf("%d:1", port)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rig.Program(t, 0, tt.command...)
			for _, size := range []string{"125", "70000"} {
				o := client(t, nil, nil, "hold", "--proto", "ws", "--first-port", fmt.Sprint(port), "--ports", "1",
					"--server-control", "none",
					"--conns", "100", "--hold", "600ms", "--interval", "200ms", "--size", size, "--close", "fin")
				whole(t, o, 100)
				if o.Result.Echo.Received < 200 || len(o.Result.Conns.Errors) > 0 {
					t.Errorf("%s B: echo %+v, errors %v", size, o.Result.Echo, o.Result.Conns.Errors)
				}
			}
		})
	}
}

// pythonServer echoes, and pings each client every 0.2 s.
const pythonServer = `
import asyncio, sys, websockets
async def echo(ws, *path):
    async for m in ws:
        await ws.send([m[:len(m)//2], m[len(m)//2:]] if len(m) > 1 else m)  # as two fragments
async def main():
    async with websockets.serve(echo, "127.0.0.1", int(sys.argv[1]), ping_interval=0.2, compression=None, max_size=None):
        print("ready", flush=True)
        await asyncio.Future()
asyncio.run(main())
`

// tornadoServer is an echo server as Tornado's documentation has it: it answers in text,
// whatever comes.
const tornadoServer = `
import sys, tornado.ioloop, tornado.web, tornado.websocket
class Echo(tornado.websocket.WebSocketHandler):
    def on_message(self, m):
        self.write_message(m)
tornado.web.Application([("/", Echo)]).listen(int(sys.argv[1]), "127.0.0.1")
print("ready", flush=True)
tornado.ioloop.IOLoop.current().start()
`

// A server that answers in text is told from one that answers other bytes, and
// --text is what it understands.
func TestWebSocketTextServer(t *testing.T) {
	port, _ := freePorts(t, 1)
	rig.Program(t, 0, "/usr/bin/python3", "-c", tornadoServer, fmt.Sprint(port))
	args := to(port, "--proto", "ws", "--conns", "50", "--hold", "0s")
	o := client(t, nil, nil, args...)
	if o.Status != 1 || o.Result == nil || o.Result.Conns.Errors["echo_text"] != 50 || o.Result.Echo.Mismatched != 0 {
		t.Errorf("status %d, %+v, %s", o.Status, o.Result, o.Stderr)
	}
	whole(t, client(t, nil, nil, append(args, "--text")...), 50)
}

// A WebSocket client at a TCP port, and a TCP client at a WebSocket port: each has a cause
// of its own.
func TestWrongProtocol(t *testing.T) {
	s, first := wsPorts(t, 1, "--handshake-timeout", "1s")
	o := client(t, nil, nil, s.to(1, "--proto", "ws", "--conns", "20", "--hold", "0s")...)
	if o.Status != 1 || o.Result == nil || o.Result.Conns.Errors["handshake_echoed"] != 20 ||
		o.Result.Conns.Established != 0 {
		t.Errorf("a WebSocket client at a TCP port: status %d, %+v, %s", o.Status, o.Result, o.Stderr)
	}
	o = client(t, nil, nil, "hold", "--first-port", fmt.Sprint(first), "--ports", "1", "--server-control",
		"http://"+s.control, "--conns", "20", "--hold", "5s", "--verify", "20")
	if o.Status != 1 || o.Result == nil || o.Result.Conns.Lost != 20 {
		t.Errorf("a TCP client at a WebSocket port: status %d, %+v, %s", o.Status, o.Result, o.Stderr)
	}
	if n := s.report(t).Refused["handshake_timeout"]; n != 20 {
		t.Errorf("the server counts %d handshake timeouts, want 20", n)
	}
}

// A refused handshake is counted by its HTTP status, and --show-failure shows the answer,
// without terminal escapes.
func TestShowFailure(t *testing.T) {
	port := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 426 Upgrade Required\r\nServer: nginx\x1b[31m\r\n\r\nno")
		_, _ = io.Copy(io.Discard, c)
	})
	for _, show := range []bool{true, false} {
		args := to(port, "--proto", "ws", "--conns", "20", "--hold", "0s")
		if show {
			args = append(args, "--show-failure")
		}
		o := client(t, nil, nil, args...)
		if o.Status != 1 || o.Result == nil || o.Result.Conns.Errors["handshake_status_426"] != 20 {
			t.Fatalf("status %d, %+v, %s", o.Status, o.Result, o.Stderr)
		}
		a := o.Result.FirstFailure
		if !show {
			if a != nil {
				t.Errorf("nobody asked for %+v", a)
			}
			continue
		}
		want := []string{"HTTP/1.1 426 Upgrade Required", "Server: nginx[31m", "", "no"}
		if a == nil || a.Cause != "handshake_status_426" || a.From != fmt.Sprintf("127.0.0.1:%d", port) ||
			!slices.Equal(a.Lines, want) || len(a.Sent) == 0 || a.Sent[0] != "GET / HTTP/1.1" {
			t.Errorf("the first failing exchange is %+v, want %q", a, want)
		}
	}
}

// SIGTERM: each WebSocket connection gets 1001 and the whole server ends with 0.
func TestWebSocketDrain(t *testing.T) {
	s, first := wsPorts(t, 1, "--workers", "2")
	var all []io.Reader
	for range 40 {
		c := nettest.Dial(t, fmt.Sprintf("127.0.0.1:%d", first))
		in, err := nettest.Upgrade(c)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, in)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); s.stop(t) }()
	for _, c := range all {
		if rest, err := io.ReadAll(c); err != nil || string(rest) != "\x88\x02\x03\xe9" {
			t.Errorf("at the end %q, %v; want the close frame 1001", rest, err)
		}
	}
	<-ended
}

// A server that agrees to permessage-deflate echoes what was compressed, and one that
// does not is spoken to without.
func TestServerDeflates(t *testing.T) {
	for _, flags := range [][]string{{"--deflate"}, nil} {
		_, ws := wsPorts(t, 1, flags...)
		o := client(t, nil, nil, "hold", "--proto", "ws", "--first-port", fmt.Sprint(ws), "--ports", "1", "--conns", "20",
			"--hold", "0s", "--settle", "0s", "--server-control", "none", "--deflate", "--message",
			strings.Repeat("say {i} ", 200))
		o.HasResult(t)
		agreed := int64(20 * len(flags))
		r := o.Result
		if o.Status != 0 || r.Echo == nil || r.Echo.Verified != 20 || r.Talk == nil || r.Talk.Deflate == nil ||
			r.Talk.Deflate.Agreed != agreed || r.Talk.Deflate.Refused != 20-agreed {
			t.Errorf("%v: status %d, echo %+v, talk %+v: %s", flags, o.Status, r.Echo, r.Talk, o.Stderr)
		}
	}
}
