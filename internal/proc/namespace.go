package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// Self is this process's number in the mounted /proc, which is that of another
// pid namespace where somebody made a new one and mounted no /proc of its own
// (unshare --pid without --mount-proc): /proc/self, proc_pid(5). Without that
// link it is getpid(2).
func (p FS) Self() int {
	link, err := os.Readlink(filepath.Join(p.root, "self"))
	if err != nil {
		return os.Getpid()
	}
	pid, err := strconv.Atoi(filepath.Base(link))
	if err != nil {
		return os.Getpid()
	}
	return pid
}

// Namespaces is where this process lives, as far as /proc/self/ns shows it. The
// pid namespace is left out where the mounted /proc is that of another one: what
// is read there by number would be somebody else's.
func (p FS) Namespaces() result.Namespaces {
	ns := result.Namespaces{Net: p.namespace(self, "net"), User: p.namespace(self, "user")}
	if p.Self() == os.Getpid() {
		ns.PID = p.namespace(self, "pid")
	}
	return ns
}

// namespace is the inode that /proc/PID/ns/KIND stands for, namespaces(7); 0 if
// it cannot be told.
func (p FS) namespace(pid int, kind string) (inode uint64) {
	link, err := os.Readlink(filepath.Join(p.root, of(pid), "ns", kind))
	if err != nil {
		return 0
	}
	text := strings.TrimSuffix(strings.TrimPrefix(link, kind+":["), "]")
	inode, _ = strconv.ParseUint(text, 10, 64)
	return inode
}

// NetNamespace is the network namespace that a process lives in, by its inode; 0 if
// that is not shown.
func (p FS) NetNamespace(pid int) uint64 { return p.namespace(pid, "net") }

// NetFile is the file that stands for it, for setns(2).
func (p FS) NetFile(pid int) string { return filepath.Join(p.root, of(pid), "ns", "net") }

// SameNet says whether a process lives in this process's network namespace, so
// that /proc/net and the settings below net are its own as well.
func (p FS) SameNet(pid int) bool {
	own := p.namespace(self, "net")
	return own != 0 && own == p.namespace(pid, "net")
}

// Own finds a process that is this one or descends from it, by its number in our
// own pid namespace, and gives its number in the mounted /proc. Where that is
// /proc of another namespace, NSpid of /proc/PID/status tells.
func (p FS) Own(pid int) (int, error) {
	me := p.Self()
	if me == os.Getpid() {
		return pid, nil
	}
	for _, there := range append([]int{me}, p.Children(me)...) {
		own := -1
		_ = p.read(fmt.Sprintf("%d/status", there), func(b []byte) error {
			own = innermostPID(b)
			return nil
		})
		if own == pid {
			return there, nil
		}
	}
	return 0, fmt.Errorf("find process %d: /proc is that of another pid namespace and does not show it: "+
		"mount -t proc proc /proc", pid)
}

// innermostPID is the last number of NSpid in /proc/PID/status: what the process
// is called in its own namespace; -1 on kernels without it.
func innermostPID(status []byte) int {
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			f := strings.Fields(rest)
			if len(f) == 0 {
				return -1
			}
			n, err := strconv.Atoi(f[len(f)-1])
			if err != nil {
				return -1
			}
			return n
		}
	}
	return -1
}

// OwnAll is Own of several; those that cannot be found are left out.
func (p FS) OwnAll(pids []int) []int {
	if p.Self() == os.Getpid() {
		return pids
	}
	var there []int
	for _, pid := range pids {
		if n, err := p.Own(pid); err == nil && !slices.Contains(there, n) {
			there = append(there, n)
		}
	}
	return there
}

// ThreadNet names the network namespace that the calling thread is in, and that of
// process 1, by their links ("net:[4026531840]"), network_namespaces(7); first is
// "" where that is not shown.
func (p FS) ThreadNet() (own, first string, err error) {
	if own, err = os.Readlink(filepath.Join(p.root, "thread-self", "ns", "net")); err != nil {
		return "", "", fmt.Errorf("read network namespace: %w", err)
	}
	first, _ = os.Readlink(filepath.Join(p.root, "1", "ns", "net"))
	return own, first, nil
}
