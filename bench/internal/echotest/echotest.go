// Package echotest tests what every echo server among the peers must do, whatever library
// or language it is written in.
package echotest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/tests/nettest"
)

// patience ends a test that hangs.
const patience = 60 * time.Second

// Run is a peer from its command line to its exit status; ctx ends it.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// Usage tests the command line. proto is a flag that the peer has.
func Usage(t *testing.T, run Run, proto string) {
	t.Run("bad usage", func(t *testing.T) {
		for _, tt := range []struct {
			args []string
			want string
		}{
			{[]string{"--" + proto, "1"}, "FIRST:COUNT"},
			{[]string{"--" + proto, "65000:1000"}, "FIRST:COUNT"},
			{[]string{"--bind", "localhost"}, `--bind "localhost"`},
			{[]string{"extra"}, `"extra"`},
			{[]string{"--nonsense"}, "nonsense"},
		} {
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), tt.args, &stdout, &stderr)
			if status != 2 || !strings.Contains(stderr.String(), tt.want) ||
				strings.Count(stderr.String(), "\n") != 1 || stdout.Len() > 0 {
				t.Errorf("%q: status %d, stdout %q, stderr %q, want 2 and one line with %q", tt.args, status, &stdout,
					&stderr, tt.want)
			}
		}
	})
	t.Run("port in use", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		status := run(ctx, []string{"--" + proto, fmt.Sprintf("%d:1", port)}, &stdout, &stderr)
		said := strings.ToLower(stderr.String())
		if status != 1 || !strings.Contains(said, "address already in use") && !strings.Contains(said, "eaddrinuse") ||
			stdout.Len() > 0 {
			t.Errorf("status %d, stdout %q, stderr %q, want 1 and the reason", status, &stdout, &stderr)
		}
	})
}

// start runs a server of the protocol on n free ports until the test ends. It
// must then end with status 0 and free its ports.
func start(t *testing.T, run Run, proto string, n int) unit.Ports {
	t.Helper()
	defer alone(t)()
	ports := unit.Ports{First: nettest.FreePorts(t, n), N: n}
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	var stderr lockedBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--" + proto, ports.String()}, w, &stderr)
		w.Close()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready ") {
		cancel()
		t.Fatalf("first line on stdout: %q, %v, want ready; stderr: %s", line, err, &stderr)
	}
	go io.Copy(io.Discard, r) //nolint:errcheck // whatever else it says
	t.Cleanup(func() {
		cancel()
		select {
		case status := <-ended:
			if status != 0 {
				t.Errorf("status = %d, want 0; stderr: %s", status, &stderr)
			}
		case <-time.After(patience):
			t.Fatal("does not end when told to")
		}
		// Worker processes may end a moment after the one that was told to.
		nettest.Await(t, fmt.Sprintf("port %d to be closed after the end", ports.First),
			func() bool { return !nettest.Accepts(address(ports.First)) })
	})
	return ports
}

// alone keeps the tests of other packages, which run at the same time, from taking ports
// that start has chosen, until the server listens there.
func alone(t *testing.T) (release func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "c10m-echotest.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

// lockedBuffer may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func dial(t *testing.T, port int) *net.TCPConn {
	t.Helper()
	return nettest.Dial(t, address(port))
}

// payload is n bytes in which a shift by any number of bytes can be seen.
func payload(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}
