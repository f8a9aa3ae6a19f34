package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/tests/rig"
)

// small is a machine of two cores on which a process may have 300 fds, 92 of
// them connections of a worker with 4 + 1 ports.
var small = []string{"taskset", "-c", "0,1", "prlimit", "--nofile=300:300"}

// TestWorkersGrow: without --workers a server starts one worker a core. A small run is
// served by these; a large one gets more on the way, and no connection is lost, refused
// or left waiting meanwhile.
func TestWorkersGrow(t *testing.T) {
	s := rig.Start(t, rig.Options{Ports: 4, WS: 1, Prefix: small, Flags: []string{"--max-conns", "1500"}})
	if !strings.Contains(s.Ready, " workers=2 max-workers=") {
		t.Fatalf("it said %q", s.Ready)
	}
	for _, tt := range []struct {
		conns       int64
		proto, rate string
		least, most int // workers
	}{
		{60, "tcp", "50", 2, 2}, // slowly: workers are started for a ramp's pace, too
		{1400, "tcp", "max", 15, 22},
		{200, "ws", "max", 3, 22}, // some may have been retired meanwhile
	} {
		var during result.ServerReport
		var metrics string
		first, ports := s.First, s.N
		if tt.proto == "ws" {
			first, ports = s.WS, s.NWS
		}
		o := client(t, nil, func(*exec.Cmd) {
			await(t, "the connections", func() bool { during = s.Report(t); return during.Open == tt.conns })
			metrics = get(t, s, "/metrics")
		}, "hold", "--first-port", fmt.Sprint(first), "--ports", fmt.Sprint(ports), "--proto", tt.proto, "--conns",
			fmt.Sprint(tt.conns),
			"--rate", tt.rate, "--hold", "2s", "--server-control", "http://"+s.Control)
		o.HasResult(t)
		if c := o.Result.Conns; o.Status != 0 || c.Established != tt.conns || c.Lost != 0 {
			t.Errorf("status %d, %+v: %s", o.Status, c, o.Stderr)
		}
		var accepted int64
		for _, w := range during.Shards {
			accepted += w.Accepted
		}
		if tt.proto == "tcp" && accepted != during.Accepted { // nobody has been retired yet
			t.Errorf("the workers have accepted %d, the server %d", accepted, during.Accepted)
		}
		if want := fmt.Sprintf("\nc10m_workers %d\n", len(during.Shards)); !strings.Contains(metrics, want) {
			t.Errorf("/metrics has not %q", want)
		}
		if n := len(during.Shards); n < tt.least || n > tt.most || len(during.Refused) > 0 || during.State != "ready" {
			t.Errorf("%d connections: %d workers, %s, refused %v; want %d to %d workers", tt.conns, n, during.State,
				during.Refused, tt.least, tt.most)
		}
		await(t, "the connections to be gone", func() bool { return s.Report(t).Open == 0 })
	}
	retire(t, s)
	o := client(t, nil, nil, "hold", "--first-port", fmt.Sprint(s.First), "--ports", fmt.Sprint(s.N), "--conns", "1400",
		"--hold", "1s", "--server-control", "http://"+s.Control)
	if c := o.Result.Conns; o.Status != 0 || c.Established != 1400 || c.Lost != 0 {
		t.Errorf("with new workers: status %d, %+v: %s", o.Status, c, o.Stderr)
	}
}

// retire waits until the server has two workers again. It holds connections to the others
// until these are to go, and others come and go meanwhile: none is refused or lost, and no
// total forgets the workers that have gone.
func retire(t *testing.T, s *rig.Server) {
	t.Helper()
	var held []net.Conn
	for i := range 20 { // by the address it comes from it gets to any worker
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i))}, Timeout: rig.Patience}
		c, err := from.Dial("tcp", s.Addr(0))
		if err != nil {
			t.Fatal(err)
		}
		answers(t, c)
		held = append(held, c)
	}
	began, before, dialled := time.Now(), s.Report(t), atomic.Int64{}
	after := before
	workers := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(rig.Patience); len(after.Shards) != n && n > 0 || n == 0 && retiring(after) == 0; {
			if time.Now().After(deadline) {
				t.Fatalf("want %d workers, 0: some that are to go: %+v", n, after.Shards)
			}
			var many sync.WaitGroup
			for range 8 {
				many.Go(func() {
					for range 5 {
						echoes(t, s.Addr(0))
						dialled.Add(1)
					}
				})
			}
			many.Wait()
			time.Sleep(30 * time.Millisecond)
			after = s.Report(t)
		}
	}
	workers(0)
	for _, c := range held {
		answers(t, c)
		_ = c.Close()
	}
	workers(2)
	n := dialled.Load()
	t.Logf("from %d workers to %d in %v, %d connections meanwhile", len(before.Shards), len(after.Shards),
		time.Since(began).Round(100*time.Millisecond), n)
	if len(after.Refused) > 0 || after.State != "ready" || after.Restarts != 0 || before.Accepted < 1660 ||
		after.Accepted != before.Accepted+n || after.Messages < before.Messages+n || after.Open > n {
		t.Errorf("after %d connections more: %+v, before %+v", n, after, before)
	}
	if metrics := get(t, s, "/metrics"); !strings.Contains(metrics, "\nc10m_workers 2\n") {
		t.Errorf("/metrics has not c10m_workers 2: %s", metrics)
	}
}

// retiring is how many of a server's workers are to go.
func retiring(r result.ServerReport) (n int) {
	for _, w := range r.Shards {
		if w.State == result.Retiring {
			n++
		}
	}
	return n
}

// get is what the server's control endpoint answers on path.
func get(t *testing.T, s *rig.Server, path string) string {
	t.Helper()
	status, body := s.Ask(t, path)
	if status != http.StatusOK {
		t.Fatalf("GET %s: status %d, %s", path, status, body)
	}
	return string(body)
}

