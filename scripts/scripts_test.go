// Package scripts tests the shell scripts beside it.
package scripts

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/nettest"
)

// output is what a command left behind.
type output struct {
	stdout, stderr string
	status         int
}

func run(t *testing.T, cmd *exec.Cmd) output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

const childEhash = "/proc/sys/net/ipv4/tcp_child_ehash_entries"

// own moves the test into a network namespace of its own, for netns.sh to start
// from: what it sets and restores is then not the machine's setting, which
// others may be changing. Only what the test's own goroutine starts is there.
// Its thread ends with it.
func own(t *testing.T) (namespace string) {
	t.Helper()
	nettest.InNetns(t)
	namespace, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return namespace
}

// initial is what childEhash is set to before netns.sh runs.
const initial = "12345"

func setInitial(t *testing.T) {
	t.Helper()
	err := os.WriteFile(childEhash, []byte(initial), 0)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("kernels before 6.1 do not have it: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func TestNetnsSettings(t *testing.T) {
	parent := own(t)
	setInitial(t)
	script := `cd /proc/sys/net; readlink /proc/self/ns/net; cat ipv4/tcp_ehash_entries core/somaxconn ipv4/ip_local_port_range \
		ipv4/ip_local_reserved_ports; ip -o link show lo up | wc -l; echo "$C10M_NETNS"; read -r c </proc/$$/task/$$/children; echo "children:$c"`
	got := run(t, exec.Command("./netns.sh", "--ehash", "65536", "--ports", "20000:500", "--ports", "9090:1", "--",
		"bash", "-c", script))
	namespace, rest, _ := strings.Cut(got.stdout, "\n")
	const want = "65536\n65535\n1024\t65535\n9090,20000-20499\n1\n1\nchildren:\n"
	if got.status != 0 || got.stderr != "" || rest != want {
		t.Errorf("status %d, stderr %q, stdout %q, want %q", got.status, got.stderr, rest, want)
	}
	if !strings.HasPrefix(namespace, "net:[") || namespace == parent {
		t.Errorf("ran in %s, the parent's is %s", namespace, parent)
	}
	if after := read(t, childEhash); after != initial {
		t.Errorf("%s = %s after, was %s", childEhash, after, initial)
	}
}

// TestNetnsWithoutIP: images of containers have no ip(8); bin/tuning does its
// part, and without either it runs as it is, and says why.
func TestNetnsWithoutIP(t *testing.T) {
	parent := own(t)
	dir := tree(t)
	path := filepath.Join(dir, "path") // everything but ip
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bash", "cat", "env", "dirname", "flock", "nsenter", "readlink", "sleep", "unshare",
		"touch"} {
		at, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(at, filepath.Join(path, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	netns := func() output {
		cmd := exec.Command(filepath.Join(dir, "scripts/netns.sh"), "readlink", "/proc/self/ns/net")
		cmd.Env, cmd.Dir = append(os.Environ(), "PATH="+path), dir
		return run(t, cmd)
	}
	got := netns()
	if tuned := read(t, filepath.Join(dir, "tuning.net")); got.status != 0 || tuned == parent ||
		tuned != strings.TrimSpace(got.stdout) || read(t, filepath.Join(dir, "log")) != "tuning loopback" {
		t.Errorf("%+v; lo was brought up in %s, the parent is %s", got, tuned, parent)
	}
	if err := os.Remove(filepath.Join(dir, "bin/tuning")); err != nil {
		t.Fatal(err)
	}
	if got := netns(); got.status != 0 || strings.TrimSpace(got.stdout) != parent ||
		!strings.Contains(got.stderr, "ip is missing") {
		t.Errorf("without either: %+v", got)
	}
}

// TestNetnsSaysWhy: what hinders it is named, in the words of the one who was
// refused, and the command runs all the same.
func TestNetnsSaysWhy(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, tool, script, want string }{
		{"refused", "unshare", "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1",
			"Operation not permitted (needs CAP_SYS_ADMIN"},
		{"too many", "unshare", "echo 'unshare: unshare failed: No space left on device' >&2; exit 1",
			"(user.max_net_namespaces is "},
		{"no memory", "unshare", "echo 'unshare: unshare failed: Cannot allocate memory' >&2; exit 1",
			"no memory for a hash of 65536 buckets"},
		{"only once", "unshare", "[ \"$2\" = true ] || exit 1", "did not appear within 5 s"},
		{"no tool", "nsenter", "", "nsenter is missing (apt-get install util-linux)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own(t)
			setInitial(t)
			path := filepath.Join(dir, tt.name)
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"bash", "cat", "dirname", "flock", "ip", "nsenter", "readlink", "sleep",
				"true", "unshare"} {
				at, err := exec.LookPath(name)
				if err == nil && name != tt.tool {
					err = os.Symlink(at, filepath.Join(path, name))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if tt.script != "" {
				if err := os.WriteFile(filepath.Join(path, tt.tool), []byte("#!/bin/bash\n"+tt.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("./netns.sh", "--ehash", "65536", "bash", "-c", "echo ran; exit 3")
			cmd.Env = append(os.Environ(), "PATH="+path)
			got := run(t, cmd)
			if got.status != 3 || got.stdout != "ran\n" || strings.Count(got.stderr, "\n") != 1 ||
				!strings.Contains(got.stderr, tt.want) {
				t.Errorf("%+v, want status 3 and one line with %q", got, tt.want)
			}
			if after := read(t, childEhash); after != initial {
				t.Errorf("%s = %s after, was %s", childEhash, after, initial)
			}
		})
	}
}

// TestNetnsRestores: killed at any moment, the parent's setting is as it was.
func TestNetnsRestores(t *testing.T) {
	own(t)
	setInitial(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		for delay := range 5 {
			cmd := exec.Command("./netns.sh", "--ehash", "131072", "true")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(delay) * 7 * time.Millisecond)
			cmd.Process.Signal(sig)
			cmd.Wait()
			if after := read(t, childEhash); after != initial {
				t.Fatalf("%v after %d ms: %s = %s, was %s", sig, delay*7, childEhash, after, initial)
			}
		}
	}
}

// TestNetnsTogether: several at once do not restore each other's value.
func TestNetnsTogether(t *testing.T) {
	own(t)
	setInitial(t)
	var cmds [4]*exec.Cmd
	var outs [len(cmds)]bytes.Buffer
	for i := range cmds {
		cmds[i] = exec.Command("./netns.sh", "--ehash", strconv.Itoa(4096<<i), "cat", "/proc/sys/net/ipv4/tcp_ehash_entries")
		cmds[i].Stdout, cmds[i].Stderr = &outs[i], &outs[i]
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, cmd := range cmds {
		err := cmd.Wait()
		if got, want := outs[i].String(), strconv.Itoa(4096<<i)+"\n"; err != nil || got != want {
			t.Errorf("namespace %d: %v, %q, want %q", i, err, got, want)
		}
	}
	if after := read(t, childEhash); after != initial {
		t.Errorf("%s = %s after, was %s", childEhash, after, initial)
	}
}

func TestNetnsStatus(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		want   int
		stderr string
	}{
		{"status is passed on", []string{"bash", "-c", "exit 42"}, 42, ""},
		{"killed by a signal", []string{"--", "bash", "-c", "kill -TERM $$"}, -1, ""},
		{"arguments stay apart", []string{"--", "test", "a b", "=", "a b"}, 0, ""},
		{"no such command", []string{"./nonexistent"}, 127, "nonexistent"},
		{"no command", []string{"--ehash", "0"}, 2, "CMD is missing"},
		{"table too large", []string{"--ehash", "16777217", "true"}, 2, "0..16777216"},
		{"table not a number", []string{"--ehash", "x", "true"}, 2, "0..16777216"},
		{"ports past the end", []string{"--ports", "65535:2", "true"}, 2, "65535:2"},
		{"unknown flag", []string{"--frob", "true"}, 2, "--frob"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if os.Geteuid() == 0 {
				own(t)
			}
			got := run(t, exec.Command("./netns.sh", tt.args...))
			if got.status != tt.want || !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("status %d, stderr %q, want %d and %q", got.status, got.stderr, tt.want, tt.stderr)
			}
		})
	}
}

// TestNetnsPlain: without root, the command runs all the same, and one line says how.
func TestNetnsPlain(t *testing.T) {
	cmd := exec.Command("bash", "-s", "--", "bash", "-c", "echo $EUID; exit 3")
	script, err := os.Open("netns.sh")
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	cmd.Stdin = script
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
	}
	got := run(t, cmd)
	if got.status != 3 || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "not root") ||
		got.stdout == "0\n" {
		t.Errorf("%+v, want status 3 and one line on stderr", got)
	}
}

