package foreign

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/proc"
)

// Who names the processes of a server, in one of three ways.
type Who struct {
	PIDs      []int  // with all that descend from them
	Cgroup    string // a control group, with all below it
	Container string // the beginning of a container's id
}

// processes are those of a server, as they are now.
type processes struct {
	fp    proc.FS
	roots []root
	group string // the control group, "" where roots say it
	dir   string // of the group
}

// root is a process that was named, and when it began: another may get its number.
type root struct {
	pid   int
	began uint64
}

// find looks up who is meant. An error says what is wrong with that.
func find(fp proc.FS, who Who) (*processes, error) {
	p := &processes{fp: fp, group: who.Cgroup}
	if who.Container != "" {
		group, err := groupOf(fp, who.Container)
		if err != nil {
			return nil, err
		}
		p.group = group
	}
	if p.group != "" {
		return p, p.enter()
	}
	for _, pid := range who.PIDs {
		began, err := fp.StartTime(pid)
		if errors.Is(err, proc.ErrGone) {
			return nil, fmt.Errorf("there is no process %d", pid)
		}
		if err != nil {
			return nil, err
		}
		p.roots = append(p.roots, root{pid, began})
	}
	return p, nil
}

// enter finds the directory of the control group.
func (p *processes) enter() (err error) {
	if path.Clean("/"+p.group) == "/" {
		return errors.New("control group /: that is the whole machine")
	}
	if p.dir, err = p.fp.CgroupDir(p.group); err != nil {
		return err
	}
	_, err = p.now()
	return err
}

// groupOf is the control group of the only container whose id begins so.
func groupOf(fp proc.FS, id string) (string, error) {
	found := fp.Containers(strings.ToLower(id))
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no process here is in a container whose id begins with %s (docker ps, podman ps, "+
			"crictl ps list them)", id)
	case 1:
		return found[0].Group, nil
	}
	var ids []string
	for _, c := range found {
		ids = append(ids, c.ID)
	}
	return "", fmt.Errorf("%d containers have an id that begins with %s: %s", len(found), id, strings.Join(ids, ", "))
}

// now are the numbers of the processes, the first one first.
func (p *processes) now() (pids []int, err error) {
	if p.dir != "" {
		if pids, err = p.fp.CgroupPIDs(p.dir); err == nil && len(pids) == 0 {
			err = fmt.Errorf("control group %s has no process", p.group)
		}
		return pids, err
	}
	for _, r := range p.roots {
		began, err := p.fp.StartTime(r.pid)
		if err == nil && began != r.began {
			err = fmt.Errorf("look for process %d: it has ended, and another one has its number", r.pid)
		}
		if err != nil {
			return nil, err
		}
		for _, pid := range append([]int{r.pid}, p.fp.Children(r.pid)...) {
			if pid != p.fp.Self() && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}
