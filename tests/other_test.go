package tests

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// listen is a server that is not ours.
func listen(t *testing.T, handle func(net.Conn)) (port int) {
	return int(rig.Listen(t, handle).Port())
}

func to(port int, more ...string) []string {
	return append([]string{"hold", "--first-port", fmt.Sprint(port), "--ports", "1", "--server-control", "none"}, more...)
}

func TestServerThatIsNotOurs(t *testing.T) {
	echo := func(c net.Conn) { _, _ = io.Copy(c, c) }
	tests := []struct {
		name   string
		handle func(net.Conn)
		status int
		cause  string
	}{
		{"echo", echo, 0, ""},
		{"greets", func(c net.Conn) { _, _ = io.WriteString(c, "220 hello\r\n"); echo(c) }, 0, "echo_surplus"},
		{"answers wrong", func(c net.Conn) {
			b := make([]byte, 64)
			_, _ = io.ReadFull(c, b)
			b[63] ^= 1
			_, _ = c.Write(b)
			echo(c)
		}, 1, "echo_mismatch"},
		{"closes at once", func(net.Conn) {}, 1, "read_closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := client(t, nil, nil, to(listen(t, tt.handle), "--conns", "300", "--hold", "300ms")...)
			if o.Status != tt.status || o.Result == nil {
				t.Fatalf("status %d, want %d: %s", o.Status, tt.status, o.Stderr)
			}
			c := o.Result.Conns
			if c.Established != 300 || tt.cause != "" && c.Errors[tt.cause] == 0 || tt.cause == "" && len(c.Errors) != 0 {
				t.Errorf("conns %+v, want 300 established and cause %q", c, tt.cause)
			}
		})
	}
}

func TestSocat(t *testing.T) {
	path, err := exec.LookPath("socat")
	if err != nil {
		t.Fatal("socat is missing: make test installs it (scripts/install-deps.sh)")
	}
	port, _ := freePorts(t, 1)
	rig.Program(t, port, path, fmt.Sprintf("TCP4-LISTEN:%d,bind=127.0.0.1,fork,reuseaddr", port), "EXEC:cat")
	o := client(t, nil, nil, to(port, "--conns", "20", "--hold", "0s", "--close", "fin")...)
	if o.Status != 0 || o.Result.Echo.Received != 20 {
		t.Errorf("status %d, %+v: want 20 echoes from socat; %s", o.Status, o.Result, o.Stderr)
	}
}

func TestNobodyListens(t *testing.T) {
	port, _ := freePorts(t, 1)
	o := client(t, nil, nil, to(port, "--conns", "10")...)
	if o.Status != 1 || o.Result != nil || strings.Count(o.Stderr, "\n") != 1 ||
		!strings.Contains(o.Stderr, "connection refused") || !strings.Contains(o.Stderr, "bin/server") {
		t.Errorf("status %d, stderr %q; want 1 and one line with the cure", o.Status, o.Stderr)
	}
}

func TestPortInUse(t *testing.T) {
	port := listen(t, func(net.Conn) {})
	out, err := exec.Command(filepath.Join(bin, "server"), "--tcp", fmt.Sprintf("%d:3", port), "--control",
		"none").CombinedOutput()
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), fmt.Sprintf("127.0.0.1:%d", port)) ||
		!strings.Contains(string(out), "address already in use") {
		t.Errorf("server on a used port: %v, %q; want status 2 naming port %d", err, out, port)
	}
}

// Few local ports, in a network namespace of its own: one source cannot do it
// and is refused before the first socket; as many as needed can.
func TestPortExhaustion(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	script := fmt.Sprintf(`set -eu
ip link set lo up
echo 40000 40099 >/proc/sys/net/ipv4/ip_local_port_range
%[1]s/server --tcp 10000:2 --control none >%[2]s/ready & server=$!
for i in $(seq 1000); do grep -q ready %[2]s/ready && break; sleep 0.02; done
one=0; %[1]s/client --first-port 10000 --ports 2 --server-control none --sources 127.0.0.1 --conns 201 --hold 0s --settle 0s --quiet || one=$?
many=0; %[1]s/client --first-port 10000 --ports 2 --server-control none --conns 500 --hold 0s --settle 0s --quiet --json %[2]s/r.json || many=$?
kill -TERM $server; wait $server
echo "one=$one many=$many"`, bin, t.TempDir())
	out, err := exec.Command("unshare", "-n", "bash", "-c", script).CombinedOutput()
	text := string(out)
	if err != nil || !strings.Contains(text, "one=2 many=0") {
		t.Fatalf("%v: %s; want one source refused with 2, several sources done with 0", err, text)
	}
	for _, want := range []string{"100 local ports × 1 sources × 2 ports hold 200", "--ports 3", "40000 40099"} {
		if !strings.Contains(text, want) {
			t.Errorf("the refusal %q lacks %q", text, want)
		}
	}
}

// A server or a proxy that closes what is silent for a time is no server at its
// limit, and --interval is the way out.
func TestIdleTimeoutIsNamed(t *testing.T) {
	port := listen(t, func(c net.Conn) {
		for b := make([]byte, 64); ; {
			_ = c.SetReadDeadline(time.Now().Add(700 * time.Millisecond))
			n, err := c.Read(b)
			if err != nil {
				return
			}
			_, _ = c.Write(b[:n])
		}
	})
	flags := []string{"--conns", "300", "--rate", "200/s", "--hold", "1s", "--settle", "100ms", "--verify", "0"}
	o := client(t, nil, nil, to(port, flags...)...)
	o.HasResult(t)
	c := o.Result.Conns
	if o.Status != 1 || c.Lost != 300 || c.IdleTimeout < int64(600*time.Millisecond) ||
		c.IdleTimeout > int64(900*time.Millisecond) {
		t.Errorf("status %d, conns %+v, want all lost to an idle timeout of about 700 ms", o.Status, c)
	}
	if f := o.Result.Findings; len(f) == 0 || f[0].Code != "idle_timeout" || f[0].Numbers["often_ns"] <= 0 {
		t.Errorf("findings %+v, want the idle timeout first", f)
	}
	kept := client(t, nil, nil, to(port, "--conns", "300", "--hold", "1s", "--settle", "0s", "--verify", "0",
		"--interval", "200ms")...)
	kept.HasResult(t)
	if c := kept.Result.Conns; c.Lost > c.Established/2 || c.IdleTimeout != 0 {
		t.Errorf("conns %+v with --interval, want most of them kept", c)
	}
}

// A port that a connection has as its local port cannot be listened on, and there is no
// listener that could be stopped to free it.
func TestServerSaysThatAConnectionHasItsPort(t *testing.T) {
	port := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	local := c.LocalAddr().(*net.TCPAddr).Port
	out, err := exec.Command(filepath.Join(rig.Bin, "server"), "--tcp", fmt.Sprintf("%d:1", local), "--control",
		"none").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 ||
		!strings.Contains(string(out), "a connection and no listener holds it") {
		t.Errorf("%v: %s, want status 2 and the connection named", err, out)
	}
}
