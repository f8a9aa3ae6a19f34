package tests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/tests/rig"
)

// echoes checks that the server at an address echoes.
func echoes(t *testing.T, at string) {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Errorf("connect: %v", err)
		return
	}
	defer func() { _ = c.Close() }()
	answers(t, c)
}

// answers checks that the peer of a connection echoes.
func answers(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(rig.Patience))
	b := make([]byte, 5)
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Errorf("%s: %v", c.RemoteAddr(), err)
	} else if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Errorf("%s: %q, %v", c.RemoteAddr(), b, err)
	}
}

// TestBindBothFamilies: "::" is every address of either family, in one process
// and in several.
func TestBindBothFamilies(t *testing.T) {
	for _, workers := range []string{"1", "2"} {
		s := rig.Start(t, rig.Options{Ports: 3, WS: 1, Bind: "::", Flags: []string{"--max-conns", "500", "--workers",
			workers}})
		for i := range 3 {
			echoes(t, fmt.Sprintf("127.0.0.1:%d", s.First+i))
			echoes(t, fmt.Sprintf("[::1]:%d", s.First+i))
		}
	}
}

// TestBindName: a name is looked up once, and the address is what is shown.
func TestBindName(t *testing.T) {
	s := rig.Start(t, rig.Options{Ports: 1, Bind: "localhost"})
	if !strings.Contains(s.Ready, "tcp 127.0.0.1:") {
		t.Errorf("it said %q", s.Ready)
	}
	echoes(t, s.Addr(0))
}

// TestHangup: SIGHUP, the end of the terminal, is a drain, with one process and with
// several, and nothing at all under nohup.
func TestHangup(t *testing.T) {
	for _, workers := range []string{"1", "2"} {
		s := rig.Start(t, rig.Options{Ports: 1, Flags: []string{"--max-conns", "500", "--workers", workers}})
		_ = syscall.Kill(-s.Cmd.Process.Pid, syscall.SIGHUP) // the whole group, as a terminal's end does
		if err := s.Cmd.Wait(); err != nil {
			t.Errorf("%s workers: %v after SIGHUP, want status 0", workers, err)
		}
		s = rig.Start(t, rig.Options{Ports: 1, Prefix: []string{"nohup"}, Flags: []string{"--max-conns", "500",
			"--workers", workers}})
		_ = syscall.Kill(-s.Cmd.Process.Pid, syscall.SIGHUP)
		time.Sleep(200 * time.Millisecond) // for what must not happen
		echoes(t, s.Addr(0))
		if r := s.Report(t); r.State != "ready" || r.Shards[0].Restarts != 0 {
			t.Errorf("%s workers under nohup: %+v", workers, r)
		}
	}
}

// TestClientHangup: the same for the client, which ends with what it has.
func TestClientHangup(t *testing.T) {
	s := start(t, 1, nil)
	for _, tt := range []struct {
		prefix []string
		want   int
	}{{nil, 130}, {[]string{"nohup"}, 0}} {
		o := client(t, tt.prefix, func(cmd *exec.Cmd) {
			await(t, "the connections", func() bool { return s.report(t).Open == 10 })
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGHUP)
		}, s.To("--conns", "10", "--hold", "2s")...)
		if o.Status != tt.want {
			t.Errorf("%v: status %d, want %d: %s", tt.prefix, o.Status, tt.want, o.Stderr)
		}
	}
}