// TestFullWorkerPassesOn: a full worker refuses no connection while another worker has
// room, not even from a peer that chooses its source ports so that all would go to one
// worker if the distribution had no secret key.
func TestFullWorkerPassesOn(t *testing.T) {
	s := rig.Start(t, rig.Options{Ports: 1, Prefix: small, Flags: []string{"--workers", "4", "--max-conns", "370"}})
	var held []net.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	// Blocks of 32 source ports go to one worker each: ten of them alone are
	// more than one can hold.
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}, Timeout: rig.Patience}
	for port := 33000; len(held) < 360; port++ {
		from.LocalAddr.(*net.TCPAddr).Port = port
		c, err := from.Dial("tcp", s.Addr(0))
		if err != nil {
			if strings.Contains(err.Error(), "in use") {
				continue
			}
			t.Fatalf("connection %d: %v", len(held), err)
		}
		_ = c.SetDeadline(time.Now().Add(rig.Patience))
		_, _ = io.WriteString(c, "x")
		if b := make([]byte, 1); !reads(c, b) || b[0] != 'x' {
			t.Fatalf("connection %d of %d places is not served: %+v", len(held), 4*92, s.Report(t))
		}
		held = append(held, c)
	}
	r := s.Report(t)
	if r.Open != 360 || len(r.Refused) > 0 {
		t.Errorf("%d open, refused %v; want 360 and nobody", r.Open, r.Refused)
	}
}

func reads(c net.Conn, b []byte) bool {
	_, err := io.ReadFull(c, b)
	return err == nil
}

// TestRecycle: workers are replaced after their number of messages, one at a time, the
// successor first. A connection to an old one may go on for --drain and then gets a FIN
// between two messages; one that comes meanwhile is served; the totals go on.
func TestRecycle(t *testing.T) {
	s := rig.Start(t, rig.Options{Ports: 2, Flags: []string{"--workers", "2", "--max-conns", "500", "--recycle-after",
		"500",
		"--recycle-jitter", "100", "--drain", "1s"}})
	before := s.Report(t)
	var stop atomic.Bool
	var echoed, closed atomic.Int64
	ended := make(chan error, 8)
	for i := range 8 {
		go func() {
			for !stop.Load() {
				n, err := converse(s.Addr(i), &stop)
				echoed.Add(n)
				if err != nil {
					ended <- err
					return
				}
				closed.Add(1)
			}
			ended <- nil
		}()
	}
	await(t, "two workers to be recycled", func() bool { return s.Report(t).Recycled >= 2 })
	stop.Store(true)
	for range 8 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	await(t, "the connections to be gone", func() bool { return s.Report(t).Open == 0 })
	after := s.Report(t)
	if after.Messages != echoed.Load() {
		t.Errorf("the server counts %d messages, %d were echoed", after.Messages, echoed.Load())
	}
	for _, w := range before.Shards {
		for _, now := range after.Shards {
			if now.PID == w.PID && after.Recycled > 2 {
				t.Errorf("worker %d is still there after %d recyclings", w.PID, after.Recycled)
			}
		}
	}
	if restarts := after.Shards[0].Restarts; restarts != 0 {
		t.Errorf("%d restarts: a recycling is none", restarts)
	}
	if metrics := get(t, s, "/metrics"); strings.Contains(metrics, "\nc10m_workers_recycled_total 0\n") {
		t.Error("/metrics counts no recycling")
	}
	await(t, "the last recycling to be done", func() bool { return len(s.Report(t).Shards) == 2 })
}

// converse sends one message after the other until stop is set, or until the server
// closes the connection, which must be between two messages.
func converse(at string, stop *atomic.Bool) (echoed int64, err error) {
	c, err := net.Dial("tcp", at)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for !stop.Load() {
		_ = c.SetDeadline(time.Now().Add(rig.Patience))
		message := fmt.Sprintf("message %d\n", echoed)
		if _, err := io.WriteString(c, message); err != nil {
			return echoed, nil // it was closed before
		}
		switch answer, err := r.ReadString('\n'); {
		case err != nil && answer == "":
			return echoed, nil
		case answer != message:
			return echoed, fmt.Errorf("%q is answered with %q, %v", message, answer, err)
		}
		echoed++
		time.Sleep(2 * time.Millisecond)
	}
	return echoed, nil
}

// TestFewThreads: a limit of threads bounds the number of workers before it is reached,
// and is named; the server never runs into it.
func TestFewThreads(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become a user that nobody else is")
	}
	const nobody = "54321" // has no process of his own
	prefix := append(append([]string{}, small...), "prlimit", "--nproc=80",
		"setpriv", "--reuid="+nobody, "--regid="+nobody, "--clear-groups", "--bounding-set=-all")
	tooMany, limit := "1000", ` workers=2 max-workers=[3-5] `
	if rig.Engine == shard.Tables { // one process, and a table of 300 for two threads each
		tooMany, limit = "1M", ` workers=1 loops=[12] max-conns=[5-8][0-9]{3} `
	}
	args := append(slices.Clone(prefix), bin+"/server", "--engine", rig.Engine, "--tcp", "21000:4", "--ws", "none",
		"--control", "none",
		"--max-conns", tooMany)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "RLIMIT_NPROC 80") || !strings.Contains(string(out), "ulimit -u") {
		t.Errorf("%s connections with 80 threads: %v, %s", tooMany, err, out)
	}
	s := rig.Start(t, rig.Options{Ports: 4, Prefix: prefix, Flags: []string{"--max-conns", "auto"}})
	if !regexp.MustCompile(limit).MatchString(s.Ready) {
		t.Errorf("it said %q", s.Ready)
	}
	echoes(t, s.Addr(0))
}
