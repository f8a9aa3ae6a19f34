package proc

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// memoryGroup is where one memory cgroup says how much it may take, how much it
// has, and of what.
type memoryGroup struct{ limit, usage, stat string }

// groupRoom is what one limited group has left.
type groupRoom struct{ limit, left uint64 }

// memoryGroups are the groups whose limits bind this process: its own and all
// above it, see cgroups(7). With v2 alone the tree is mounted at dir, beside v1
// at dir/unified; v1 has the memory controller at dir/memory. In a container the
// path may be the host's, which is not to be found here; the mount's root is the
// container's own group then, and the walk ends there.
func memoryGroups(proc, dir string) (groups []memoryGroup) {
	b, err := os.ReadFile(filepath.Join(proc, "self", "cgroup"))
	if err != nil {
		return nil
	}
	walk := func(mount, own, limit, usage string) {
		for at := path.Clean("/" + own); ; at = path.Dir(at) {
			g := memoryGroup{filepath.Join(mount, at, limit), filepath.Join(mount, at, usage), filepath.Join(mount, at, "memory.stat")}
			if _, err := os.Stat(g.limit); err == nil {
				groups = append(groups, g)
			}
			if at == "/" {
				return
			}
		}
	}
	for line := range strings.Lines(string(b)) {
		// hierarchy-ID:controller-list:cgroup-path
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(f) != 3:
		case f[0] == "0":
			walk(dir, f[2], "memory.max", "memory.current")
			walk(filepath.Join(dir, "unified"), f[2], "memory.max", "memory.current")
		case slices.Contains(strings.Split(f[1], ","), "memory"):
			walk(filepath.Join(dir, "memory"), f[2], "memory.limit_in_bytes", "memory.usage_in_bytes")
		}
	}
	return groups
}

// room reads what the limited groups have left; nil where none has a limit.
func (p FS) room() (rooms []groupRoom) {
	for _, g := range p.groups {
		limit, err := readUint(g.limit)
		if err != nil || limit >= 1<<60 { // "max", or v1's 2^63 less a page
			continue
		}
		if usage, err := readUint(g.usage); err == nil {
			left := less(limit, usage)
			if left < limit/4 { // memory.stat is dear to read, and does not matter before
				left = less(limit, less(usage, cleanCache(g.stat)))
			}
			rooms = append(rooms, groupRoom{limit, left})
		}
	}
	return rooms
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
		n, err := strconv.ParseUint(value, 10, 64)
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

func readUint(file string) (uint64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}
