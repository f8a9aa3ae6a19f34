package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memoryGroup is where one memory cgroup says how much it may take, how much it
// has, and of what.
type memoryGroup struct {
	group
	limits []string // files; the lowest binds
	usage  string
	stat   string
}

// groupRoom is what one limited group has left.
type groupRoom struct {
	name        string // of the limit: "memory.high of /web"
	limit, left uint64
}

// memoryGroups are the groups whose limits bind this process. memory.high kills
// nobody, but above it every allocation waits for memory to be taken from the
// group again, which is no place for a server to be: cgroup-v2.rst.
func (p FS) memoryGroups() (groups []memoryGroup) {
	for _, g := range p.cgroups(self, "memory") {
		m := memoryGroup{group: g, limits: []string{"memory.max", "memory.high"}, usage: g.file("memory.current"),
			stat: g.file("memory.stat")}
		if !g.v2 {
			m.limits, m.usage = []string{"memory.limit_in_bytes"}, g.file("memory.usage_in_bytes")
		}
		if _, err := os.Stat(g.file(m.limits[0])); err == nil { // the hierarchy's root has none
			groups = append(groups, m)
		}
	}
	return groups
}

// room reads what the limited groups have left; nil where none has a limit. A
// limit whose use is not shown, or makes no sense, is left out and named.
func (p FS) room() (rooms []groupRoom, doubts []string) {
	for _, g := range p.groups {
		r, ok := groupRoom{}, false
		for _, name := range g.limits {
			limit, err := readUint(g.file(name))
			switch {
			case err != nil || limit >= 1<<60: // "max", or v1's 2^63 less a page
			case limit == 0:
				doubts = append(doubts, fmt.Sprintf("%s of control group %s is left out: nothing runs in 0 bytes", name,
					g.name))
			case !ok || limit < r.limit:
				r, ok = groupRoom{name: name + " of control group " + g.name, limit: limit}, true
			}
		}
		if !ok {
			continue
		}
		usage, err := readUint(g.usage)
		if err != nil {
			doubts = append(doubts, fmt.Sprintf("%s is left out: %v", r.name, err))
			continue
		}
		r.left = less(r.limit, usage)
		if r.left < r.limit/4 { // memory.stat is expensive to read, and does not matter before
			r.left = less(r.limit, less(usage, min(usage, cleanCache(g.stat))))
		}
		rooms = append(rooms, r)
	}
	return rooms, doubts
}

// cleanCache is what a group has of the page cache and the kernel can drop at once,
// as Mem's CleanCache is the machine's: files that were read or written fill a group
// up to its limit in time, and leave when memory is asked for. memory.stat of v1
// counts the groups below in total_ alone, that of v2 in all.
func cleanCache(stat string) uint64 {
	b, err := os.ReadFile(stat)
	if err != nil {
		return 0
	}
	var cached, dirty uint64
	total := strings.Contains(string(b), "\ntotal_active_file ")
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if total {
			var is bool
			if name, is = strings.CutPrefix(name, "total_"); !is {
				continue
			}
		}
		n, err := strconv.ParseUint(value, 10, 60)
		if err != nil {
			continue
		}
		switch name {
		case "active_file", "inactive_file":
			cached += n
		case "dirty", "writeback", "file_dirty", "file_writeback":
			dirty += n
		}
	}
	return less(cached, dirty)
}

// readUint reads a file that is one number; "max" is an error.
func readUint(file string) (n uint64, err error) {
	err = readFile(file, func(b []byte) error {
		b = bytes.TrimSpace(b)
		if n, err = strconv.ParseUint(string(b), 10, 64); err != nil {
			return fmt.Errorf("read %s: %q is not a number", file, b)
		}
		return nil
	})
	return n, err
}
