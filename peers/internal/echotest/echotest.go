// Package echotest is what every echo server among the peers must do, whatever
// it is built on.
package echotest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/peers/internal/portrange"
)

// patience ends a test that hangs.
const patience = 60 * time.Second

// Run is a peer's run function.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// Server tests a peer from its command line to its end.
func Server(t *testing.T, run Run) {
	t.Run("echo on every port", func(t *testing.T) {
		ports := start(t, run, 3)
		for i := range ports.N {
			conn := dial(t, ports.First+i)
			exchange(t, conn, 64)
			exchange(t, conn, 1)
		}
	})
	t.Run("more than any buffer", func(t *testing.T) {
		conn := dial(t, start(t, run, 1).First)
		exchange(t, conn, 4<<20)
	})
	t.Run("half-close", halfClose(run))
	t.Run("slow reader", slowReader(run))
	t.Run("bad usage", badUsage(run))
	t.Run("port in use", portInUse(run))
}

// start runs a server on n free ports until the test ends. It must end with
// status 0 and free its ports.
func start(t *testing.T, run Run, n int) portrange.Range {
	t.Helper()
	ports := free(t, n)
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--ports", ports.String(), "--loops", "2"}, w, &stderr)
		w.Close()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready") {
		cancel()
		t.Fatalf("first line on stdout: %q, %v, want ready; stderr: %s", line, err, &stderr)
	}
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
		if conn, err := net.Dial("tcp", address(ports.First)); err == nil {
			conn.Close()
			t.Errorf("port %d still accepts after the end", ports.First)
		}
	})
	return ports
}

// free finds n neighbouring ports that nobody listens on, below the usual
// range of local ports.
func free(t *testing.T, n int) portrange.Range {
	t.Helper()
search:
	for range 100 {
		r := portrange.Range{First: 20000 + rand.IntN(10000), N: n}
		for i := range n {
			l, err := net.Listen("tcp", address(r.First+i))
			if err != nil {
				continue search
			}
			l.Close()
		}
		return r
	}
	t.Fatal("no free ports found")
	return portrange.Range{}
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func dial(t *testing.T, port int) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

// payload is n bytes in which every shift shows.
func payload(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// exchange sends n bytes while it reads them back.
func exchange(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	want := payload(n)
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(want)
		sent <- err
	}()
	got := make([]byte, n)
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatalf("read %d bytes: %v", n, err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("echo of %d bytes differs", n)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// halfClose: everything sent before the FIN comes back, and then the server's own FIN.
func halfClose(run Run) func(*testing.T) {
	return func(t *testing.T) {
		conn := dial(t, start(t, run, 1).First)
		want := payload(100_000)
		if _, err := conn.Write(want); err != nil {
			t.Fatal(err)
		}
		conn.CloseWrite()
		got, err := io.ReadAll(conn)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("after half-close: %d bytes, %v, want the %d sent", len(got), err, len(want))
		}
	}
}

// slowReader: a client that does not read is not read from either, or the
// server's memory would grow without end; when it does read, nothing is lost.
func slowReader(run Run) func(*testing.T) {
	return func(t *testing.T) {
		conn := dial(t, start(t, run, 1).First)
		want := payload(64 << 20) // the kernel's buffers end far below
		conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := conn.Write(want)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the server took %d bytes from a client that does not read (%v)", n, err)
		}
		conn.CloseWrite()
		got, err := io.ReadAll(conn)
		if err != nil || !bytes.Equal(got, want[:n]) {
			t.Errorf("%d bytes came back, %v, want the %d taken", len(got), err, n)
		}
	}
}

func badUsage(run Run) func(*testing.T) {
	return func(t *testing.T) {
		for _, tt := range []struct {
			args []string
			want string
		}{
			{[]string{"--ports", "1"}, "FIRST:COUNT"},
			{[]string{"--ports", "65000:1000"}, "FIRST:COUNT"},
			{[]string{"--addr", "localhost"}, `--addr "localhost"`},
			{[]string{"--loops", "0"}, "1..1024"},
			{[]string{"extra"}, `"extra"`},
			{[]string{"--nonsense"}, "nonsense"},
		} {
			var stdout, stderr bytes.Buffer
			status := run(context.Background(), tt.args, &stdout, &stderr)
			if status != 2 || !strings.Contains(stderr.String(), tt.want) || stdout.Len() > 0 {
				t.Errorf("%q: status %d, stdout %q, stderr %q, want 2 and %q", tt.args, status, &stdout, &stderr, tt.want)
			}
		}
	}
}

func portInUse(run Run) func(*testing.T) {
	return func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		var stdout, stderr bytes.Buffer
		status := run(context.Background(), []string{"--ports", fmt.Sprintf("%d:1", port)}, &stdout, &stderr)
		if status != 1 || !strings.Contains(stderr.String(), "address already in use") || stdout.Len() > 0 {
			t.Errorf("status %d, stdout %q, stderr %q, want 1 and the reason", status, &stdout, &stderr)
		}
	}
}
