package scenario

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/unit"
)

// fakeProc is a /proc and /sys with the given files.
func fakeProc(t *testing.T, files map[string]string) proc.FS {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755),
			os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	fp, err := proc.New(dir, dir)
	if err != nil {
		t.Fatal(err)
	}
	return fp
}

// pids is a control group in which so many threads are used of limit.
func pids(used, limit int64) map[string]string {
	return map[string]string{"self/cgroup": "0::/a\n", "fs/cgroup/a/pids.max": fmt.Sprintln(limit),
		"fs/cgroup/a/pids.current": fmt.Sprintln(used)}
}

// Threads are counted before they are made, the runtime's own included: where
// clone(2) fails the Go runtime ends the process with a dump of its registers.
func TestThreadsFitTheirLimits(t *testing.T) {
	own := runtimeThreads()
	for _, tt := range []struct {
		name         string
		files        map[string]string
		conns        unit.Count
		threads      unit.Count
		perTable     int64
		wantThreads  int
		why          string // in the fd limit's
		refused, err string // before anything is made, or once the plan is decided
	}{
		{"nothing binds", nil, unit.Count{N: 10_000}, unit.Count{Auto: true}, 100, 100, "", "", ""},
		{"room enough", pids(12, 212+own), unit.Count{N: 10_000}, unit.Count{Auto: true}, 100, 100, "", "", ""},
		{"one thread too few", pids(12, 211+own), unit.Count{N: 10_000}, unit.Count{Auto: true}, 100, 0,
			"a thread each: pids.max of control group /a", "",
			"10,000 connections need 100 here, and there is room for 99 beside the runtime's; raise it (TasksMax="},
		{"asked for more threads", pids(12, 32+own), unit.Count{N: 10_000}, unit.Count{N: 11}, 100_000, 0,
			"10 fd tables", "", "need 11 here, and there is room for 10"},
		{"one table, fewer threads than processors", pids(12, 14+own), unit.Count{N: 1_000_000}, unit.Count{Auto: true},
			2_000_000, 1, "1 fd tables", "", ""},
		{"as many as fit", pids(12, 92+own), unit.Count{Auto: true}, unit.Count{Auto: true}, 100, 40,
			"40 fd tables, a thread each: pids.max of control group /a", "", ""},
		{"no room at all", pids(95, 100), unit.Count{N: 100}, unit.Count{Auto: true}, 100, 0, "",
			"threads: pids.max of control group /a 100, 95 in use: the client takes ", ""},
		{"its limit is odd", map[string]string{"self/cgroup": "0::/a\n", "fs/cgroup/a/pids.max": "few\n"},
			unit.Count{N: 10_000}, unit.Count{Auto: true}, 100, 100, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tasks, err := roomForThreads(fakeProc(t, tt.files))
			if (err != nil) != (tt.refused != "") || err != nil && !strings.Contains(report.Error(err), tt.refused) {
				t.Fatalf("error %v, want %q in it", err, tt.refused)
			}
			if err != nil {
				if errors.Is(err, ErrUsage) {
					t.Error("it is no bad usage")
				}
				return
			}
			m := plan.Machine{FDsPerTable: tt.perTable, Tables: maxTables}
			tasks.bind(&m)
			p := &Prepared{Limits: m.Limits()}
			if why := p.Limits[0].Why; tt.why != "" && !strings.Contains(why, tt.why) {
				t.Errorf("the fd limit is %q, want %q in it", why, tt.why)
			}
			o, pl := Options{Conns: tt.conns, Threads: tt.threads}, plan.Plan{}
			if err := p.decideConns(&pl, o); err != nil {
				t.Fatal(err)
			}
			err = p.decideThreads(&pl, o, m, true, tasks)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(report.Error(err), tt.err) {
				t.Fatalf("error %v, want %q in it", err, tt.err)
			}
			if err != nil {
				if errors.Is(err, ErrUsage) || strings.Contains(report.Error(err), "\n") {
					t.Errorf("%q is bad usage, or more than a line", err)
				}
				return
			}
			if pl.Threads != tt.wantThreads {
				t.Errorf("%d threads, want %d", pl.Threads, tt.wantThreads)
			}
		})
	}
}

// The client is two processes at first, and each has a runtime.
func TestRoomToStart(t *testing.T) {
	need := 2 * runtimeThreads()
	for left, want := range map[int64]string{need: "",
		need - 1: fmt.Sprintf("threads: pids.max of control group /a %d, 5 in use: the client alone takes up to %d; "+
			"raise it", 5+need-1, need)} {
		err := roomToStart(fakeProc(t, pids(5, 5+left)), 2)
		if (err != nil) != (want != "") || err != nil && !strings.HasPrefix(report.Error(err), want) {
			t.Errorf("%d left: %v, want %q", left, err, want)
		}
	}
	if err := roomToStart(fakeProc(t, map[string]string{"version": "x"}), 2); err != nil {
		t.Errorf("nothing is known, and yet %v", err)
	}
}

// A bound that is not known is left out, with its cause, and the run goes on.
func TestPrepareWithoutMemoryFigures(t *testing.T) {
	for _, tt := range []struct {
		name, meminfo, want string
		bytes               bool
	}{
		{"known", "MemTotal: 1000 kB\nMemFree: 900 kB\n", "", true},
		{"hidden", "", "how many connections memory allows is not known: read meminfo: ", false},
		{"odd", "MemTotal: 1000 kB\nMemFree: 900 kB\nInactive(file): 50000 kB\n",
			"memory: Active(file) + Inactive(file), 51200000 bytes, are left out", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"version": "x"}
			if tt.meminfo != "" {
				files["meminfo"] = tt.meminfo
			}
			var p Prepared
			var m plan.Machine
			p.memoryRoom(&m, Options{}, fakeProc(t, files))
			said := strings.Join(report.Warnings(p.Warnings), "; ")
			if (said != "") != (tt.want != "") || !strings.HasPrefix(said, tt.want) || (m.RoomBytes > 0) != tt.bytes ||
				m.RoomBytes > 1_024_000 {
				t.Errorf("room %d, warnings %q, want %q", m.RoomBytes, said, tt.want)
			}
		})
	}
}
