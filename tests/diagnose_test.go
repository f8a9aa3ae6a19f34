package tests

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// namespace makes a network namespace that lasts as long as the test, and
// returns the words that run a command in it.
func namespace(t *testing.T, setup string) (prefix []string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	rig.NoLeaks(t)
	holder := exec.Command("unshare", "-n", "sleep", "600")
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the namespace", func() bool {
		its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", holder.Process.Pid))
		return err == nil && its != own
	})
	prefix = []string{"nsenter", "-t", fmt.Sprint(holder.Process.Pid), "-n"}
	inside(t, prefix, "ip link set lo up\n"+setup)
	return prefix
}

// inside runs a shell script in a namespace.
func inside(t *testing.T, prefix []string, script string) {
	t.Helper()
	if out, err := in(prefix, "bash", "-euc", script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
}

// stored reads a result file.
func stored(t *testing.T, file string) *result.Result {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := result.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// in is a command that runs in a namespace.
func in(ns []string, words ...string) *exec.Cmd {
	return exec.Command(ns[0], slices.Concat(ns[1:], words)...)
}

// awaitPort waits until a port of loopback accepts in a namespace.
func awaitPort(t *testing.T, ns []string, port int) {
	t.Helper()
	await(t, fmt.Sprintf("port %d to accept", port), func() bool {
		return in(ns, "bash", "-c", fmt.Sprintf("</dev/tcp/127.0.0.1/%d", port)).Run() == nil
	})
}

// tries runs a test until it has no complaint, a few times at most, and fails with the
// last complaint: other work on the machine may hide what it looks for, but not each
// time.
func tries(t *testing.T, try func() (complaint string)) {
	t.Helper()
	const most = 4
	for i := 1; ; i++ {
		switch complaint := try(); {
		case complaint == "":
			return
		case i == most:
			t.Fatalf("in none of %d tries: %s", most, complaint)
		default:
			t.Logf("try %d: %s", i, complaint)
		}
	}
}

// firstFinding complains unless the run's first finding is want, and contains words.
func firstFinding(r *result.Result, want string, words ...string) (complaint string) {
	switch {
	case r == nil:
		return "no result"
	case len(r.Findings) == 0 || r.Findings[0].Code != want:
		return fmt.Sprintf("findings %+v, want %q first", r.Findings, want)
	}
	for _, w := range words {
		if f := report.Finding(r.Findings[0]); !strings.Contains(f.Evidence+f.Meaning+f.Cure, w) {
			return fmt.Sprintf("finding %+v lacks %q", f, w)
		}
	}
	return ""
}

// among complains unless want is one of the run's findings, and contains words: on a busy
// machine others may come before it.
func among(r *result.Result, want string, words ...string) (complaint string) {
	if r == nil {
		return "no result"
	}
	at := slices.IndexFunc(r.Findings, func(f result.Finding) bool { return f.Code == want })
	if at < 0 {
		return fmt.Sprintf("findings %+v, want %q among them", r.Findings, want)
	}
	return firstFinding(&result.Result{Findings: r.Findings[at:]}, want, words...)
}

// dawdling is a server with a backlog of one that accepts two connections a second.
const dawdling = `
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(1)
kept = []
while True:
    kept.append(s.accept()); time.sleep(0.5)
`

// A tiny backlog before a server that accepts slowly: most connects are dropped.
func TestDiagnoseTinyBacklog(t *testing.T) {
	ns := namespace(t, "echo 1 >/proc/sys/net/core/somaxconn")
	server := in(ns, "/usr/bin/python3", "-c", dawdling, "10000")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	awaitPort(t, ns, 10000)
	tries(t, func() string {
		o := client(t, ns, nil, "hold", "--first-port", "10000", "--ports", "1", "--server-control", "none", "--conns",
			"40", "--threads", "1", "--hold", "0s", "--connect-timeout", "2s", "--verify", "0")
		return firstFinding(o.Result, "accept_queue_full", "somaxconn=65535 (now 1)", "ListenOverflows", "port 10000")
	})
}

// half begins more TCP handshakes than fit into a backlog of 4 and never completes them:
// the server's answers are dropped.
const half = `
import socket, sys, time
kept = []
for _ in range(16):
    s = socket.socket(); s.setblocking(False); s.bind(("127.0.0.9", 0)); kept.append(s)
    s.connect_ex(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)
`

// A full SYN queue: the kernel sends cookies, the run itself succeeds.
func TestDiagnoseSYNQueue(t *testing.T) {
	ns := namespace(t, `echo 4 >/proc/sys/net/core/somaxconn; echo 1 >/proc/sys/net/ipv4/tcp_syncookies
nft "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ip daddr 127.0.0.9 drop"`)
	s := start(t, 1, ns, "--workers", "1", "--max-conns", "1000")
	begun := in(ns, "/usr/bin/python3", "-c", half, fmt.Sprint(s.first))
	begun.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := begun.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = begun.Process.Kill(); _ = begun.Wait() }()
	tries(t, func() string {
		o := client(t, ns, nil, s.to(1, "--conns", "40", "--rate", "100", "--threads", "1", "--sources", "127.0.0.1",
			"--hold", "0s", "--verify", "40")...)
		if o.Status != 0 {
			return fmt.Sprintf("status %d, want 0: cookies let them in; %s", o.Status, o.Stderr)
		}
		return among(o.Result, "syn_cookies_sent", "TCPReqQFullDoCookies", "tcp_max_syn_backlog")
	})
}

// The full accept queue of another program is not this server's limit.
func TestDiagnoseAnothersQueue(t *testing.T) {
	ns := namespace(t, "")
	s := start(t, 1, ns, "--max-conns", "1000")
	port := s.first + 1000
	const idle = `
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(0)
c = socket.create_connection(s.getsockname())
print("ready", flush=True)
time.sleep(600)
`
	cmd := in(ns, "/usr/bin/python3", "-c", idle, fmt.Sprint(port))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the other program said %q", line)
	}
	// diagnose of our server, whose ports it has to find out.
	tries(t, func() string {
		o := client(t, ns, nil, "diagnose", "--pid", fmt.Sprint(s.cmd.Process.Pid), "--duration", "500ms")
		if o.Result == nil || o.Status != 0 {
			return fmt.Sprintf("status %d, want 0: %+v %s", o.Status, o.Result, o.Stderr)
		}
		return among(o.Result, "accept_queue_of_another_program_full", fmt.Sprintf("port %d", port))
	})
	// diagnose of the other program.
	o := client(t, ns, nil, "diagnose", "--pid", fmt.Sprint(cmd.Process.Pid), "--duration", "500ms")
	if complaint := firstFinding(o.Result, "accept_queue_full", fmt.Sprintf("port %d", port)); o.Status != 1 ||
		complaint != "" {
		t.Errorf("status %d, want 1; %s", o.Status, complaint)
	}
}

