package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Thread is one thread at one moment: /proc/PID/task/TID/stat, schedstat and
// wchan.
type Thread struct {
	PID, TID     int
	Name         string
	State        byte    // R runs or is ready to, S and D asleep, T and t stopped, Z ended
	User, System float64 // seconds, in steps of a clock tick
	Run          float64 // seconds on a processor, exact; User + System without schedstat
	Wait         float64 // seconds it was ready to run and had no processor; 0 without schedstat
	Sleeps       string  // the kernel's function that it sleeps in, "" if it does not or that is not shown
}

// Stopped says whether a signal (SIGSTOP) or a tracer keeps the thread from
// running.
func (t Thread) Stopped() bool { return t.State == 'T' || t.State == 't' }

// tick is a second in the units of /proc/PID/stat: USER_HZ, 100 on every
// architecture that we build for.
const tick = 100

// Threads reads all threads of a process; ErrGone if it has ended. A thread
// that ends meanwhile is left out.
func (p FS) Threads(pid int) ([]Thread, error) {
	dir := filepath.Join(p.root, of(pid), "task")
	names, err := os.ReadDir(dir)
	if gone(err) {
		return nil, fmt.Errorf("list threads of process %s: %w", of(pid), ErrGone)
	}
	if err != nil {
		return nil, fmt.Errorf("list threads of process %s: %w", of(pid), err)
	}
	threads := make([]Thread, 0, len(names))
	for _, n := range names {
		t, err := readThread(filepath.Join(dir, n.Name()))
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read thread %s of process %s: %w", n.Name(), of(pid), err)
		}
		t.PID = pid
		threads = append(threads, t)
	}
	return threads, nil
}

// MainThread reads the first thread of a process; its state is T when the
// process is stopped.
func (p FS) MainThread(pid int) (Thread, error) {
	name := of(pid)
	t, err := readThread(filepath.Join(p.root, name, "task", name))
	if gone(err) {
		err = ErrGone
	}
	if err != nil {
		return Thread{}, fmt.Errorf("read main thread of process %s: %w", of(pid), err)
	}
	t.PID = pid
	return t, nil
}

func readThread(dir string) (t Thread, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return t, err
	}
	if t, err = parseThread(b); err != nil {
		return t, err
	}
	t.Run = t.User + t.System
	// Both are a kernel's option, and the second a privilege.
	if b, err := os.ReadFile(filepath.Join(dir, "schedstat")); err == nil {
		if run, wait, ok := parseSchedstat(b); ok {
			t.Run, t.Wait = run, wait
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "wchan")); err == nil {
		if s := strings.TrimSpace(string(b)); s != "0" {
			t.Sleeps = s
		}
	}
	return t, nil
}

var errNoStat = errors.New("it is not a line of /proc/PID/stat")

// parseThread reads /proc/PID/task/TID/stat, proc_pid_stat(5): the name stands
// in parentheses and may itself hold spaces and parentheses.
func parseThread(b []byte) (t Thread, err error) {
	first, last := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if first < 0 || last < first {
		return t, errNoStat
	}
	tid, ok := number(bytes.TrimSpace(b[:first]), 1<<40)
	f := bytes.Fields(b[last+1:])
	if !ok || len(f) < 13 || len(f[0]) != 1 {
		return t, errNoStat
	}
	user, ok1 := number(f[11], 1<<50)
	system, ok2 := number(f[12], 1<<50)
	if !ok1 || !ok2 {
		return t, errNoStat
	}
	return Thread{TID: int(tid), Name: string(b[first+1 : last]), State: f[0][0], User: float64(user) / tick,
		System: float64(system) / tick}, nil
}

// parseSchedstat reads "nanoseconds run, nanoseconds waited, times run".
func parseSchedstat(b []byte) (run, wait float64, ok bool) {
	f := bytes.Fields(b)
	if len(f) != 3 {
		return 0, 0, false
	}
	r, ok1 := number(f[0], 1<<62)
	w, ok2 := number(f[1], 1<<62)
	return float64(r) / 1e9, float64(w) / 1e9, ok1 && ok2
}