// TestControlUnderProfiles: as many profiles as are allowed at a time keep neither the
// control endpoint from answering nor a worker from being profiled afterwards.
func TestControlUnderProfiles(t *testing.T) {
	s := start(t, 1, nil, "--workers", "2", "--max-conns", "500")
	for range 64 {
		c, err := net.Dial("tcp", s.control)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_, _ = fmt.Fprintf(c, "GET /debug/pprof/goroutine?seconds=120&worker=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	}
	began := time.Now()
	if r := s.report(t); r.State != "ready" {
		t.Errorf("it reports %+v", r)
	}
	if took := time.Since(began); took > 20*time.Second { // the deadlines of the others begin at 30 s
		t.Errorf("the report took %v", took)
	}
}

// TestTwoBadFlags: of two bad flags it is always the same one that is named.
func TestTwoBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"server", "--max-message", "0", "--max-outbound", "0", "--drain", "-1s", "--idle-timeout", "-1s"},
		{"server", "--drain", "-1s", "--idle-timeout", "-1s"},
		{"server", "--tcp", "9000:200", "--ws", "9200:1", "--control", "127.0.0.1:9090", "--pool", "0"},
		{"server", "--relay", "10.0.0.1:1:1", "--workers", "2", "--idle-timeout", "1m", "--keepalive", "0"},
		{"client", "--hold", "-1s", "--settle", "-1s", "--interval", "-1s", "--size", "0"},
		{"client", "echo", "--duration", "0s", "--size", "0", "--depth", "0", "--rate", "x"},
		{"client", "churn", "--users", "0", "--duration", "-1s", "--pool", "0"},
	} {
		var first []byte
		for i := range 12 {
			out, err := exec.Command(bin+"/"+args[0], args[1:]...).CombinedOutput()
			if err == nil {
				t.Fatalf("%v is taken", args)
			}
			if i == 0 {
				first = out
			} else if !bytes.Equal(out, first) {
				t.Errorf("%v: %q and %q", args, first, out)
				break
			}
		}
	}
}

// TestTimerSlack: beside the epoll engine's loops, which take naps of half a millisecond,
// the Go runtime's monitor thread, which would wake up thousands of times a second, is in
// no hurry, and neither is any other. With gnet all have what the kernel gives them.
func TestTimerSlack(t *testing.T) {
	flags := []string{"--max-conns", "500", "--workers", "1"}
	if rig.Engine == shard.Tables {
		flags = append(flags, "--loops", "2")
	}
	s := rig.Start(t, rig.Options{Ports: 1, Flags: flags})
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", s.Cmd.Process.Pid))
	if err != nil || len(tasks) < 3 {
		t.Fatalf("threads of the server: %v, %v", tasks, err)
	}
	exact := 0
	for _, task := range tasks {
		slack, err := os.ReadFile(filepath.Join("/proc", filepath.Base(task), "timerslack_ns"))
		if errors.Is(err, fs.ErrPermission) {
			t.Skipf("only who may change them may read them: %v", err) // CAP_SYS_NICE
		}
		switch strings.TrimSpace(string(slack)) {
		case "10000000":
		case "50000":
			exact++
		default:
			t.Errorf("%s has slack %q (%v)", task, slack, err)
		}
	}
	want := 2
	if rig.Engine != shard.Tables {
		want = len(tasks)
	}
	if exact != want {
		t.Errorf("%d threads of %d have exact timers, want %d", exact, len(tasks), want)
	}
}

// TestFirstThreadHasTheTable: /proc/PID/fd, which is that of the process's first thread,
// shows the listening sockets also where loops have fd tables of their own, and where it
// has been tried whether they may.
func TestFirstThreadHasTheTable(t *testing.T) {
	if rig.Engine != shard.Tables {
		t.Skip("gnet's loops have no fd tables of their own")
	}
	const ports = 8
	for _, limit := range []string{"600", "2000"} {
		s := rig.Start(t, rig.Options{Ports: ports, Prefix: []string{"prlimit", "--nofile=" + limit + ":" + limit},
			Flags: []string{"--max-conns", "1000"}})
		dir := fmt.Sprintf("/proc/%d/fd", s.Cmd.Process.Pid)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		sockets := 0
		for _, e := range entries {
			if to, _ := os.Readlink(filepath.Join(dir, e.Name())); strings.HasPrefix(to, "socket:") {
				sockets++
			}
		}
		if sockets < ports {
			t.Errorf("limit %s: %d sockets, want at least %d", limit, sockets, ports)
		}
	}
}
