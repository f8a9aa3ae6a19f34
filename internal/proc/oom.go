package proc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// OOMKills is how many processes the kernel has killed since it started because
// memory had run out.
type OOMKills struct {
	Group   uint64 // of this process's own control group, and with v2 of those below it
	Machine uint64 // of all, in control groups and outside
}

// OOMKills reads both. What is not shown counts 0: only the difference of two means
// anything. /proc/vmstat has the machine's (since Linux 4.13), memory.events the
// group's with v2, memory.oom_control with v1.
func (p FS) OOMKills() (n OOMKills) {
	n.Machine = oomKill(filepath.Join(p.root, "vmstat"))
	if len(p.groups) > 0 { // innermost first: that is where the kernel counts
		file := "memory.events"
		if !p.groups[0].v2 {
			file = "memory.oom_control"
		}
		n.Group = oomKill(p.groups[0].file(file))
	}
	return n
}

// oomKill is the number of that name in a file of names and numbers.
func oomKill(file string) uint64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == "oom_kill" {
			n, _ := strconv.ParseUint(value, 10, 64)
			return n
		}
	}
	return 0
}