// All connections come from one block of source ports to one port, so they go to the same
// worker.
func TestDiagnoseHotShard(t *testing.T) {
	ns := namespace(t, "echo 40000 40031 >/proc/sys/net/ipv4/ip_local_port_range")
	s := start(t, 1, ns, "--workers", "3", "--max-conns", "1000")
	args := s.to(1, "--conns", "16", "--threads", "1", "--hold", "2s", "--verify", "0")
	args[0] = "echo"
	tries(t, func() string {
		o := client(t, ns, nil, args...)
		return firstFinding(o.Result, "one_hot_shard", "connections, all on the only port", "of the work (messages)")
	})
}

// One process with an event loop a core, and one connection: one loop does it all.
func TestDiagnoseHotLoop(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("one core has one event loop")
	}
	s := start(t, 1, nil, "--max-conns", "1000")
	args := s.to(1, "--conns", "1", "--depth", "32", "--threads", "1", "--hold", "2s", "--verify", "0")
	args[0] = "echo"
	tries(t, func() string {
		o := client(t, nil, nil, args...)
		return firstFinding(o.Result, "one_hot_shard", "event loop ",
			fmt.Sprintf("of process %d did 100 %% of the work (messages)", s.cmd.Process.Pid))
	})
}

// A server that is stopped by SIGSTOP most of the time.
func TestDiagnoseStopped(t *testing.T) {
	s := start(t, 2, nil, "--max-conns", "1000")
	args := s.to(2, "--conns", "20", "--hold", "2s", "--verify", "0")
	args[0] = "echo"
	tries(t, func() string {
		done, stopper := make(chan struct{}), make(chan struct{})
		o := client(t, nil, func(*exec.Cmd) {
			go func() {
				defer close(stopper)
				stopAndGo(s.cmd.Process, done)
			}()
		}, args...)
		close(done)
		<-stopper
		return firstFinding(o.Result, "server_stopped", fmt.Sprintf("kill -CONT %d", s.cmd.Process.Pid))
	})
}

// stopAndGo keeps a process from running nine tenths of the time, until done.
func stopAndGo(p *os.Process, done <-chan struct{}) {
	for {
		_ = p.Signal(syscall.SIGSTOP)
		select {
		case <-done:
			_ = p.Signal(syscall.SIGCONT)
			return
		case <-time.After(300 * time.Millisecond):
		}
		_ = p.Signal(syscall.SIGCONT)
		time.Sleep(30 * time.Millisecond)
	}
}

// Every local port there is towards one destination.
func TestDiagnosePortRange(t *testing.T) {
	ns := namespace(t, "echo 40000 40031 >/proc/sys/net/ipv4/ip_local_port_range")
	s := start(t, 1, ns, "--max-conns", "1000")
	tries(t, func() string {
		o := client(t, ns, nil, s.to(1, "--conns", "32", "--sources", "127.0.0.1", "--hold", "1s")...)
		whole(t, o, 32)
		return firstFinding(o.Result, "local_ports_used_up", "32 of 32 local ports in use from 127.0.0.1")
	})
}

