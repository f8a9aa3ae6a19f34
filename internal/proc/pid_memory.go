package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/prometheus/procfs"

	"github.com/c10m/c10m/internal/result"
)

// Process is user memory and processor time of one or more processes.
type Process struct {
	RSS     uint64  // bytes; shared pages count in each process
	PSS     uint64  // bytes; shared pages count by their share
	Private uint64  // bytes
	Anon    uint64  // bytes that belong to no file: heap and stacks
	CPU     float64 // seconds, user and system
	Pids    int     // processes that were there to be read
}

// Add adds what another process has.
func (s *Process) Add(one Process) {
	s.RSS += one.RSS
	s.PSS += one.PSS
	s.Private += one.Private
	s.Anon += one.Anon
	s.CPU += one.CPU
	s.Pids++
}

// Memory is the part of it that a report has.
func (s Process) Memory() *result.ProcMemory {
	return &result.ProcMemory{RSS: s.RSS, PSS: s.PSS, Private: s.Private, Anon: s.Anon}
}

// Process sums up the processes: /proc/PID/smaps_rollup, which walks their page
// tables and is exact, and /proc/PID/stat for the time. A process that has ended
// meanwhile is left out; an error only if none could be read. It never lists
// /proc/PID/fd, which would itself take kernel memory for each socket.
func (p FS) Process(pids ...int) (Process, error) {
	return p.sum(pids, func(proc procfs.Proc) (Process, error) {
		cpu, err := p.processorTime(proc.PID)
		if err != nil {
			return Process{}, err
		}
		m, err := proc.ProcSMapsRollup()
		if errors.Is(err, syscall.ESRCH) {
			return Process{}, err
		}
		if err != nil {
			// Another user's process, or a kernel without the file: what
			// everybody may see of it.
			one, err := p.resident(proc)
			one.CPU = cpu
			return one, err
		}
		return Process{RSS: m.Rss, PSS: m.Pss, Private: m.PrivateClean + m.PrivateDirty, Anon: m.Anonymous, CPU: cpu}, nil
	})
}

// processorTime is the user and system time of a process in seconds, all its
// threads together: /proc/PID/stat, whose line is like a thread's.
func (p FS) processorTime(pid int) (sec float64, err error) {
	err = p.read(fmt.Sprintf("%d/stat", pid), func(b []byte) error {
		t, err := parseThread(b)
		sec = t.User + t.System
		return err
	})
	return sec, err
}

// Resident sums up the processes from /proc/PID/statm alone: cheap whatever
// their size and open to every user, but without what they share by parts (PSS
// and Private are Anon), and up to some pages a processor behind, see
// proc_pid_statm(5). CPU is 0.
func (p FS) Resident(pids ...int) (Process, error) { return p.sum(pids, p.resident) }

func (p FS) resident(proc procfs.Proc) (Process, error) {
	var resident, shared uint64
	err := p.read(fmt.Sprintf("%d/statm", proc.PID), func(b []byte) error {
		f := bytes.Fields(b) // size resident shared ...
		if len(f) < 3 {
			return fmt.Errorf("%q is not seven numbers", b)
		}
		var ok1, ok2 bool
		resident, ok1 = number(f[1], 1<<40)
		shared, ok2 = number(f[2], 1<<40)
		if !ok1 || !ok2 {
			return fmt.Errorf("%q is not seven numbers", b)
		}
		return nil
	})
	if err != nil {
		return Process{}, err
	}
	anon := less(resident, shared) * p.page
	return Process{RSS: resident * p.page, PSS: anon, Private: anon, Anon: anon}, nil
}

// sum reads each process and leaves out those that are gone.
func (p FS) sum(pids []int, read func(procfs.Proc) (Process, error)) (sum Process, err error) {
	for _, pid := range pids {
		proc, err := p.fs.Proc(pid)
		if err == nil {
			var one Process
			if one, err = read(proc); err == nil {
				sum.Add(one)
				continue
			}
		}
		if !gone(err) {
			return Process{}, fmt.Errorf("read memory of process %d: %w", pid, err)
		}
	}
	if sum.Pids == 0 && len(pids) > 0 {
		return sum, fmt.Errorf("read memory of processes %v: %w", pids, ErrGone)
	}
	return sum, nil
}

// ErrGone says that all of the processes have ended.
var ErrGone = errors.New("they have ended")

// gone tells a process that has ended, before its file was opened or after.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
