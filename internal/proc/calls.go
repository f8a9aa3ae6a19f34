package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Calls is how many calls of read(2) and write(2) and their kin a process has
// made, /proc/PID/io. The socket calls recv(2) and send(2) are not in it.
func (p FS) Calls(pid int) (int64, error) {
	proc, err := p.fs.Proc(pid)
	if gone(err) {
		return 0, fmt.Errorf("read calls of process %d: %w", pid, ErrGone)
	}
	if err != nil {
		return 0, fmt.Errorf("read calls of process %d: %w", pid, err)
	}
	io, err := proc.IO()
	if err != nil {
		return 0, fmt.Errorf("read calls of process %d: %w", pid, err)
	}
	return int64(io.SyscR + io.SyscW), nil
}

// Children are a process's children, and theirs: /proc/PID/task/TID/children.
// A kernel without that file shows none.
func (p FS) Children(pid int) (all []int) {
	files, _ := filepath.Glob(filepath.Join(p.root, strconv.Itoa(pid), "task", "*", "children"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, f := range strings.Fields(string(b)) {
			child, err := strconv.Atoi(f)
			if err != nil || slices.Contains(all, child) {
				continue
			}
			all = append(append(all, child), p.Children(child)...)
		}
	}
	return all
}
