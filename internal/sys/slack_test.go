package sys

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const relaxing = "C10M_TEST_RELAXING"

// TestRelaxTimers: it is the same process afterwards, with the same arguments, every new
// thread of which has the slack, but for one that asks for exact timers.
func TestRelaxTimers(t *testing.T) {
	if os.Getenv(relaxing) != "" {
		if err := RelaxTimers(3*time.Millisecond, os.Args, os.Environ()); err != nil {
			t.Fatal(err)
		}
		slack := func() int {
			n, _ := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
			return n
		}
		relaxed := slack()
		ExactTimers()
		fmt.Printf("pid %d slack %d exact %d\n", os.Getpid(), relaxed, slack())
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRelaxTimers$", "-test.count=1")
	cmd.Env = append(os.Environ(), relaxing+"=1")
	out, err := cmd.Output()
	want := fmt.Sprintf("pid %d slack 3000000 exact 50000\nPASS\n", cmd.Process.Pid)
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}