// The conntrack table is full of other entries: its size is a setting of the whole
// machine, so it cannot be made small for the test.
func TestDiagnoseConntrackFull(t *testing.T) {
	var most int
	b, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_max")
	if _, scan := fmt.Sscan(string(b), &most); err != nil || scan != nil || most > 1<<20 {
		t.Skipf("this kernel tracks no connections, or too many to fill its table here: %v, %s", err, b)
	}
	ns := namespace(t,
		`nft "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state new counter"
echo 600 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout`)
	s := start(t, 1, ns, "--max-conns", "1000")
	const fill = `
import socket
most = int(open("/proc/sys/net/netfilter/nf_conntrack_max").read())
count = lambda: int(open("/proc/sys/net/netfilter/nf_conntrack_count").read())
source = 1
while count() < most:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.%d" % (1 + source % 250), 0))
    source += 1
    for port in range(1024, 65536):
        try:
            s.sendto(b"x", ("127.0.0.1", port))
        except OSError:
            if count() >= most: break
    s.close()
    assert source < 100
`
	pid := s.cmd.Process.Pid
	file := filepath.Join(t.TempDir(), "d.json")
	if out, err := in(ns, "/usr/bin/python3", "-c", fill).CombinedOutput(); err != nil {
		t.Fatalf("fill conntrack: %v: %s", err, out)
	}
	tries(t, func() string {
		cmd := in(ns, filepath.Join(bin, "client"), "diagnose", "--pid", fmt.Sprint(pid), "--duration", "3s",
			"--json", file)
		var text bytes.Buffer
		cmd.Stdout = &text
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// A first packet that finds no room, while it looks.
		inside(t, ns, fmt.Sprintf("timeout 2 bash -c '</dev/tcp/127.0.0.1/%d' || true", s.first))
		_ = cmd.Wait()
		if complaint := firstFinding(stored(t, file), "conntrack_full", "nf_conntrack_max"); complaint != "" {
			return complaint
		}
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(text.String(), "What limits is: conntrack full") {
			return fmt.Sprintf("status %d, text %s; want 1 and the verdict", cmd.ProcessState.ExitCode(), text.String())
		}
		return ""
	})
}

// queuing is a process with four threads that wait for a file lock which the
// first holds.
const queuing = `
import fcntl, sys, threading, time
held = open(sys.argv[1], "w"); fcntl.flock(held, fcntl.LOCK_EX)
def wait():
    mine = open(sys.argv[1]); fcntl.flock(mine, fcntl.LOCK_EX)
for _ in range(4): threading.Thread(target=wait, daemon=True).start()
time.sleep(600)
`

// Threads that wait for a lock in the kernel, while processors, queues and ports are free.
func TestDiagnoseLock(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("what a thread sleeps in is shown to root alone")
	}
	cmd := exec.Command("/usr/bin/python3", "-c", queuing, filepath.Join(t.TempDir(), "lock"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	await(t, "four threads to wait", func() bool {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", cmd.Process.Pid))
		n := 0
		for _, name := range tasks {
			if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), "lock") {
				n++
			}
		}
		return n >= 4
	})
	tries(t, func() string {
		o := client(t, nil, nil, "diagnose", "--pid", fmt.Sprint(cmd.Process.Pid), "--duration", "1s")
		if o.Status != 1 {
			return fmt.Sprintf("status %d, want 1: something limits", o.Status)
		}
		return firstFinding(o.Result, "waiting_for_a_lock", "4.00 threads of the server")
	})
}

// sleeping echoes each message after 5 ms in which it holds the only lock: 200 a
// second is all that it can do, on any machine.
const sleeping = `
import socket, sys, threading, time
lock = threading.Lock()
def serve(c):
    while True:
        try: b = c.recv(65536)
        except OSError: return
        if not b: return
        with lock: time.sleep(0.005)
        c.sendall(b)
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(128)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
`

// A case that is hard to see: no processor is busy, and yet latency grows.
func TestDiagnoseIdleYetSlow(t *testing.T) {
	port := python(t, sleeping)
	kept := 0
	tries(t, func() string {
		calm(t)
		o := client(t, nil, nil, "echo", "--first-port", fmt.Sprint(port), "--ports", "1", "--server-control", "none",
			"--conns", "20", "--threads", "1", "--rate", "400", "--duration", "4s", "--verify", "0")
		if o.Result == nil || len(report.Tables(o.Result)) == 0 {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, o.Result, o.Stderr)
		}
		complaint := firstFinding(o.Result, "idle_yet_slow", "p99 grew from", "its own locks")
		if busy, _ := cell(t, report.Tables(o.Result)[0], 0, "busy"); complaint != "" && busy >= 0.9 {
			if kept++; kept == 4 {
				t.Skipf("others kept a processor busy all the time, last for %.0f %%: nothing was idle", 100*busy)
			}
		}
		return complaint
	})
}

// calm waits until other programs leave the processors idle for a moment, but not for
// ever.
func calm(t *testing.T) {
	t.Helper()
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	work := func() (sum float64, n int) {
		c, err := fp.Cores()
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range c.Each {
			sum += one.Busy
		}
		return sum, len(c.Each)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		at := time.Now()
		before, _ := work()
		time.Sleep(300 * time.Millisecond)
		if after, n := work(); after-before < 0.3*float64(n)*time.Since(at).Seconds() {
			return
		}
	}
}