// fakes are a server and a client that write down how they were started and
// ended; FAKE_SERVER and FAKE_CLIENT are run in the middle.
const (
	fakeServer = `#!/bin/bash
echo "server $*" >>log; echo $$ >server.pid
trap 'echo "server TERM" >>log; exit 0' TERM
eval "${FAKE_SERVER:-echo ready fake}"
while :; do sleep 0.02; done
`
	fakeTuning = `#!/bin/bash
echo "tuning $*" >>log; readlink /proc/self/ns/net >tuning.net
exit "${FAKE_TUNING:-0}"
`
	fakeClient = `#!/bin/bash
echo "client $*" >>log; echo $$ >client.pid
trap 'echo "client INT" >>log; exit 130' INT
trap 'echo "client TERM" >>log; exit 130' TERM
eval "${FAKE_CLIENT:-exit 0}"
`
)

// tree is a copy of run.sh and netns.sh with fakes in bin.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"scripts/run.sh":   read(t, "run.sh") + "\n",
		"scripts/netns.sh": read(t, "netns.sh") + "\n",
		"bin/server":       fakeServer,
		"bin/client":       fakeClient,
		"bin/tuning":       fakeTuning,
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pair is run.sh in dir, in the test's own namespace.
func pair(dir string, env ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(dir, "scripts/run.sh"))
	cmd.Env = append(os.Environ(), "C10M_NETNS=no", "CONNS=", "PORTS=", "PROTO=")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// gone says whether the process whose pid is in the file has ended.
