package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

const python = "/usr/bin/python3"

// TestServers: echo servers, and two whose protocols begin with a word of their own
// over plain frames, in the clear and over TLS.
func TestServers(t *testing.T) {
	id := rig.Certify(t, time.Now(), "127.0.0.1", "localhost")
	for _, tt := range []struct {
		name    string
		command []string
		flags   []string
		answers int64
	}{
		{"python3-websockets", []string{python, "peers/peer.py", "echo"}, []string{"--size", "70000"}, 2 * conns},
		{"tornado", []string{python, "peers/peer.py", "tornado"}, nil, 2 * conns},
		{"ws for Node.js", []string{"node", "peers/ws.mjs", "echo"}, nil, 2 * conns},
		{"ws for Node.js, text", []string{"node", "peers/ws.mjs", "text"}, []string{"--text"}, 2 * conns},
		{"like Phoenix Channels", []string{python, "peers/peer.py", "phoenix"},
			[]string{"--text", "--first", `["{i}","1","room:{i}","phx_join",{}]`,
				"--message", `["{i}","{rand}","room:{i}","new_msg",{"body":"hello"}]`, "--expect", `"status": "ok"`},
			2 * conns},
		{"like Socket.IO", []string{python, "peers/peer.py", "socketio"},
			[]string{"--text", "--skip", "1", "--first", "40", "--message", `42["say","{uuid}"]`, "--expect", "reply"},
			2 * conns},
	} {
		for _, scheme := range []string{"ws", "wss"} {
			t.Run(tt.name+"/"+scheme, func(t *testing.T) {
				rig.NoLeaks(t)
				port := rig.FreePorts(t, 1)
				command, flags := append(tt.command, fmt.Sprint(port)), tt.flags
				if scheme == "wss" {
					command = append(command, id.Cert, id.Key)
					flags = append(flags, "--ca", id.Cert)
				}
				rig.Program(t, 0, command...)
				o := run(t, fmt.Sprintf("%s://127.0.0.1:%d/socket/websocket?user={i}", scheme, port),
					append(flags, "--hold", "600ms", "--interval", "200ms", "--close", "fin")...)
				works(t, o, tt.answers)
			})
		}
	}
}
