package echotest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// TCP tests what every TCP peer does.
func TCP(t *testing.T, run Run) {
	t.Run("tcp", func(t *testing.T) {
		ports := start(t, run, "tcp", 3)
		for i := range ports.N {
			conn := dial(t, ports.First+i)
			exchange(t, conn, 64)
			exchange(t, conn, 1)
		}
		exchange(t, dial(t, ports.First), 4<<20) // more than any buffer
	})
}

// Careful tests what the better servers do as well: they answer a half-closed connection,
// and apply back-pressure to a slow reader.
func Careful(t *testing.T, run Run) {
	t.Run("half-close", func(t *testing.T) { halfClose(t, run) })
	t.Run("slow reader", func(t *testing.T) { slowReader(t, run) })
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
func halfClose(t *testing.T, run Run) {
	conn := dial(t, start(t, run, "tcp", 1).First)
	want := payload(100_000)
	if _, err := conn.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("after half-close: %d bytes, %v, want the %d sent", len(got), err, len(want))
	}
}

// slowReader: from a client that does not read the server must not read either, or its
// memory would grow without end; once the client reads, nothing is lost.
func slowReader(t *testing.T, run Run) {
	conn := dial(t, start(t, run, "tcp", 1).First)
	want := payload(64 << 20) // the kernel's buffers end far below
	if err := conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Write(want)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the server took %d bytes from a client that does not read (%v)", n, err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, want[:n]) {
		t.Errorf("%d bytes came back, %v, want the %d taken", len(got), err, n)
	}
}
