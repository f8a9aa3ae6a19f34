package loadgen

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tcp"
	"github.com/c10m/c10m/tests/nettest"
)

// inNetns is nettest.RerunInNetns with loopback up.
func inNetns(t *testing.T) bool {
	t.Helper()
	if !nettest.RerunInNetns(t) {
		return false
	}
	if err := sys.LoopbackUp(); err != nil {
		t.Fatal(err)
	}
	return true
}

// packetPlan is testPlan without sockets.
func packetPlan(port int, conns int64, threads int) plan.Plan {
	p := testPlan(port, conns, threads)
	p.PrivateTables = false
	p.Packets = plan.Packets{Prefix: plan.DefaultPacketSources, MTU: 1500}
	return p
}

// What the engine does over sockets it does over packets: ramp, messages of one
// and of many segments, a sample, both ways to close; and nothing stays behind.
func TestPacketEngine(t *testing.T) {
	if !inNetns(t) {
		return
	}
	ended := make(chan struct{}, 1000)
	port := listen(t, func(c net.Conn) {
		echo(c)
		ended <- struct{}{}
	})
	ctx := context.Background()
	for _, threads := range []int{1, 3} {
		for _, mode := range []plan.CloseMode{plan.CloseRST, plan.CloseFIN} {
			p := packetPlan(port, 301, threads)
			p.Close = mode
			e, err := Start(p, 500_000)
			if err != nil {
				t.Fatal(err)
			}
			e.Ramp(ctx)
			if c := e.Counts(); c.Open() != 301 || c.Failed != 0 {
				t.Fatalf("%d threads: after the ramp %+v, want 301 open", threads, c)
			}
			e.Exchange(ctx, Exchange{Size: 64, Depth: 4, PerConn: 9, Drain: time.Minute})
			e.Exchange(ctx, Exchange{Size: 500_000, PerConn: 1, Sample: 20, Window: 4, Drain: time.Minute})
			if c := e.Counts(); c.Received != 9*301+20 || c.Mismatched != 0 {
				t.Errorf("%d threads: %+v, want %d echoes", threads, c, 9*301+20)
			}
			e.Close(ctx)
			tally, err := e.Stop()
			if err != nil || tally.Closed != 301 || len(tally.Errors) != 0 {
				t.Errorf("%d threads, %s: %+v, %v, %v", threads, mode, tally.Counts, tally.Errors, err)
			}
			for range 301 {
				select {
				case <-ended:
				case <-time.After(time.Minute):
					t.Fatalf("%d threads, %s: the server still holds connections", threads, mode)
				}
			}
		}
	}
}

// An idle connection without sockets takes 20 bytes: what the engine keeps of
// every connection, and what the transport does.
func TestPacketBytes(t *testing.T) {
	if idle := unsafe.Sizeof(conn{}) + unsafe.Sizeof(tcp.Conn{}); idle > 20 {
		t.Errorf("an idle connection takes %d bytes", idle)
	}
}

// An engine that is stopped in the middle leaves nothing at the server.
func TestPacketEngineStops(t *testing.T) {
	if !inNetns(t) {
		return
	}
	ended := make(chan struct{}, 1000)
	port := listen(t, func(c net.Conn) {
		echo(c)
		ended <- struct{}{}
	})
	e, err := Start(packetPlan(port, 300, 2), 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	if _, err := e.Stop(); err != nil {
		t.Error(err)
	}
	for range 300 {
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatal("the server still holds connections")
		}
	}
}

func TestPacketEngineRefused(t *testing.T) {
	if !inNetns(t) {
		return
	}
	e, err := Start(packetPlan(nettest.DeadPort(t), 5000, 2), 1)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	tally, err := e.Stop()
	if err != nil || e.HaltReason() == "" || tally.Established != 0 ||
		tally.Errors["connect_refused"] != tally.Failed || tally.Failed == 0 {
		t.Errorf("reason %q, %+v, %v, %v; want an early end with every failure counted", e.HaltReason(), tally.Counts,
			tally.Errors, err)
	}
}

// The server goes away: every connection is lost, and counted as that.
func TestPacketEngineLosesServer(t *testing.T) {
	if !inNetns(t) {
		return
	}
	for name, want := range map[string]string{"FIN": "read_closed", "RST": "read_reset"} {
		stop := make(chan struct{})
		port := listen(t, func(c net.Conn) {
			<-stop
			if name == "RST" {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
		})
		e, err := Start(packetPlan(port, 200, 2), 64)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		e.Ramp(ctx)
		close(stop)
		for e.Counts().Lost < 200 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		tally, err := e.Stop()
		if err != nil || tally.Lost != 200 || tally.Errors[want] != 200 {
			t.Errorf("%s: %+v, %v, %v", name, tally.Counts, tally.Errors, err)
		}
	}
}

// Without the right to make a device it does not begin, and says what is missing.
func TestPacketEngineWithoutRights(t *testing.T) {
	if os.Geteuid() == 0 {
		// Dir is where anybody may be; the binary is open already.
		self, err := os.Open("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = self.Close() }()
		cmd := exec.Command("/proc/self/fd/3", "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.ExtraFiles, cmd.Dir = []*os.File{self}, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534},
			Pdeathsig: syscall.SIGKILL}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("as nobody: %v\n%s", err, out)
		}
		return
	}
	_, err := Start(packetPlan(1, 10, 1), 1)
	if err == nil || !strings.Contains(err.Error(), "needs") {
		t.Errorf("%v, want what it needs", err)
	}
}
