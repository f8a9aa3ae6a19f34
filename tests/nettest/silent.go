package nettest

import (
	"errors"
	"syscall"
	"testing"
)

// DeadPort is a port of 127.0.0.1 on which nobody listens, and which nobody else can take
// before the test ends.
func DeadPort(tb testing.TB) int {
	tb.Helper()
	_, at := bound(tb)
	return at.Port
}

// ListenSilently listens on a port of 127.0.0.1 with a backlog (listen(2)) and accepts
// nothing until the test ends.
func ListenSilently(tb testing.TB, backlog int) int {
	tb.Helper()
	fd, at := bound(tb)
	if err := syscall.Listen(fd, backlog); err != nil {
		tb.Fatal(err)
	}
	return at.Port
}

// FullQueue is a port of 127.0.0.1 whose accept queue is full: a connect to it gets no
// answer.
func FullQueue(tb testing.TB) int {
	tb.Helper()
	port := ListenSilently(tb, 0)
	for range 4 {
		c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = syscall.Close(c) })
		err = syscall.Connect(c, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
		if err != nil && !errors.Is(err, syscall.EINPROGRESS) {
			tb.Fatal(err)
		}
	}
	return port
}

// bound is a TCP socket that is bound to a free port of 127.0.0.1.
func bound(tb testing.TB) (fd int, at *syscall.SockaddrInet4) {
	tb.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		tb.Fatal(err)
	}
	a, err := syscall.Getsockname(fd)
	if err != nil {
		tb.Fatal(err)
	}
	return fd, a.(*syscall.SockaddrInet4)
}
