package proc

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Children are a process's children, and theirs: /proc/PID/task/TID/children,
// proc_pid_task(5). A kernel without that file shows none; one that ends
// meanwhile is left out.
func (p FS) Children(pid int) (all []int) {
	for at := []int{pid}; len(at) > 0; at = at[1:] {
		for _, child := range p.childrenOf(at[0]) {
			if child != pid && !slices.Contains(all, child) {
				all, at = append(all, child), append(at, child)
			}
		}
	}
	return all
}

func (p FS) childrenOf(pid int) (all []int) {
	files, _ := filepath.Glob(filepath.Join(p.root, of(pid), "task", "*", "children"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, f := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(f); err == nil && child > 0 {
				all = append(all, child)
			}
		}
	}
	return all
}
