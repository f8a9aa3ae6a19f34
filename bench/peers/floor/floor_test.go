// Package floor holds the yardstick in C; only its test is Go.
package floor

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// line is what floor prints.
type line struct {
	Conns      int64 `json:"conns"`
	Failed     int64 `json:"failed"`
	Accepted   int64 `json:"accepted"`
	Seconds    float64
	Rate       float64
	EpollAdd   int64 `json:"epoll_add_failed"`
	Workers    int64
	Ports      int64
	SlabBefore int64 `json:"slab_before"`
	SlabAfter  int64 `json:"slab_after"`
	UsedBefore int64 `json:"used_before"`
	UsedAfter  int64 `json:"used_after"`
	Error      string
}

func compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	args := append([]string{"-O2", "-Wall", "-Wextra", "-Werror", "-o", out, source}, flags...)
	if b, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", source, err, b)
	}
	return out
}

// run starts floor in a network namespace of its own where that is allowed, so
// that its fixed ports are free, and returns its JSON line, stderr and status.
func run(t *testing.T, program string, env []string, args ...string) (line, string, int) {
	t.Helper()
	args = append([]string{"../../../scripts/netns.sh", "--ehash", "0", "--", program}, args...)
	cmd := exec.Command("bash", args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var l line
	if len(out) > 0 {
		if err := json.Unmarshal(out, &l); err != nil {
			t.Fatalf("read %q: %v", out, err)
		}
	}
	return l, stderr.String(), cmd.ProcessState.ExitCode()
}

func TestFloor(t *testing.T) {
	floor := compile(t, "floor.c")
	for _, tt := range []struct {
		name           string
		args           []string
		workers, ports int64
	}{
		{"more ports than workers", []string{"2000", "--ports", "7", "--workers", "3", "--hold", "0"}, 3, 7},
		{"a port a worker", []string{"1001", "--ports", "4", "--workers", "4", "--hold", "0"}, 4, 4},
		{"one", []string{"1", "--ports", "1", "--hold", "0"}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, stderr, status := run(t, floor, nil, tt.args...)
			if status != 0 || l.Failed != 0 || l.Accepted != l.Conns || l.EpollAdd != 0 || l.Error != "" {
				t.Fatalf("status %d, %+v, stderr %s", status, l, stderr)
			}
			if l.Workers != tt.workers || l.Ports != tt.ports || l.Seconds <= 0 || l.Rate <= 0 {
				t.Errorf("%+v, want %d workers and %d ports", l, tt.workers, tt.ports)
			}
			if l.SlabBefore <= 0 || l.SlabAfter <= 0 || l.UsedBefore <= 0 || l.UsedAfter <= 0 {
				t.Errorf("memory is missing: %+v", l)
			}
		})
	}
}

// TestFDLimit: the number of workers follows from the limit, never a failed accept.
func TestFDLimit(t *testing.T) {
	floor := compile(t, "floor.c")
	l, stderr, status := run(t, "prlimit", nil, "--nofile=256", floor, "2000", "--ports", "20", "--hold", "0")
	if status != 0 || l.Conns != 2000 || l.Accepted != 2000 || l.Workers != 9 {
		t.Errorf("status %d, %+v, stderr %s, want 2000 over 9 workers", status, l, stderr)
	}
}

// TestWatchesRunOut: a failed EPOLL_CTL_ADD is counted and makes the run fall short.
func TestWatchesRunOut(t *testing.T) {
	floor := compile(t, "floor.c")
	preload := compile(t, "testdata/nowatch.c", "-shared", "-fPIC")
	l, stderr, status := run(t, floor, []string{"LD_PRELOAD=" + preload}, "1000", "--ports", "2", "--workers", "2",
		"--hold", "0")
	// Four processes count for themselves: 500 connections each, and a
	// server's listener too.
	if status != 1 || l.Conns != 1000 || l.EpollAdd != 20 {
		t.Errorf("status %d, %+v, stderr %s, want 20 failed registrations and status 1", status, l, stderr)
	}
}

func TestUsage(t *testing.T) {
	floor := compile(t, "floor.c")
	for _, tt := range []struct{ args, want string }{
		{"", "CONNS is missing"},
		{"0", "CONNS 0: the legal range is 1.."},
		{"ten", "CONNS ten"},
		{"10 --ports 70000", "--ports 70000: the legal range is 1..55536"},
		{"10 --ports", "--ports (nothing)"},
		{"10 --bogus 1", "--bogus"},
		{"90000 --ports 1 --workers 1", "--ports"},
	} {
		out, err := exec.Command(floor, strings.Fields(tt.args)...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), tt.want) {
			t.Errorf("floor %s: %v, %s, want status 2 and %q", tt.args, err, out, tt.want)
		}
	}
}
