package proc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Call is the system call that a thread sleeps in.
type Call struct {
	Number int64
	Args   [6]uint64
}

// Call reads /proc/PID/task/TID/syscall, proc_pid_syscall(5): "0 0x5 0x7f...", the
// number and six arguments. ok is false of a thread that runs ("running"), that
// sleeps outside a call (-1), or that may not be looked at: it takes the right to
// trace it, ptrace(2).
func (p FS) Call(pid, tid int) (c Call, ok bool) {
	_ = p.read(fmt.Sprintf("%s/task/%d/syscall", of(pid), tid), func(b []byte) error {
		c, ok = parseCall(b)
		return nil
	})
	return c, ok
}

func parseCall(b []byte) (c Call, ok bool) {
	f := bytes.Fields(b)
	if len(f) < 1+len(c.Args) {
		return c, false
	}
	n, ok := number(f[0], 1<<20)
	if !ok {
		return c, false
	}
	c.Number = int64(n)
	for i := range c.Args {
		v, err := strconv.ParseUint(string(bytes.TrimPrefix(f[1+i], []byte("0x"))), 16, 64)
		if err != nil {
			return Call{}, false
		}
		c.Args[i] = v
	}
	return c, true
}

// PolledFD is the fd of the first struct pollfd at an address of a process,
// poll(2): the four bytes there, from /proc/PID/mem.
func (p FS) PolledFD(pid int, at uint64) (fd int, err error) {
	mem, err := os.Open(filepath.Join(p.root, of(pid), "mem"))
	if err != nil {
		return 0, fmt.Errorf("read struct pollfd of process %s: %w", of(pid), err)
	}
	defer func() { _ = mem.Close() }()
	var b [4]byte
	if _, err := mem.ReadAt(b[:], int64(at)); err != nil {
		return 0, fmt.Errorf("read struct pollfd of process %s: %w", of(pid), err)
	}
	return int(int32(binary.NativeEndian.Uint32(b[:]))), nil
}

// FD is what one fd of a process stands for, proc_pid_fd(5).
type FD struct {
	Inode  uint32 // of a socket; 0: of anything else
	Socket bool
	Epoll  bool // an epoll instance
}

// FD looks at one fd. Unlike a list of /proc/PID/fd it takes the kernel memory for
// this one alone.
func (p FS) FD(pid, fd int) (d FD, ok bool) {
	target, err := os.Readlink(filepath.Join(p.root, of(pid), "fd", strconv.Itoa(fd)))
	if err != nil {
		return d, false
	}
	d.Inode, d.Socket = socketInode(target)
	d.Epoll = target == "anon_inode:[eventpoll]"
	return d, true
}
