//go:build chaos

package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// sources are the addresses of a client without sockets whose server is over
// there: routed to us, and no interface's.
const sources = "198.19.0.0/24"

// packetsTo are the flags of a client without sockets against a server on this machine.
func packetsTo(s *rig.Server, more ...string) []string {
	return s.To(append([]string{"--engine", "packets"}, more...)...)
}

// needsDevices skips a test where TUN devices cannot be made.
func needsDevices(t *testing.T) {
	t.Helper()
	if !ownNetwork() {
		t.Skip("TUN devices need root")
	}
}

// noDevice checks that no device of a client is left.
func noDevice(t *testing.T) {
	t.Helper()
	out, err := exec.Command("ip", "-br", "link").CombinedOutput()
	if err != nil || strings.Contains(string(out), "c10m") {
		t.Errorf("%v: devices that are left:\n%s", err, out)
	}
}

// forwards makes a router of this namespace, between the wire and the client's devices,
// and gives the other side the route back.
func (w *wire) forwards() {
	w.t.Helper()
	w.ip("-n", w.ns, "route", "add", sources, "via", here)
	w.forwarding("1")
	w.t.Cleanup(func() { w.forwarding("0") })
}

func (w *wire) forwarding(on string) {
	w.t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte(on), 0); err != nil {
		w.t.Fatal(err)
	}
}

// farPackets are the flags of a client without sockets against a server over the wire.
func farPackets(s *rig.Server, more ...string) []string {
	return to(s, append([]string{"--engine", "packets", "--sources", sources}, more...)...)
}

