package tests

import (
	"fmt"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// leaking is a server that echoes, and keeps all that it was sent.
const leaking = `
import asyncio, sys
kept = []
class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        kept.append(bytearray(2048))
        self.transport.write(data)
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", int(sys.argv[1]), backlog=1000)
    await server.serve_forever()
asyncio.run(main())
`

var soakFlags = []string{"--users", "10", "--requests", "20", "--duration", "5s", "--every", "100ms", "--warm-up",
	"0.4"}

// holding is a server that echoes, and never closes connections that its clients have
// closed.
const holding = `
import selectors, socket, sys
loop, kept = selectors.DefaultSelector(), []
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1000)
loop.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in loop.select():
        s = key.fileobj
        if s is listener:
            loop.register(s.accept()[0], selectors.EVENT_READ)
            continue
        try:
            data = s.recv(4096)
            s.sendall(data)
        except OSError:
            data = b""
        if not data:
            loop.unregister(s)
            kept.append(s)
`

// python runs a server in Python and waits until it accepts.
func python(t *testing.T, program string) (port int) {
	t.Helper()
	_, port = process(t, program)
	return port
}

// process runs a server in Python, with its port and args as its arguments, and waits
// until it accepts.
func process(t *testing.T, program string, args ...string) (pid, port int) {
	t.Helper()
	rig.NoLeaks(t)
	port, _ = freePorts(t, 1)
	command := append([]string{"/usr/bin/python3", "-c", program, fmt.Sprint(port)}, args...)
	return rig.Program(t, port, command...), port
}

func TestSoakFindsALeak(t *testing.T) {
	port := python(t, leaking)
	tries(t, func() string {
		o := client(t, nil, nil, append([]string{"soak", "--first-port", fmt.Sprint(port), "--server-control", "none"},
			soakFlags...)...)
		r := o.Result
		if o.Status != 1 || r == nil || !r.Leak || !strings.HasPrefix(report.Verdict(r), "LEAK") {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, r, o.Stderr)
		}
		// 2 KiB and a little more for each message.
		growth := report.Tables(r)[2]
		if n, _ := cell(t, growth, 0, "per transaction"); n < 1500 || n > 4000 {
			return fmt.Sprintf("%g bytes a transaction, want a little more than 2048: %s", n, report.Verdict(r))
		}
		if low, _ := cell(t, growth, 0, "at least"); low <= 0 {
			return fmt.Sprintf("at least %g bytes an hour", low)
		}
		return ""
	})
}

// A server whose memory stays as it is and that never closes: its fds tell, and
// the sockets in CLOSE_WAIT, where its clients end them with a FIN.
func TestSoakFindsSocketsNobodyCloses(t *testing.T) {
	for how, want := range map[string][]string{"fin": {"fds more every hour", "are in CLOSE_WAIT"},
		"rst": {"fds more every hour"}} {
		port := python(t, holding)
		tries(t, func() string {
			o := client(t, nil, nil, "soak", "--first-port", fmt.Sprint(port), "--server-control", "none", "--close",
				how,
				"--users", "5", "--requests", "200", "--duration", "3s", "--every", "50ms", "--warm-up", "0.2")
			r := o.Result
			if o.Status != 1 || r == nil || !r.Leak || !strings.HasPrefix(report.Verdict(r), "LEAK") {
				return fmt.Sprintf("%s: status %d, %+v; %s", how, o.Status, r, o.Stderr)
			}
			for _, words := range want {
				if !strings.Contains(report.Verdict(r), words) {
					return fmt.Sprintf("%s: %q lacks %q", how, report.Verdict(r), words)
				}
			}
			if n, _ := cell(t, report.Tables(r)[1], 0, "per connection"); n < 0.5 || n > 2 {
				return fmt.Sprintf("%s: %g fds a connection, want 1", how, n)
			}
			return ""
		})
	}
}

func TestSoakOfOurs(t *testing.T) {
	s := start(t, 1, nil, "--max-conns", "1000")
	// Its heap has to reach its size before, since five seconds are short for that.
	if o := client(t, nil, nil, s.lab("stress", "--users", "10", "--loops", "20000", "--mode", "keepalive",
		"--requests", "20", "--close", "rst")...); o.Status != 0 {
		t.Fatalf("status %d: %s", o.Status, o.Stderr)
	}
	tries(t, func() string {
		o := client(t, nil, nil, s.lab("soak", soakFlags...)...)
		r := o.Result
		// Of a few seconds it may say that they are too few to tell.
		if o.Status != 0 || r == nil || r.Leak || r.Soak == nil || !r.Soak.LoadHeld || r.Soak.Server == nil ||
			r.Soak.Server.Verdict == result.Leaks {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, r, o.Stderr)
		}
		if n, _ := cell(t, report.Tables(r)[0], 0, "server"); n < 1<<20 || len(report.Tables(r)[0].Rows) < 10 {
			return fmt.Sprintf("table %+v", report.Tables(r)[0])
		}
		return ""
	})
}
