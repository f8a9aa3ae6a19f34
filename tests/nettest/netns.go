package nettest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// InNetns moves the test's own thread, and the programs that it starts, into a new
// network namespace (network_namespaces(7)), and runs these shell commands there. Other
// goroutines stay outside: a test makes its sockets itself, and may hand them to others.
// The thread ends with the test. Without root the test is skipped.
func InNetns(t *testing.T, commands ...string) {
	t.Helper()
	needRoot(t)
	runtime.LockOSThread() // never unlocked: the Go runtime ends the thread with the goroutine
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare the network namespace: %v", err)
	}
	for _, c := range commands {
		if out, err := exec.Command("sh", "-c", c).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c, err, out)
		}
	}
}

// rerun is set in the environment of a process that RerunInNetns has started.
const rerun = "C10M_TEST_IN_NETNS"

// RerunInNetns is for a test all of whose threads are to be in a new network namespace,
// where not even loopback is up. It returns true if they are; otherwise it runs the test
// again, in a process with a namespace of its own, passes its outcome on, and returns
// false. Without root the test is skipped.
func RerunInNetns(t *testing.T) (inside bool) {
	t.Helper()
	if os.Getenv(rerun) != "" {
		return true
	}
	needRoot(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), rerun+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("a network namespace needs CAP_SYS_ADMIN: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in a network namespace: %v\n%s", err, out)
	}
	return false
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
}
