package tests

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/tests/rig"
)

// keeping is an event loop that is not ours: it echoes, and keeps 64 KiB for each
// connection.
const keeping = `
import selectors, socket, sys
loop, kept = selectors.DefaultSelector(), {}
l = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
loop.register(l, 1)
while True:
    for key, _ in loop.select():
        if key.fileobj is l:
            c, _ = l.accept(); kept[c] = bytearray(b"x" * 65536); loop.register(c, 1)
            continue
        try: b = key.fileobj.recv(65536)
        except ConnectionError: b = b""
        if b: key.fileobj.sendall(b)
        else: loop.unregister(key.fileobj); key.fileobj.close(); del kept[key.fileobj]
`

// wantForeign checks what the report of a run against the server keeping must contain.
func wantForeign(t *testing.T, o rig.Outcome, pid int, conns int64) {
	t.Helper()
	o.HasResult(t)
	r := o.Result
	if o.Status != 0 || r.Foreign == nil || r.Foreign.PID != pid {
		t.Fatalf("status %d, server %+v, want process %d: %s", o.Status, r.Foreign, pid, o.Stderr)
	}
	if c := r.Reconcile; c == nil || c.Server == nil || *c.Server != conns || c.Ends != 2 {
		t.Errorf("counts %+v, want %d at the server", c, conns)
	}
	m := r.Memory
	if m == nil || m.Held == nil || m.Held.Server == nil || *m.Held.Server < uint64(conns)*50_000 {
		t.Fatalf("memory %+v: want the server's, of 64 KiB a connection", m)
	}
	if r.CPU == nil || r.CPU.Server == nil {
		t.Errorf("cpu %+v: want the server's", r.CPU)
	}
	for _, s := range r.Spread {
		if strings.HasPrefix(s.Over, "server") {
			t.Errorf("%+v: which worker of another server holds which is not known", s)
		}
	}
}

// A server that is not ours, by the number of its process, and by a probe beside
// it as a client of another machine would.
func TestServerByItsProcess(t *testing.T) {
	pid, port := process(t, keeping)
	const conns = 300
	flags := []string{"hold", "--first-port", fmt.Sprint(port), "--ports", "1", "--conns", fmt.Sprint(conns), "--rate",
		"1000",
		"--hold", "0s", "--verify", "10"}
	o := client(t, nil, nil, append(flags, "--server-pid", fmt.Sprint(pid))...)
	wantForeign(t, o, pid, conns)
	// Later its heap has room for them already.
	if grew := int64(*o.Result.Memory.Held.Server) - int64(*o.Result.Memory.Before.Server); grew < conns*50_000 {
		t.Errorf("the server's memory grew by %d bytes, want 64 KiB for each of %d connections", grew, conns)
	}
	at := fmt.Sprintf("127.0.0.1:%d", rig.FreePorts(t, 1))
	probe := exec.Command(filepath.Join(rig.Bin, "client"), "probe", "--pid", fmt.Sprint(pid), "--listen", at)
	probe.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := probe.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := probe.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = probe.Process.Kill(); _ = probe.Wait() }()
	if line, _ := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line,
		"ready: http://"+at+"/footprint: python3") ||
		!strings.Contains(line, fmt.Sprintf("(process %d), ports %d", pid, port)) {
		t.Fatalf("the probe said %q", line)
	}
	wantForeign(t, client(t, nil, nil, append(flags, "--server-control", "http://"+at)...), pid, conns)
	for _, tt := range []struct {
		method, path, host string
		status             int
	}{
		{"GET", "/footprint", at, 200}, {"HEAD", "/footprint?memory=0", at, 200}, {"POST", "/footprint", at, 405},
		{"GET", "/", at, 404}, {"GET", "/debug/pprof/", at, 404}, {"POST", "/drain", at, 404},
		{"GET", "/metrics", at, 404},
		{"GET", "/footprint", "evil.example", 403},
	} {
		q, err := http.NewRequest(tt.method, "http://"+at+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host, q.Close = tt.host, true
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		_ = a.Body.Close()
		if a.StatusCode != tt.status {
			t.Errorf("%s %s of %s: %s, want %d", tt.method, tt.path, tt.host, a.Status, tt.status)
		}
	}
	_ = probe.Process.Signal(syscall.SIGTERM)
	if err := probe.Wait(); err != nil {
		t.Errorf("the probe ended: %v", err)
	}
}

// established counts the connections of a port.
func established(t *testing.T, port int) (n int) {
	t.Helper()
	err := sys.TCPSockets(func(s sys.SockInfo) bool {
		if int(s.Local.Port()) == port {
			n++
		}
		return true
	}, sys.Established)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// That the server has ended during the run is said once.
func TestServerProcessEnds(t *testing.T) {
	pid, port := process(t, keeping)
	o := client(t, nil, func(*exec.Cmd) {
		await(t, "connections", func() bool { return established(t, port) >= 50 })
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}, "hold", "--first-port", fmt.Sprint(port), "--ports", "1", "--conns", "50", "--hold", "10s", "--server-pid",
		fmt.Sprint(pid))
	o.HasResult(t)
	n := 0
	for _, w := range o.Result.Warnings {
		if w.Code == "server_process_ended" {
			n++
		}
	}
	if o.Status != 1 || n != 1 {
		t.Errorf("status %d, warnings %+v: want server_process_ended", o.Status, o.Result.Warnings)
	}
}
