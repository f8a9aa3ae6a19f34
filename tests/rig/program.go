package rig

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/c10m/c10m/tests/nettest"
)

// Program runs a program that is not ours, a server or a proxy, until the test ends, and
// waits until it is ready: until 127.0.0.1:port accepts a connection, or, with port 0,
// until it writes a line that begins with "ready". Without the program the test fails:
// one that is skipped in silence would look like one that has passed. What the program
// has written to stderr is shown if the test fails.
func Program(t testing.TB, port int, command ...string) (pid int) {
	t.Helper()
	path, err := exec.LookPath(command[0])
	if err != nil {
		t.Fatalf("%s is not installed: scripts/install-deps.sh does it", command[0])
	}
	cmd := exec.Command(path, command[1:]...)
	var log bytes.Buffer
	cmd.Stderr = &log
	// A process group of its own, so that its children end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", command[0], log.String())
		}
	})
	if port == 0 {
		if line, _ := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "ready") {
			t.Fatalf("%s is not ready: it wrote %q", command[0], line)
		}
		return cmd.Process.Pid
	}
	Await(t, command[0]+" to accept", func() bool { return nettest.Accepts(fmt.Sprintf("127.0.0.1:%d", port)) })
	return cmd.Process.Pid
}

// NginxConf is a configuration of nginx that writes nothing outside dir, with these
// directives in its http block. Its error log is stderr.
func NginxConf(dir, http string) string {
	return fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log stderr error;
events { worker_connections 1000; }
http {
access_log off; client_body_temp_path %[1]s/1; proxy_temp_path %[1]s/2; fastcgi_temp_path %[1]s/3;
uwsgi_temp_path %[1]s/4; scgi_temp_path %[1]s/5;
%[2]s
}
`, dir, http)
}
