package proc

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// TaskBound is one limit on how many threads there may be; each process is at
// least one.
type TaskBound struct {
	Name        string // as a user would look for it
	Used, Limit int64
	Cure        string
}

// Left is how many threads may still be made.
func (b TaskBound) Left() int64 { return max(0, b.Limit-b.Used) }

// String says how it stands.
func (b TaskBound) String() string { return fmt.Sprintf("%s %d, %d in use", b.Name, b.Limit, b.Used) }

// TaskBounds are what bounds the number of this process's threads, and that of
// its children, tightest first: pids.max of its control groups, pids.rst; its
// RLIMIT_NPROC, getrlimit(2); kernel.threads-max and kernel.pid_max. What is not
// shown bounds nothing.
func (p FS) TaskBounds() (all []TaskBound) {
	for _, g := range p.cgroups(self, "pids") {
		limit, err := readUint(g.file("pids.max"))
		if err != nil || limit >= 1<<40 {
			continue // "max", or not shown
		}
		used, _ := readUint(g.file("pids.current"))
		all = append(all, TaskBound{Name: "pids.max of control group " + g.name, Used: int64(min(used, limit)),
			Limit: int64(limit),
			Cure:  "raise it (TasksMax= of systemd, --pids-limit of docker)"})
	}
	if l, err := p.Limits(self); err == nil && l.Tasks.Soft != Unlimited && !p.passesTasks() {
		all = append(all, TaskBound{Name: "RLIMIT_NPROC", Used: p.tasksOfUser(), Limit: l.Tasks.Soft,
			Cure: "raise it (ulimit -u, LimitNPROC= of systemd)"})
	}
	if used, ok := p.tasks(); ok {
		for _, name := range []string{"kernel.threads-max", "kernel.pid_max"} {
			if n, err := p.SysctlInt(name); err == nil && n > 0 {
				all = append(all, TaskBound{Name: name, Used: used, Limit: n, Cure: "sysctl -w " + name + "=..."})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b TaskBound) int { return cmp.Compare(a.Left(), b.Left()) })
	return all
}

// passesTasks: RLIMIT_NPROC does not bind the real root of the initial user
// namespace, nor who has one of two capabilities there, copy_process of
// kernel/fork.c.
func (p FS) passesTasks() bool {
	uid, err := p.User(self)
	return err == nil && uid == 0 && p.namespace(self, "user") == initialUserNS || p.capable(capSysResource) ||
		p.capable(capSysAdmin)
}

// tasksOfUser counts the threads of all processes that run as this one's real
// user, as far as they are shown.
func (p FS) tasksOfUser() (n int64) {
	own, err := p.User(self)
	if err != nil {
		return 0
	}
	entries, err := os.ReadDir(p.root)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		pid, ok := number([]byte(e.Name()), 1<<31)
		if !ok || pid == 0 {
			continue
		}
		if s, err := p.status(int(pid)); err == nil && s.uid == int64(own) {
			n += max(1, s.threads)
		}
	}
	return n
}

// tasks is how many threads the machine has: the fourth field of /proc/loadavg,
// "runnable/all", proc_loadavg(5).
func (p FS) tasks() (n int64, ok bool) {
	b, err := os.ReadFile(filepath.Join(p.root, "loadavg"))
	if err != nil {
		return 0, false
	}
	f := strings.Fields(string(b))
	if len(f) < 4 {
		return 0, false
	}
	_, all, _ := strings.Cut(f[3], "/")
	count, ok := number([]byte(all), 1<<40)
	return int64(count), ok && count > 0
}

// Tasks is how many threads this process has, /proc/self/status; 0: not known.
func (p FS) Tasks() int64 {
	s, err := p.status(self)
	if err != nil {
		return 0
	}
	return s.threads
}
