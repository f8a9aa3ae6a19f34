//go:build chaos

package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// Environment of the suite's own processes.
const (
	moved  = "C10M_CHAOS_MOVED"  // already in a namespace of its own
	attack = "C10M_CHAOS_ATTACK" // be this attacker, not the suite
)

// long is whether the faults last as long as the promise says (a minute of
// storm, 30 s without a network) instead of seconds.
var long = os.Getenv("C10M_CHAOS_LONG") != ""

// lasting is how long a fault lasts.
func lasting(short, full time.Duration) time.Duration {
	if long {
		return full
	}
	return short
}

func TestMain(m *testing.M) {
	if name := os.Getenv(attack); name != "" {
		os.Exit(attacker(name))
	}
	if os.Getuid() == 0 && os.Getenv(moved) == "" {
		os.Exit(move())
	}
	os.Exit(rig.Main(m, "../..", func() {}))
}

// move runs the suite again in a network namespace of its own.
func move() int {
	cmd := exec.Command("/bin/sh", append([]string{"-c", `ip link set lo up && exec "$0" "$@"`, os.Args[0]}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), moved+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			return exit.ExitCode()
		}
		fmt.Fprintf(os.Stderr, "move into a network namespace: %v\n", err)
		return 1
	}
	return 0
}

// ownNetwork is whether this loopback is ours alone.
func ownNetwork() bool { return os.Getenv(moved) != "" }
