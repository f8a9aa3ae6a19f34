package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/c10m/c10m/tests/nettest"
)

// TestWebSocket: a browser opens 100 WebSockets over as many ports and gets back
// text, binary, emoji and 1 MiB, each as it was, and a clean close.
func TestWebSocket(t *testing.T) {
	const ports = 100
	first := nettest.FreePorts(t, 2*ports+2) + ports + 2
	startServer(t, ports, "--max-conns", "9000", "--ws", fmt.Sprintf("%d:%d", first, ports))
	page := filepath.Join(t.TempDir(), "websocket.html")
	if err := os.WriteFile(page, fmt.Appendf(nil, webSocketPage, first, ports), 0o644); err != nil {
		t.Fatal(err)
	}
	p := openPage(t, "file://"+page, look{})
	p.await("all connections to end", `window.finished === 100`)
	if bad := eval[string](p, `JSON.stringify(window.bad)`); bad != "[]" {
		t.Errorf("the browser says %s", bad)
	}
}

const webSocketPage = `<!doctype html><meta charset="utf-8"><title>WebSocket</title><script>
const first = %d, ports = %d
window.finished = 0
window.bad = []
const mega = new Uint8Array(1 << 20).map((_, i) => i * 31)
const messages = ["text", "", "grüße, 世界 😀👩‍👩‍👧‍👦 \u0000", "é".repeat(1 << 19), new Uint8Array([0, 255, 128]), new Uint8Array(0), mega]
const same = (a, b) => typeof a === "string" ? a === b : b instanceof ArrayBuffer && a.length === b.byteLength && new Uint8Array(b).every((x, i) => x === a[i])
for (let i = 0; i < 100; i++) {
  const ws = new WebSocket("ws://127.0.0.1:" + (first + i %% ports) + "/" + i, i %% 2 ? ["echo", "chat"] : [])
  ws.binaryType = "arraybuffer"
  let at = 0
  ws.onopen = () => { if (ws.protocol !== (i %% 2 ? "echo" : "")) bad.push(i + ": subprotocol " + ws.protocol); ws.send(messages[0]) }
  ws.onmessage = e => {
    if (!same(messages[at], e.data)) bad.push(i + ": message " + at + " came back changed")
    if (++at < messages.length) ws.send(messages[at]); else ws.close(4321, "done")
  }
  ws.onclose = e => { if (!e.wasClean || e.code !== 4321 || at !== messages.length) bad.push(i + ": closed with " + e.code + " after " + at); finished++ }
}
</script>`
