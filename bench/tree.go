package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tree lists the process and all its descendants, from
// /proc/PID/task/TID/children: proc_pid_task(5). Those that end meanwhile are
// left out.
func tree(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				continue
			}
			for _, child := range strings.Fields(string(b)) {
				if n, err := strconv.Atoi(child); err == nil {
					all = append(all, n)
				}
			}
		}
	}
	return all
}

// openFiles counts what the processes have open without listing it: since
// Linux 6.2 the size of /proc/PID/fd is that number. A listing would take
// kernel memory for every socket (RESULTS.md).
func openFiles(pids []int) (n int64, err error) {
	for _, pid := range pids {
		info, err := os.Stat(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			continue // it has ended
		}
		n += info.Size()
	}
	if n == 0 {
		return 0, fmt.Errorf("count open files of processes %v: the kernel does not say (it does since 6.2), or they have ended", pids)
	}
	return n, nil
}
