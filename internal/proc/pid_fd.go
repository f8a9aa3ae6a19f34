package proc

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// FDs is how many fds a process holds, and how many it may (soft
// RLIMIT_NOFILE, or Unlimited). Open is -1 where that cannot be told without listing
// /proc/PID/fd, which would take kernel memory for each of them: before Linux
// 6.2, whose directory has its number of entries as its size.
type FDs struct{ Open, Limit int64 }

// FDs reads the size of /proc/PID/fd and /proc/PID/limits.
func (p FS) FDs(pid int) (FDs, error) {
	limits, err := p.Limits(pid)
	if err != nil {
		return FDs{}, err
	}
	f := FDs{Open: -1, Limit: limits.Files.Soft}
	if info, err := os.Stat(filepath.Join(p.root, of(pid), "fd")); err == nil && info.Size() > 0 {
		f.Open = info.Size()
	}
	return f, nil
}

// ReadsFDs says whether the fds of a process may be looked at, which takes its user
// or CAP_SYS_PTRACE: proc_pid_fd(5).
func (p FS) ReadsFDs(pid int) error {
	dir, err := os.Open(filepath.Join(p.root, of(pid), "fd"))
	if err != nil {
		return fmt.Errorf("look at the fds of process %s: %w", of(pid), err)
	}
	return dir.Close()
}

// maxWalk bounds the fds of a process that are looked at one by one, and
// maxWalked those of all: each look takes the kernel an inode and a dentry.
const (
	maxWalk   = 10_000
	maxWalked = 200_000
)

// Owners are the processes that hold one of the sockets, by /proc/PID/fd, with
// their children. It is for the time before a run, when there are few fds, and
// looks no further once every socket has an owner. Processes of other users are
// not seen without privilege.
func (p FS) Owners(inodes map[uint32]bool) (pids []int) {
	procs, err := p.fs.AllProcs()
	if err != nil {
		return nil
	}
	left, walked := maps.Clone(inodes), 0
	for _, proc := range procs {
		if name := p.Name(proc.PID); proc.PID == 1 && (name == "systemd" || name == "init") {
			continue // it listens for others (socket activation), and all are its children
		}
		f, err := p.FDs(proc.PID)
		if err != nil || f.Open > maxWalk || len(left) == 0 || walked > maxWalked {
			continue
		}
		targets, err := proc.FileDescriptorTargets()
		if err != nil {
			continue
		}
		walked += len(targets)
		owns := false
		for _, t := range targets {
			if inode, ok := socketInode(t); ok && inodes[inode] {
				delete(left, inode)
				owns = true
			}
		}
		if owns {
			pids = append(append(pids, proc.PID), p.Children(proc.PID)...)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// SocketsOf are the sockets of some processes, by inode, among the first fds of
// each: a server opens its listeners before it has connections.
func (p FS) SocketsOf(pids []int) map[uint32]bool {
	inodes, walked := map[uint32]bool{}, 0
	for _, pid := range pids {
		if walked > maxWalked {
			break
		}
		path := filepath.Join(p.root, of(pid), "fd")
		dir, err := os.Open(path)
		if err != nil {
			continue
		}
		names, _ := dir.Readdirnames(maxWalk)
		_ = dir.Close()
		walked += len(names)
		for _, name := range names {
			target, _ := os.Readlink(filepath.Join(path, name))
			if inode, ok := socketInode(target); ok {
				inodes[inode] = true
			}
		}
	}
	return inodes
}

// socketInode is the number in what /proc/PID/fd/N of a socket points to.
func socketInode(target string) (inode uint32, ok bool) {
	n, _ := fmt.Sscanf(target, "socket:[%d]", &inode)
	return inode, n == 1
}
