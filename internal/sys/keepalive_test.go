package sys

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestNewKeepAlive(t *testing.T) {
	tests := []struct{ idle, interval, dead time.Duration }{
		{time.Second, time.Second, 4 * time.Second},
		{10 * time.Second, 2 * time.Second, 16 * time.Second},
		{5 * time.Minute, 75 * time.Second, 8*time.Minute + 45*time.Second},
		{2 * time.Hour, 75 * time.Second, 2*time.Hour + 225*time.Second},
	}
	for _, tt := range tests {
		if k := NewKeepAlive(tt.idle); k.Idle != tt.idle || k.Interval != tt.interval || k.Dead != tt.dead {
			t.Errorf("after %v: %+v, want every %v and dead after %v", tt.idle, k, tt.interval, tt.dead)
		}
	}
}

// What an accepted connection inherits from its listener.
func TestSetListeners(t *testing.T) {
	lc := net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := NewKeepAlive(40 * time.Second).SetListeners(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	raw, err := a.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		for _, o := range []struct {
			name             string
			level, opt, want int
		}{
			{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 40},
			{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 10},
			{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 70_000},
		} {
			if v, err := unix.GetsockoptInt(int(fd), o.level, o.opt); err != nil || v != o.want {
				t.Errorf("%s is %d, %v; want %d", o.name, v, err, o.want)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
