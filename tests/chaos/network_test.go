//go:build chaos

package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/tests/rig"
)

// wire is a second network namespace, connected to ours by a veth pair. The server runs
// over there, the client here. While the link is down the server's control endpoint
// cannot be reached from here, so the test asks it from within the other namespace.
type wire struct {
	t  *testing.T
	ns string
}

// The wire's addresses, of the range for benchmarks (RFC 2544).
const (
	here  = "198.18.7.1"
	there = "198.18.7.2"
)

// newWire makes the namespace and the pair.
func newWire(t *testing.T) *wire {
	t.Helper()
	if testing.Short() {
		t.Skip("long")
	}
	if !ownNetwork() {
		t.Skip("a second network namespace needs root")
	}
	w := &wire{t: t, ns: fmt.Sprintf("c10m-chaos-%d", os.Getpid())}
	w.ip("netns", "add", w.ns)
	t.Cleanup(func() {
		w.ip("link", "del", "chaos0") // the namespace alone would take its time over it
		w.ip("netns", "del", w.ns)
	})
	w.ip("link", "add", "chaos0", "type", "veth", "peer", "name", "chaos1", "netns", w.ns)
	w.ip("addr", "add", here+"/24", "dev", "chaos0")
	w.ip("link", "set", "chaos0", "up")
	w.ip("-n", w.ns, "link", "set", "lo", "up")
	w.ip("-n", w.ns, "addr", "add", there+"/24", "dev", "chaos1")
	w.ip("-n", w.ns, "link", "set", "chaos1", "up")
	return w
}

func (w *wire) ip(args ...string) {
	w.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		w.t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// server starts one on the other side.
func (w *wire) server(flags ...string) *rig.Server {
	w.t.Helper()
	return rig.Start(w.t, rig.Options{Ports: 10, Prefix: []string{"ip", "netns", "exec", w.ns},
		Bind: there, ControlAt: there, Flags: append([]string{"--workers", "1"}, flags...)})
}

// to are the flags of a client hold against the server over there.
func to(s *rig.Server, more ...string) []string {
	return s.To(append([]string{"--host", there}, more...)...)
}

// cut takes the link down, at the server's end: the client's kernel is told
// nothing but that its carrier is gone.
func (w *wire) cut()  { w.ip("-n", w.ns, "link", "set", "chaos1", "down") }
func (w *wire) mend() { w.ip("-n", w.ns, "link", "set", "chaos1", "up") }

// lose drops packets at random, in both directions: by netem where the kernel
// has it, which delays them as well, else by nftables. It says which.
func (w *wire) lose(percent int, delay time.Duration) string {
	w.t.Helper()
	netem := []string{"qdisc", "add", "dev", "chaos0", "root", "netem", "loss", fmt.Sprintf("%d%%", percent), "delay",
		fmt.Sprintf("%dms", delay.Milliseconds())}
	if exec.Command("tc", netem...).Run() == nil {
		netem[3] = "chaos1"
		if out, err := exec.Command("tc", append([]string{"-n", w.ns}, netem...)...).CombinedOutput(); err != nil {
			w.t.Fatalf("tc netem over there: %v: %s", err, out)
		}
		return "netem"
	}
	// On the way in only: a packet dropped on its way out is an error to its
	// sender, no loss.
	rules := fmt.Sprintf(
		"table inet chaos { chain in { type filter hook input priority 0; numgen random mod 100 < %d drop; }; }", percent)
	for _, prefix := range [][]string{nil, {"ip", "netns", "exec", w.ns}} {
		nft := append(prefix, "nft", rules)
		if out, err := exec.Command(nft[0], nft[1:]...).CombinedOutput(); err != nil {
			w.t.Fatalf("neither netem nor nftables: %v: %v: %s", nft, err, out)
		}
	}
	w.t.Cleanup(func() { _ = exec.Command("nft", "delete", "table", "inet", "chaos").Run() })
	return "nftables, without delay"
}

// TestNetworkCut: a link that is down for a while and comes back costs nothing.
// TCP tries again after as long as the link was away, at the latest: the run goes
// on for twice that.
func TestNetworkCut(t *testing.T) {
	rig.NoLeaks(t)
	w := newWire(t)
	s := w.server()
	down := lasting(4*time.Second, 30*time.Second)
	o := rig.Client(t, nil, func(*exec.Cmd) {
		rig.Await(t, "messages", func() bool { return s.Report(t).Messages >= 1000 })
		w.cut()
		time.Sleep(down)
		w.mend()
	}, to(s, "--conns", "1000", "--hold", (2*down+4*time.Second).String(), "--interval", "500ms", "--verify", "1000")...)
	r := o.Result
	if r == nil || o.Status != 0 || r.Conns.Established != 1000 || r.Conns.Lost != 0 || r.Echo.Lost != 0 ||
		r.Echo.Mismatched != 0 || r.Echo.Verified != 1000 {
		t.Fatalf("status %d, %+v: want nothing lost and all verified: %s", o.Status, r, o.Stderr)
	}
	if time.Duration(r.Echo.Latency.Max) < down/2 {
		t.Errorf("the longest latency is %v: the cut of %v is not in it", time.Duration(r.Echo.Latency.Max), down)
	}
	t.Logf("down for %v: %d messages, the longest took %v", down, r.Echo.Received, time.Duration(r.Echo.Latency.Max))
}

// TestNetworkGone: a link that does not come back. On both sides keepalive finds dead
// connections that were silent, and TCP_USER_TIMEOUT those that wait for an answer. Each
// is counted once.
func TestNetworkGone(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []string
	}{
		{"silent", nil},
		{"talking", []string{"--interval", "500ms"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rig.NoLeaks(t)
			w := newWire(t)
			s := w.server("--keepalive", "1s")
			var gone time.Time
			o := rig.Client(t, nil, func(*exec.Cmd) {
				s.Open(t, 500)
				if tt.flags != nil {
					rig.Await(t, "messages", func() bool { return s.Report(t).Messages >= 500 })
				}
				w.cut()
				gone = time.Now()
			}, to(s, append([]string{"--conns", "500", "--hold", "60s", "--keepalive", "1s", "--verify", "0",
				"--server-control", "none"}, tt.flags...)...)...)
			t.Logf("the client knew all %v after the cut", time.Since(gone).Round(100*time.Millisecond))
			r := o.Result
			if r == nil || o.Status != 1 || r.Conns.Established != 500 || r.Conns.Lost != 500 {
				t.Errorf("status %d, %+v: want all 500 lost: %s", o.Status, r, o.Stderr)
			} else if n := r.Conns.Errors["read_timeout"]; n != 500 {
				t.Errorf("causes %v, want 500 read_timeout", r.Conns.Errors)
			}
			// By now the server must have found out too; nobody has told it.
			w.mend()
			s.Open(t, 0)
		})
	}
}

