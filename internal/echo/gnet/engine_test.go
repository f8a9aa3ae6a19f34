package gnet

import (
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// What accept4(2) failed with is counted by its cause; any other message is not.
func TestFailedAccept(t *testing.T) {
	ctr := new(echo.Counters)
	l := logger{echo.New(echo.Config{Logf: t.Logf}, ctr)}
	for errno, cause := range map[sys.Errno]int{
		sys.EMFILE: echo.OverLimit, sys.ENFILE: echo.FileMax, sys.ENOBUFS: echo.MemoryLow, sys.ENOMEM: echo.MemoryLow,
		sys.EPERM: echo.AcceptFailed, sys.EINVAL: echo.AcceptFailed,
	} {
		before := ctr.Causes[cause].Load()
		l.Errorf("Accept() failed due to error: %v", errno)
		if got := ctr.Causes[cause].Load() - before; got != 1 {
			t.Errorf("%v is counted %d times as %s", errno, got, echo.CauseNames[cause])
		}
	}
	l.Errorf("event-loop(%d) is exiting due to error: %v", 1, sys.ENOMEM)
	l.Errorf("Accept() failed due to error: %v", "something else")
	if n := ctr.Causes[echo.MemoryLow].Load(); n != 2 {
		t.Errorf("%d counted as memory_low, want 2", n)
	}
}
