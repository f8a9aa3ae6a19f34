package diagnose

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// TestRecorder looks at this process: at connections that nobody accepts, bytes
// that nobody reads, and a local port in use.
func TestRecorder(t *testing.T) {
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr)
	for range 3 {
		c, err := net.Dial("tcp4", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	stranger := full(t)
	asked := 0
	r := Start(context.Background(), fp, Target{Server: []int{os.Getpid()}, Ports: []int{at.Port}, Client: true,
		Report: func(context.Context) (*result.ServerReport, error) {
			asked++
			return &result.ServerReport{Messages: int64(asked)}, nil
		}})
	time.Sleep(2 * lookEvery)
	w := r.Stop(context.Background())
	if again := r.Stop(context.Background()); again.After.At != w.After.At {
		t.Error("a second Stop reads anew")
	}
	if w.seconds() <= 0 || len(w.Before.Server) != 1 || len(w.After.Server[0].Threads) == 0 ||
		len(w.After.Client) != 1 || w.After.Mem.Total == 0 || len(w.After.Cores.Each) == 0 {
		t.Errorf("window %+v", w)
	}
	if asked != 2 || w.After.Report.Messages != 2 {
		t.Errorf("the server was asked %d times, want before and after", asked)
	}
	// With more sockets than that in this namespace, somebody else's, they are
	// not listed.
	few := w.Before.Sockets.TCP+w.Before.Sockets.TimeWait < maxSockets && w.After.Sockets.TCP+w.After.Sockets.TimeWait <
		maxSockets
	if few && w.Seen.Unread < 3000 {
		t.Errorf("%d bytes unread, want 3000 at least", w.Seen.Unread)
	}
	if q := w.Seen.Queue; q.Port != at.Port || q.Waiting != 3 || q.Room < 3 || q.Full != 0 {
		t.Errorf("fullest queue %+v, want ours, port %d, with 3", q, at.Port)
	}
	// Some other program's may be as full.
	if q := w.Seen.Others; q.Port != stranger && q.Waiting <= q.Room || q.Full == 0 {
		t.Errorf("fullest queue of others %+v, want port %d", q, stranger)
	}
	if few && w.Seen.Ports.Used < 3 {
		t.Errorf("ports %+v, want our 3 or more", w.Seen.Ports)
	}
	if w.Settings.Somaxconn < 1 || w.Settings.LocalPorts < 1 || w.Settings.TCPMem[2] < 1 {
		t.Errorf("settings %+v", w.Settings)
	}
	for _, f := range Find(w) {
		if f.Code == Stopped || f.Code == OthersQueue && f.Severity >= result.Limits || f.Code == AcceptQueue &&
			w.drops().ListenOverflows == 0 {
			t.Errorf("finding %+v", f)
		}
	}
}

// full is the port of a listener whose queue of one place is full, for good.
func full(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// listen(2) once more changes the backlog.
	if control := raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }); control != nil || err != nil {
		t.Fatal(control, err)
	}
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return l.Addr().(*net.TCPAddr).Port
}