// TestPacketsServerFrozen: over packets, too, a server that gets no processor
// loses nothing: its windows fill, and open again.
func TestPacketsServerFrozen(t *testing.T) {
	rig.NoLeaks(t)
	needsDevices(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	frozen := lasting(2*time.Second, 10*time.Second)
	o := rig.Client(t, nil, func(*exec.Cmd) {
		rig.Await(t, "messages", func() bool { return s.Report(t).Messages >= 200 })
		_ = syscall.Kill(-s.Cmd.Process.Pid, syscall.SIGSTOP)
		time.Sleep(frozen)
		_ = syscall.Kill(-s.Cmd.Process.Pid, syscall.SIGCONT)
	}, packetsTo(s, "--conns", "100", "--hold", (frozen+2*time.Second).String(), "--interval", "200ms", "--size",
		"300000", "--verify", "100")...)
	r := o.Result
	if r == nil || o.Status != 0 || r.Conns.Lost != 0 || r.Echo.Lost != 0 || r.Echo.Mismatched != 0 ||
		r.Echo.Verified != 100 {
		t.Errorf("status %d, %+v: want nothing lost and all verified: %s", o.Status, o.Result, o.Stderr)
	}
	noDevice(t)
}

// TestPacketsWorkerKilled: the kernel resets a dead worker's connections; they
// are restored, and counted.
func TestPacketsWorkerKilled(t *testing.T) {
	rig.NoLeaks(t)
	needsDevices(t)
	const conns = 2000
	s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--workers", "2"}})
	var share int64
	o := rig.Client(t, nil, func(*exec.Cmd) {
		s.Open(t, conns)
		share, _ = killWorker(t, s, 1)
		s.Open(t, conns)
	}, packetsTo(s, "--conns", fmt.Sprint(conns), "--hold", "6s", "--reconnect", "--verify", fmt.Sprint(conns))...)
	r := o.Result
	// One that is back at once may meet a listener that the kernel is about to close,
	// and is reset and restored once more.
	if r == nil || share == 0 || r.Conns.Lost < share || r.Conns.Lost > share+share/10 ||
		r.Conns.Reconnected != r.Conns.Lost || r.Echo.Verified != conns {
		t.Errorf("status %d, %+v: want %d lost and restored: %s", o.Status, r, share, o.Stderr)
	}
	noDevice(t)
}

// TestPacketsClientKilled: a client without sockets that is killed tells the
// server nothing. Its device is gone at once, and keepalive finds the rest.
func TestPacketsClientKilled(t *testing.T) {
	rig.NoLeaks(t)
	needsDevices(t)
	s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--keepalive", "1s"}})
	o := rig.Client(t, nil, func(cmd *exec.Cmd) {
		s.Open(t, 1000)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}, packetsTo(s, "--conns", "1000", "--hold", "60s")...)
	if o.Status != -1 || o.Result != nil {
		t.Errorf("status %d, result %v: want killed, and no report", o.Status, o.Result)
	}
	noDevice(t)
	s.Open(t, 0)
}

// TestPacketsInterrupted: Ctrl-C resets every connection, and there is a report.
func TestPacketsInterrupted(t *testing.T) {
	rig.NoLeaks(t)
	needsDevices(t)
	s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--keepalive", "0"}})
	o := rig.Client(t, nil, func(cmd *exec.Cmd) {
		s.Open(t, 5000)
		_ = cmd.Process.Signal(os.Interrupt)
	}, packetsTo(s, "--conns", "5000", "--hold", "60s")...)
	if o.Status != 130 || o.Result == nil || o.Result.Conns.Established != 5000 {
		t.Errorf("status %d, %+v: want 130 and a report: %s", o.Status, o.Result, o.Stderr)
	}
	s.Open(t, 0)
	noDevice(t)
}

// TestPacketsOverNetwork: to another machine the kernel forwards between its
// card and our device. Packets that are lost, and a link that is away, cost time
// and nothing else. The two are apart: we send no timestamps (RFC 7323), so a
// server whose SYN-ACK was lost knows no round trip and waits 3 s, then 6, before
// it repeats its first answer (RFC 6298 section 5.7); a cut on top would be more
// than an exchange waits for.
func TestPacketsOverNetwork(t *testing.T) {
	for name, fault := range map[string]struct {
		disturb func(*wire, time.Duration)
		late    int64
	}{
		"loss": {func(w *wire, _ time.Duration) { w.loseForwarded(2) }, 5},
		"cut": {func(w *wire, down time.Duration) {
			w.cut()
			time.Sleep(down)
			w.mend()
			w.ip("-n", w.ns, "route", "add", sources, "via", here) // it went with the link
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rig.NoLeaks(t)
			needsDevices(t)
			w := newWire(t)
			w.forwards()
			s := w.server("--keepalive", "30s")
			down := lasting(2*time.Second, 10*time.Second)
			o := rig.Client(t, nil, func(*exec.Cmd) {
				rig.Await(t, "messages", func() bool { return s.Report(t).Messages >= 300 })
				fault.disturb(w, down)
			}, farPackets(s, "--conns", "300", "--hold", (2*down+6*time.Second).String(), "--interval", "500ms",
				"--size", "3000", "--verify", "300",
				"--connect-timeout", "1m", "--close", "fin", "--server-control", "none")...)
			costsTime(t, o, 300, fault.late)
			noDevice(t)
		})
	}
}

// loseForwarded drops so many percent of what passes between the wire and the
// client's devices, both ways.
func (w *wire) loseForwarded(percent int) {
	w.t.Helper()
	rules := fmt.Sprintf(
		"table inet chaos { chain over { type filter hook forward priority 0; numgen random mod 100 < %d drop; }; }", percent)
	if out, err := exec.Command("nft", rules).CombinedOutput(); err != nil {
		w.t.Fatalf("nft: %v: %s", err, out)
	}
	w.t.Cleanup(func() { _ = exec.Command("nft", "delete", "table", "inet", "chaos").Run() })
}

// TestPacketsRefused: what is missing is said in one line before there is a run,
// and nothing is left behind.
func TestPacketsRefused(t *testing.T) {
	rig.NoLeaks(t)
	needsDevices(t)
	w := newWire(t)
	s := w.server()
	for _, tt := range []struct {
		name   string
		before func()
		flags  []string
		status int
		want   string
	}{
		{"no sources", nil, to(s, "--engine", "packets"), 2, "needs --sources CIDR"},
		{"an own address", nil, to(s, "--engine", "packets", "--sources", "198.18.7.0/24"), 2, here +
			" of it is an address of this machine"},
		{"the target's", nil, to(s, "--engine", "packets", "--sources", there+"/32"), 2, "lies within --sources"},
		{"no forwarding", nil, farPackets(s), 1, "net.ipv4.ip_forward is 0"},
		{"no way back", func() { w.forwarding("1") }, farPackets(s), 1, "ip route add " + sources + " via " + here},
		{"churn", nil, append([]string{"churn"}, to(s, "--engine", "packets")[1:]...), 2, "there are no sockets"},
		{"private fds", nil, to(s, "--engine", "packets", "--private-fds", "on"), 2, "there are no sockets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.before != nil {
				tt.before()
				t.Cleanup(func() { w.forwarding("0") })
			}
			o := rig.Client(t, nil, nil, append(tt.flags, "--server-control", "none")...)
			if o.Status != tt.status || !strings.Contains(o.Stderr, tt.want) ||
				strings.Count(strings.TrimSpace(o.Stderr), "\n") > 0 {
				t.Errorf("status %d, %q, want %d and one line with %q", o.Status, o.Stderr, tt.status, tt.want)
			}
			noDevice(t)
		})
	}
}
