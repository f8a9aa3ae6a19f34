package main

import (
	"fmt"

	"github.com/c10m/c10m/internal/proc"
)

// tree lists the process and all its descendants. Those that end meanwhile are
// left out.
func tree(pid int) []int {
	here, err := proc.Here()
	if err != nil {
		return []int{pid}
	}
	return append([]int{pid}, here.Children(pid)...)
}

// openFiles counts what the processes have open without listing it, which would
// take kernel memory for every socket (RESULTS.md).
func openFiles(pids []int) (n int64, err error) {
	here, err := proc.Here()
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		if fds, err := here.FDs(pid); err == nil && fds.Open > 0 { // otherwise it has ended
			n += fds.Open
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("count open files of processes %v: the kernel does not say (it does since 6.2), or they "+
			"have ended", pids)
	}
	return n, nil
}
