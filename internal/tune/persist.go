package tune

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files that --persist writes, below the root directory.
const (
	SysctlFile = "etc/sysctl.d/99-c10m.conf"
	LimitsFile = "etc/security/limits.d/99-c10m.conf"
	SystemFile = "etc/systemd/system.conf.d/99-c10m.conf"
	UserFile   = "etc/systemd/user.conf.d/99-c10m.conf"
)

// Persisted is one file to be written.
type Persisted struct {
	Path    string // below the root directory
	Content string
}

// Persist makes what t wants survive a reboot: sysctl.d(5), limits.conf(5) and
// systemd-system.conf(5). The old files go to the state file first. With dry
// it only says what it would write.
func Persist(root string, st State, t Target, s *Store, dry bool) (Report, error) {
	if err := t.Check(); err != nil {
		return Report{}, fmt.Errorf("persist: %w", err)
	}
	var rep Report
	for _, p := range persistFiles(root, st, t, dry, &rep) {
		c := Change{Key: p.Path, New: "written"}
		old, err := os.ReadFile(p.Path)
		if err == nil && string(old) == p.Content {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.Reason = err.Error()
			rep.NotDone = append(rep.NotDone, c)
			continue
		}
		if !dry {
			err := s.rememberFile(st, p)
			if errors.Is(err, fs.ErrPermission) {
				c.Reason = runAsRoot
				rep.NotDone = append(rep.NotDone, c)
				continue
			}
			if err != nil {
				return rep, fmt.Errorf("save old files: %w", err)
			}
			err = os.MkdirAll(filepath.Dir(p.Path), 0o755)
			if err == nil {
				err = writeAtomic(p.Path, []byte(p.Content), 0o644)
			}
			if err != nil {
				c.Reason = err.Error()
				rep.NotDone = append(rep.NotDone, c)
				continue
			}
		}
		rep.Done = append(rep.Done, c)
	}
	return rep, nil
}

// persistFiles decides which files to write. A hard limit above fs.nr_open
// would make every login fail (pam_limits(8) cannot open the session), so the
// limits wait until the ceiling is really raised (a dry run supposes it is).
func persistFiles(root string, st State, t Target, dry bool, rep *Report) []Persisted {
	files := []Persisted{{filepath.Join(root, SysctlFile), SysctlConf(t, readerOf(st))}}
	want := fmt.Sprint(t.fdsPerProcess())
	if _, enough, err := Raise(AtLeast, readerOf(st)("fs.nr_open"), want); (err != nil || !enough) && !dry {
		rep.NotDone = append(rep.NotDone, Change{Key: filepath.Join(root, LimitsFile), New: "written",
			Reason: "fs.nr_open is below " + want + ": a higher limit than that would lock out every login"})
		return files
	}
	for _, f := range []struct{ dir, path, content string }{
		{"etc/security", LimitsFile, LimitsConf(t)},
		{"etc/systemd", SystemFile, SystemdConf(t)},
		{"etc/systemd", UserFile, SystemdConf(t)},
	} {
		if _, err := os.Stat(filepath.Join(root, f.dir)); err != nil {
			rep.Notes = append(rep.Notes, "not written: "+filepath.Join(root, f.path)+" (no "+filepath.Join(root, f.dir)+" here)")
			continue
		}
		files = append(files, Persisted{filepath.Join(root, f.path), f.content})
	}
	rep.Notes = append(rep.Notes, "the file limits hold from the next login or boot on")
	return files
}

// rememberFile saves a file, and the directories that will be made for it, once;
// and each time what will be written.
func (s *Store) rememberFile(st State, p Persisted) error {
	path := p.Path
	saved, err := s.Load()
	if err != nil {
		return err
	}
	for i, f := range saved.Files {
		if f.Path == path {
			saved.Files[i].Written = hash(p.Content)
			return s.save(saved)
		}
	}
	boot := readerOf(st)(KeyBootID)
	saved.forgetOtherBoot(boot)
	saved.BootID = boot
	f := SavedFile{Path: path, Written: hash(p.Content)}
	if b, err := os.ReadFile(path); err == nil {
		old := string(b)
		f.Old = &old
	}
	saved.Files = append(saved.Files, f)
	saved.Dirs = append(saved.Dirs, missingDirs(filepath.Dir(path), saved.Dirs)...)
	return s.save(saved)
}

// missingDirs lists the directories of path that do not exist, outermost first.
func missingDirs(path string, known []string) []string {
	var missing []string
	for d := path; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		missing = append([]string{d}, missing...)
	}
	var fresh []string
	for _, d := range missing {
		if !strings.Contains("\n"+strings.Join(known, "\n")+"\n", "\n"+d+"\n") {
			fresh = append(fresh, d)
		}
	}
	return fresh
}

// WithFiles adds what Persist did to what Apply did. Limits of the login shell
// that the files now raise are no longer undone.
func (r Report) WithFiles(files Report) Report {
	out := Report{Done: append(r.Done, files.Done...), Advice: append(r.Advice, files.Advice...), Notes: append(r.Notes, files.Notes...)}
	for _, c := range r.NotDone {
		if set, ok := Lookup(c.Key); ok && set.Scope == Process && len(files.NotDone) == 0 {
			here, _, _ := strings.Cut(c.Cure, ";")
			if c.Key == KeyNofileSoft {
				out.Notes = append(out.Notes, c.Key+" is "+c.Old+" here and stays what it is: server and client lift theirs to the hard limit; "+here)
				continue
			}
			out.Notes = append(out.Notes, c.Key+" is "+c.Old+" here, "+c.New+" from the next login on; "+here)
			continue
		}
		out.NotDone = append(out.NotDone, c)
	}
	out.NotDone = append(out.NotDone, files.NotDone...)
	return out
}