// TestPacketLoss: lost and late packets cost time, and nothing else. The client
// closes with FIN, because nobody repeats an RST that gets lost; an end that could
// not wait for the other's FIN sends one all the same, and then it is keepalive
// that tells the server.
func TestPacketLoss(t *testing.T) {
	rig.NoLeaks(t)
	w := newWire(t)
	s := w.server("--keepalive", "30s")
	how := w.lose(5, 20*time.Millisecond)
	o := rig.Client(t, nil, nil, to(s, "--conns", "500", "--hold", "5s", "--interval", "500ms", "--size", "3000",
		"--verify", "500",
		"--connect-timeout", "1m", "--close", "fin", "--server-control", "none")...)
	costsTime(t, o, 500, 10)
	r := o.Result
	t.Logf("5 %% of packets lost by %s: %d of %d messages back, median %v, longest %v", how, r.Echo.Received,
		r.Echo.Sent, time.Duration(r.Echo.Latency.P50), time.Duration(r.Echo.Latency.Max))
}

// costsTime wants a run over n connections, each verified at its end, that lost no
// connection and no byte. At most so many answers may be late, which is longer than
// the 10 s that a client waits for one: Linux takes the age of a packet that it
// repeats for a round trip (RFC 7323's timestamps), so a few losses on one connection
// stretch its time until the next repeat to 6 s and more, where the wire takes 10 us.
// Who is late is counted, and nobody who is not.
func costsTime(t *testing.T, o rig.Outcome, n, late int64) {
	t.Helper()
	r := o.Result
	if r == nil || r.Echo == nil || r.Conns.Established != n || r.Conns.Lost != 0 || r.Echo.Mismatched != 0 ||
		r.Conns.Errors["echo_surplus"] != 0 || r.Echo.Sent != r.Echo.Received+r.Echo.Lost {
		t.Fatalf("status %d, %+v: want nothing lost: %s", o.Status, r, o.Stderr)
	}
	owed := r.Echo.Lost + n - r.Echo.Verified
	if owed > late || (o.Status == 0) != (owed == 0) {
		t.Fatalf("status %d with %d messages lost and %d of %d connections verified, want at most %d late: %s",
			o.Status, r.Echo.Lost, r.Echo.Verified, n, late, o.Stderr)
	}
}

// TestLateAnswers: a network that is away for longer than the client can wait
// for answers. The messages are lost, and counted; the connections are not: an
// answer that comes after all is no mismatch and no surplus.
func TestLateAnswers(t *testing.T) {
	rig.NoLeaks(t)
	w := newWire(t)
	s := w.server()
	o := rig.Client(t, nil, func(*exec.Cmd) {
		rig.Await(t, "messages", func() bool { return s.Report(t).Messages >= 400 })
		w.cut()
		time.Sleep(16 * time.Second) // 4 s of messages, and the 10 s that their answers may take
		w.mend()
	}, to(s, "--conns", "200", "--hold", "4s", "--interval", "500ms", "--verify", "200", "--server-control", "none",
		"--close", "fin")...)
	r := o.Result
	if r == nil || o.Status != 1 || r.Conns.Lost != 0 || r.Echo.Lost == 0 || r.Echo.Mismatched != 0 ||
		r.Conns.Errors["echo_surplus"] != 0 {
		t.Fatalf("status %d, %+v: want messages lost and no connection: %s", o.Status, r, o.Stderr)
	}
	if said := strings.Join(report.Warnings(r.Warnings), "\n"); !strings.Contains(said, "owe the answer") {
		t.Errorf("warnings %q, want one about connections that were not verified", said)
	}
}
