package tune

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/c10m/c10m/internal/sys"
)

// Revert restores everything in the state file, the last change first. That is right
// also after an apply that was cut off: the file then names more than was written, and
// restoring a value that has not changed changes nothing. What cannot be restored stays
// in the file. With dry it only reports what it would do.
func Revert(st State, s *Store, dry bool) (Report, error) {
	saved, err := s.Load()
	if err != nil {
		return Report{}, err
	}
	var rep Report
	if saved.empty() {
		rep.Notes = append(rep.Notes, "nothing to revert: "+s.Path+" has no saved values")
		return rep, nil
	}
	get := readerOf(st)
	if n := saved.forgetOtherBoot(get(KeyBootID)); n > 0 {
		rep.Notes = append(rep.Notes, fmt.Sprintf("the machine was booted since: %d values are the kernel's own again", n))
	}
	left := saved
	left.Values = nil
	// The files first, as apply wrote them last: if fs.nr_open were lowered before them, a
	// login in between would fail on a hard limit above it.
	left.Files = restoreFiles(saved.Files, dry, &rep)
	for _, v := range slices.Backward(saved.Values) {
		if !restore(st, v, dry, &rep) {
			left.Values = append(left.Values, v)
		}
	}
	slices.Reverse(left.Values)
	if dry {
		return rep, nil
	}
	if len(left.Files) == 0 {
		removeDirs(saved.Dirs, &rep)
		left.Dirs = nil
	}
	return rep, s.save(left)
}

// restore writes one old value, and returns whether it is in force again.
func restore(st State, v SavedValue, dry bool, rep *Report) bool {
	c := Change{Key: v.Key, New: v.Old}
	if v.NetNS != "" && !v.namespace().same(namespaceOf(st)) {
		c.Old, c.Reason = v.New, "belongs to another network namespace, "+v.NetNS+": revert there"
		rep.NotDone = append(rep.NotDone, c)
		return false
	}
	now, err := st.Get(v.Key)
	if err != nil {
		c.Reason = err.Error()
		rep.NotDone = append(rep.NotDone, c)
		return false
	}
	c.Old = clean(now)
	if c.Old == clean(v.Old) {
		return true
	}
	if !dry {
		if err := write(st, v.Key, v.Old); err != nil {
			c.Reason = err.Error()
			rep.NotDone = append(rep.NotDone, c)
			return false
		}
	}
	if c.Old != clean(v.New) {
		rep.Notes = append(rep.Notes, fmt.Sprintf("%s was %s, not the %s that apply wrote: changed by someone else since, "+
			"or apply was cut off",
			v.Key, quoteEmpty(c.Old), quoteEmpty(v.New)))
	}
	rep.Done = append(rep.Done, c)
	if v.Key == "fs.nr_open" {
		noteOpenShells(st, v.Old, rep)
	}
	return true
}

// noteOpenShells notes that running processes keep a hard limit above an fs.nr_open that
// has been lowered, and that setting it again fails with EPERM (setrlimit(2)).
func noteOpenShells(st State, ceiling string, rep *Report) {
	top, err1 := parseNumber(clean(ceiling))
	hard, err2 := parseNumber(readerOf(st)(KeyNofileHard))
	here := ""
	if err1 == nil && err2 == nil && hard > top {
		here = fmt.Sprintf(", here %d,", hard)
	}
	rep.Notes = append(rep.Notes, fmt.Sprintf("open shells and services keep a hard limit%s above an fs.nr_open of %s, "+
		"and what sets it again in them (ulimit -n, sudo, su) fails with EPERM: log in again", here, clean(ceiling)))
}

// ours says whether a file is as apply left it, or as it was before that. Only then may
// it be restored: changes by others must not be lost.
func (f SavedFile) ours() (bool, error) {
	b, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.Old == nil, nil
	case err != nil:
		return false, err
	}
	return f.Written == "" || hash(string(b)) == f.Written || f.Old != nil && string(b) == *f.Old, nil
}

// restoreFiles restores files, or removes those that did not exist before. It returns
// those that it could not restore, or that somebody else has changed.
func restoreFiles(files []SavedFile, dry bool, rep *Report) (left []SavedFile) {
	for _, f := range slices.Backward(files) {
		c := Change{Key: f.Path, Old: "written by apply --persist", New: "removed"}
		if f.Old != nil {
			c.New = "as it was before"
		}
		same, err := f.ours()
		if err == nil && !same {
			err = errors.New("changed or removed by someone else since apply wrote it: left as it is")
		}
		switch {
		case err != nil || dry:
		case f.Old != nil:
			err = sys.ReplaceFile(f.Path, []byte(*f.Old), 0o644)
		default:
			if err = os.Remove(f.Path); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err != nil {
			c.Reason = err.Error()
			rep.NotDone = append(rep.NotDone, c)
			left = append(left, f)
			continue
		}
		rep.Done = append(rep.Done, c)
	}
	slices.Reverse(left)
	return left
}

// removeDirs removes directories that apply made, innermost first, unless there is
// something else in them.
func removeDirs(dirs []string, rep *Report) {
	for _, d := range slices.Backward(dirs) {
		if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			rep.Notes = append(rep.Notes, "left directory "+d+": it is no longer empty")
		}
	}
}