func gone(t *testing.T, path string) bool {
	t.Helper()
	pid, err := strconv.Atoi(read(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return syscall.Kill(pid, 0) != nil
}

func TestRun(t *testing.T) {
	const auto = "client hold --ports 200 --conns auto --cap 1000000 --json out/last.json --html out/last.html\n"
	for _, tt := range []struct {
		name   string
		env    []string
		status int
		log    string
		stderr string
	}{
		{
			name: "defaults",
			log:  "server --engine gnet --ports 200 --max-conns 1000000\n" + auto + "server TERM\n",
		},
		{
			name: "sized",
			env:  []string{"CONNS=2.5M", "PORTS=100", "PROTO=ws"},
			log: "server --engine gnet --ports 100 --max-conns 2.5M\nclient hold --ports 100 --conns 2.5M --proto " +
				"ws --json out/last.json --html out/last.html\nserver TERM\n",
		},
		{
			name: "small, elsewhere", env: []string{"CONNS=900", "OUT=out/x.json"},
			log: "server --engine gnet --ports 200 --max-conns 900\nclient hold --ports 200 --conns 900 --hold 2s " +
				"--json out/x.json\nserver TERM\n",
		},
		{
			name: "all that fits",
			env:  []string{"CONNS=auto"},
			log: "server --engine gnet --ports 200 --max-conns auto\nclient hold --ports 200 --conns auto --json " +
				"out/last.json --html out/last.html\nserver TERM\n",
		},
		{
			name:   "client falls short",
			env:    []string{"FAKE_CLIENT=exit 1"},
			status: 1,
			log:    "server --engine gnet --ports 200 --max-conns 1000000\n" + auto + "server TERM\n",
		},
		{
			name:   "server refuses",
			env:    []string{"FAKE_SERVER=echo no >&2; exit 2", "CONNS=7"},
			status: 2,
			log:    "server --engine gnet --ports 200 --max-conns 7\n",
			stderr: "ended before it was ready, status 2",
		},
		{name: "bad ports", env: []string{"PORTS=70000"}, status: 2, stderr: "PORTS=70000: the legal range is 1..4096"},
		{name: "more ports than a server has", env: []string{"PORTS=4097"}, status: 2,
			stderr: "PORTS=4097: the legal range is 1..4096"},
		{name: "no number of connections", env: []string{"CONNS=foo"}, status: 2, stderr: "CONNS=foo: want"},
		{name: "no connection", env: []string{"CONNS=0"}, status: 2, stderr: "CONNS=0: want"},
		{name: "bad protocol", env: []string{"PROTO=udp"}, status: 2, stderr: "PROTO=udp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t)
			got := run(t, pair(dir, tt.env...))
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			if got.status != tt.status || string(log) != tt.log || !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("status %d, log %q, stderr %q, want %d, %q, %q", got.status, log, got.stderr, tt.status, tt.log, tt.stderr)
			}
			if tt.log == "" && strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("%q, want one line", got.stderr)
			}
			if tt.log != "" && !gone(t, filepath.Join(dir, "server.pid")) {
				t.Error("the server still runs")
			}
		})
	}
}

