package tests

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// database answers each byte with one, after some time.
func database(t *testing.T, after time.Duration) (port string) {
	return fmt.Sprint(rig.Listen(t, func(c net.Conn) {
		b := make([]byte, 1)
		for {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			time.Sleep(after)
			_, _ = c.Write(b)
		}
	}).Port())
}

// stalling is an event loop that asks its database for each message, and waits for
// the answer in recv(2), as drivers in C do.
const stalling = `
import selectors, socket, sys
loop = selectors.DefaultSelector()
l = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
db = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
loop.register(l, 1)
while True:
    for key, _ in loop.select():
        if key.fileobj is l:
            loop.register(l.accept()[0], 1)
            continue
        try: b = key.fileobj.recv(65536)
        except ConnectionError: b = b""
        if not b:
            loop.unregister(key.fileobj); key.fileobj.close()
            continue
        db.sendall(b"?"); db.recv(1)
        key.fileobj.sendall(b)
`

// A loop that waits for its database in a call: its processor idles, and so does
// everybody else's.
func TestDiagnoseBlockedLoop(t *testing.T) {
	db := database(t, 20*time.Millisecond)
	pid, port := process(t, stalling, db)
	tries(t, func() string {
		o := client(t, nil, nil, "echo", "--first-port", fmt.Sprint(port), "--ports", "1", "--conns", "10",
			"--duration", "1500ms",
			"--server-pid", fmt.Sprint(pid))
		return among(o.Result, "event_loop_blocked_by_a_call",
			fmt.Sprintf("the event loop of process %d (python3) sat in recv(2) on 127.0.0.1:%s at ", pid, db),
			"a driver that does not block")
	})
}

// connecting is a worker that asks its database over a connection of its own for
// each task.
const connecting = `
import socket, sys, time
l = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as db:
        db.sendall(b"?"); db.recv(1)
    time.sleep(0.002)
`

// A worker that connects for each task shows by what it connects to, however little
// time each connection takes.
func TestDiagnoseConnectsForEachTask(t *testing.T) {
	db := database(t, 3*time.Millisecond)
	pid, _ := process(t, connecting, db)
	tries(t, func() string {
		o := client(t, nil, nil, "diagnose", "--pid", fmt.Sprint(pid), "--duration", "1500ms")
		return among(o.Result, "a_new_connection_for_each_task", fmt.Sprintf("process %d (python3) opened ", pid),
			" connections to 127.0.0.1:"+db+" within ",
			"/s, and ", "keep one connection, or a pool")
	})
}
