package proc

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// CgroupDir is a directory of a control group, which is named as /proc/PID/cgroup
// has it, or by its directory below /sys/fs/cgroup. With v2 there is one,
// cgroup-v2.rst; of v1 there may be one for each controller, and any of them will do.
func (p FS) CgroupDir(name string) (string, error) {
	within, mounted := strings.CutPrefix(path.Clean("/"+name), filepath.Clean(p.cgroup))
	candidates := []string{filepath.Join(p.cgroup, within)}
	if !mounted {
		candidates = append(candidates, filepath.Join(p.cgroup, "unified", within))
		controllers, _ := os.ReadDir(p.cgroup)
		for _, c := range controllers {
			candidates = append(candidates, filepath.Join(p.cgroup, c.Name(), within))
		}
	}
	for _, dir := range candidates {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("find control group %s: nothing below %s is called so", name, p.cgroup)
}

// CgroupPIDs are the processes of a control group and of all below it, by
// cgroup.procs of its directory. A group of threads has no such list of its own
// (EOPNOTSUPP): its processes are listed above it.
func (p FS) CgroupPIDs(dir string) (pids []int, err error) {
	err = filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // a group that has just been removed
		}
		b, err := os.ReadFile(filepath.Join(at, "cgroup.procs"))
		if err != nil {
			return nil
		}
		for line := range bytes.Lines(b) {
			// 0 is a process of a pid namespace that we do not see.
			if n, err := strconv.Atoi(string(bytes.TrimSpace(line))); err == nil && n > 0 {
				pids = append(pids, n)
			}
		}
		return nil
	})
	slices.Sort(pids)
	return slices.Compact(pids), err
}

// containerGroup is the last part of a container's control group: its id as it is
// (docker and podman with cgroupfs), or behind who runs it (docker-ID.scope,
// libpod-ID.scope, cri-containerd-ID.scope, crio-ID.scope of systemd).
var containerGroup = regexp.MustCompile(`^(?:([a-z-]+?)[-:])?([0-9a-f]{12,64})(?:\.scope)?$`)

// Container is a container as the kernel knows it: by the control group of its
// processes.
type Container struct {
	ID    string // whole
	Group string // as in /proc/PID/cgroup
}

// Containers are those whose id begins with prefix, from the control groups of all
// processes of this machine, /proc/PID/cgroup. A group of the monitor of a
// container (conmon) is none.
func (p FS) Containers(prefix string) (all []Container) {
	procs, err := p.fs.AllProcs()
	if err != nil {
		return nil
	}
	for _, one := range procs {
		b, err := os.ReadFile(filepath.Join(p.root, of(one.PID), "cgroup"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.SplitN(strings.TrimSpace(line), ":", 3)
			if len(f) != 3 {
				continue
			}
			c, ok := containerOf(f[2])
			same := func(have Container) bool { return have.ID == c.ID }
			if ok && strings.HasPrefix(c.ID, prefix) && !slices.ContainsFunc(all, same) {
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b Container) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// containerOf is the innermost container that a control group lies in.
func containerOf(group string) (c Container, ok bool) {
	for at := path.Clean("/" + group); at != "/"; at = path.Dir(at) {
		m := containerGroup.FindStringSubmatch(path.Base(at))
		if m != nil && !strings.HasSuffix(m[1], "conmon") {
			return Container{ID: m[2], Group: at}, true
		}
	}
	return c, false
}
