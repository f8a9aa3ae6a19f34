package proc

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// group is one control group that binds a process.
type group struct {
	name string // its path in the hierarchy, as this process sees it
	dir  string // where its files are
	v2   bool
}

// file is one of the group's files.
func (g group) file(name string) string { return filepath.Join(g.dir, name) }

// cgroups are the groups of a controller that bind a process: its own and all
// above it, innermost first, from /proc/PID/cgroup, cgroups(7). With v2 alone the
// tree is mounted at /sys/fs/cgroup, beside v1 at /sys/fs/cgroup/unified; v1 has
// each controller in a directory of its own. In a container the path may be the
// host's, which is not to be found here; the mount's root is the container's own
// group then, and the walk ends there.
func (p FS) cgroups(pid int, controller string) (groups []group) {
	b, err := os.ReadFile(filepath.Join(p.root, of(pid), "cgroup"))
	if err != nil {
		return nil
	}
	walk := func(mount, own string, v2 bool) {
		for at := path.Clean("/" + own); ; at = path.Dir(at) {
			dir := filepath.Join(mount, at)
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				groups = append(groups, group{name: at, dir: dir, v2: v2})
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
			walk(p.cgroup, f[2], true)
			walk(filepath.Join(p.cgroup, "unified"), f[2], true)
		case slices.Contains(strings.Split(f[1], ","), controller):
			walk(filepath.Join(p.cgroup, controller), f[2], false)
		}
	}
	return groups
}