// TestRunSignal: a signal ends the client first, then the server, and the
// status is the client's.
func TestRunSignal(t *testing.T) {
	for _, tt := range []struct {
		sig  syscall.Signal
		want string
	}{
		{syscall.SIGINT, "client INT\nserver TERM\n"},
		{syscall.SIGTERM, "client TERM\nserver TERM\n"},
		{syscall.SIGHUP, "client TERM\nserver TERM\n"},
	} {
		t.Run(tt.sig.String(), func(t *testing.T) {
			dir := tree(t)
			cmd := pair(dir, "FAKE_CLIENT=touch up; while :; do sleep 0.02; done")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			nettest.Await(t, "the client", func() bool { _, err := os.Stat(filepath.Join(dir, "up")); return err == nil })
			cmd.Process.Signal(tt.sig)
			cmd.Wait()
			if log := read(t, filepath.Join(dir, "log")) + "\n"; cmd.ProcessState.ExitCode() != 130 ||
				!strings.HasSuffix(log, tt.want) {
				t.Errorf("status %v, log %q, want 130 and %q", cmd.ProcessState, log, tt.want)
			}
			if !gone(t, filepath.Join(dir, "server.pid")) || !gone(t, filepath.Join(dir, "client.pid")) {
				t.Error("something was left running")
			}
		})
	}
}

// TestRunSignalDeafServer: after a signal a server that does not end is killed,
// and what it has started with it; nobody waits for its drain, which takes 30 s.
func TestRunSignalDeafServer(t *testing.T) {
	dir := tree(t)
	cmd := pair(dir, "FAKE_SERVER=trap '' TERM; sleep 600 & echo $! >worker.pid; echo ready fake",
		"FAKE_CLIENT=touch up; while :; do sleep 0.02; done")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	nettest.Await(t, "the client", func() bool { _, err := os.Stat(filepath.Join(dir, "up")); return err == nil })
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if cmd.ProcessState.ExitCode() != 130 || !strings.Contains(stderr.String(), "did not end within 5 s: killed") ||
		strings.Contains(stderr.String(), "Killed") { // the shell's own line
		t.Errorf("status %v, %q; want 130, and that the server was killed after 5 s", cmd.ProcessState, stderr.String())
	}
	nettest.Await(t, "the server and its worker to go", func() bool {
		return gone(t, filepath.Join(dir, "server.pid")) && gone(t, filepath.Join(dir, "worker.pid"))
	})
}

// TestRunKilled: even SIGKILL of the script leaves nothing running.
func TestRunKilled(t *testing.T) {
	dir := tree(t)
	cmd := pair(dir, "FAKE_CLIENT=touch up; while :; do sleep 0.02; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	nettest.Await(t, "the client", func() bool { _, err := os.Stat(filepath.Join(dir, "up")); return err == nil })
	cmd.Process.Kill()
	cmd.Wait()
	nettest.Await(t, "both ends to go", func() bool {
		return gone(t, filepath.Join(dir, "server.pid")) && gone(t, filepath.Join(dir, "client.pid"))
	})
}

// TestRunInNamespace: as root the whole pair runs in a namespace of its own.
func TestRunInNamespace(t *testing.T) {
	parent := own(t)
	dir := tree(t)
	got := run(t, pair(dir, "C10M_NETNS=", "FAKE_CLIENT=readlink /proc/self/ns/net; exit 5", "PORTS=7", "FAKE_TUNING=1"))
	if got.status != 5 || !strings.HasPrefix(got.stdout, "net:[") || strings.TrimSpace(got.stdout) == parent {
		t.Errorf("%+v, want status 5 and a namespace other than %s", got, parent)
	}
	first, _, _ := strings.Cut(read(t, filepath.Join(dir, "log")), "\n")
	if want := "tuning apply --scope namespace --conns 1000000 --ports 7 --state none"; first != want {
		t.Errorf("began with %q, want %q", first, want)
	}
	if tuned := read(t, filepath.Join(dir, "tuning.net")); tuned != strings.TrimSpace(got.stdout) {
		t.Errorf("tuned %s, ran in %s", tuned, got.stdout)
	}
	if !strings.Contains(got.stderr, "not every setting of the namespace could be applied") {
		t.Errorf("%q does not say that tuning fell short", got.stderr)
	}
}
