package tune

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/sys"
)

// The files that --persist writes, below the root directory.
const (
	SysctlFile   = "etc/sysctl.d/99-c10m.conf"
	ModprobeFile = "etc/modprobe.d/99-c10m.conf"
	LimitsFile   = "etc/security/limits.d/99-c10m.conf"
	SystemFile   = "etc/systemd/system.conf.d/99-c10m.conf"
	UserFile     = "etc/systemd/user.conf.d/99-c10m.conf"
)

// persister writes the files one after the other, and reports each in rep.
type persister struct {
	st    State
	t     Target
	store *Store
	dry   bool
	files bootFiles
	rep   Report
}

// Persist writes what t wants to configuration files, so that it survives a reboot:
// sysctl.d(5), modprobe.d(5), limits.conf(5) and systemd-system.conf(5). The old files
// are saved in the state file first. Where another file is read later and has a lower
// value, the report names that line among what is not done. With dry it only reports
// what it would write.
func Persist(root string, st State, t Target, s *Store, dry bool) (Report, error) {
	if err := t.Check(); err != nil {
		return Report{}, fmt.Errorf("persist: %w", err)
	}
	p := &persister{st: st, t: t, store: s, dry: dry, files: bootFiles{root: root, planned: map[string]string{}}}
	for _, step := range []func() error{p.sysctls, p.conntrack, p.limits} {
		if err := step(); err != nil {
			return p.rep, err
		}
	}
	return p.rep, nil
}

// sysctls writes SysctlFile and finds what is read after it.
func (p *persister) sysctls() error {
	if ok, err := p.write(SysctlFile, SysctlConf(p.t, readerOf(p.st))); err != nil || !ok {
		return err
	}
	files, aside := p.files.sysctls()
	for _, set := range Settings() {
		if a, ok := lastSysctl(files, set.Key); ok && a.tooLow(set, p.t) {
			p.overruled(a, set, "at the next boot, after "+p.at(SysctlFile))
		}
		if a, ok := lastSysctl([]bootFile{aside}, set.Key); ok && a.tooLow(set, p.t) {
			p.note("%s sets %s to %s: not at boot, but whenever sysctl --system or sysctl -p is run", a.Where(), set.Key,
				quoteEmpty(a.Value))
		}
	}
	return nil
}

// conntrack writes ModprobeFile.
func (p *persister) conntrack() error {
	if !p.there("etc/modprobe.d", ModprobeFile) {
		return nil
	}
	buckets, _ := Lookup(keyTrackBuckets)
	size := max(p.t.trackBuckets(), powerOfTwo((p.t.tracked()+7)/8)) // see ModprobeConf
	if now, err := parseNumber(readerOf(p.st)(keyTrackBuckets)); err == nil {
		size = max(size, now)
	}
	size = max(size, p.ourLast(ModprobeFile, p.files.hashSizes()))
	if ok, err := p.write(ModprobeFile, ModprobeConf(size)); err != nil || !ok {
		return err
	}
	if a, ok := lastFor(p.files.hashSizes(), "hashsize"); ok && a.tooLow(buckets, p.t) {
		p.overruled(a, buckets, "when the module is loaded, after "+p.at(ModprobeFile))
	}
	return nil
}

// limits writes the files that raise RLIMIT_NOFILE. A hard limit above fs.nr_open would
// make every login fail (pam_limits(8) cannot open the session), so they are written
// only where fs.nr_open is high enough, both now (a dry run supposes that) and after
// the next boot.
func (p *persister) limits() error {
	if p.t.Role == Packets { // its connections take no fds
		return nil
	}
	want := p.t.fdsPerProcess()
	_, enough, err := Raise(AtLeast, readerOf(p.st)("fs.nr_open"), fmt.Sprint(want))
	top := p.files.ceiling(readerOf(p.st))
	switch {
	case (err != nil || !enough) && !p.dry:
		return p.withdraw(fmt.Sprintf("fs.nr_open is below %d", want))
	case top.n < want:
		return p.withdraw(fmt.Sprintf("%s and this needs %d", top.who, want))
	}
	nofile := want // or what an earlier apply for more has written
	for _, words := range p.fileLimits() {
		nofile = max(nofile, min(top.n, p.ourLast(words.path, words.lines)))
	}
	for _, f := range []struct{ dir, path, content string }{
		{"etc/security", LimitsFile, LimitsConf(nofile)},
		{"etc/systemd", SystemFile, SystemdConf(nofile)},
		{"etc/systemd", UserFile, SystemdConf(nofile)},
	} {
		if !p.there(f.dir, f.path) {
			continue
		}
		ok, err := p.write(f.path, f.content)
		if err != nil {
			return err
		}
		p.rep.limits = p.rep.limits || ok && f.path == LimitsFile
	}
	hard, _ := Lookup(KeyNofileHard)
	for _, words := range p.fileLimits() {
		if a, ok := lastFor(words.lines, words.key); ok && a.tooLow(hard, p.t) {
			p.overruled(a, hard, "for "+words.whom+", after "+p.at(words.path))
			p.rep.limits = false
		}
	}
	p.note("the file limits hold from the next login or boot on")
	return nil
}

// limitLines are the lines of all files of one format that set a hard limit.
type limitLines struct {
	path  string // our own file of that format
	key   string // of the lines that are for whom
	whom  string // whom the limit is for, in messages
	lines []Assignment
}

func (p *persister) fileLimits() []limitLines {
	limits := p.files.limits()
	return []limitLines{
		{LimitsFile, "*", "users", limits},
		{LimitsFile, "root", "root", limits},
		{SystemFile, managerLimit, "services", p.files.managerLimits("system.conf")},
		{UserFile, managerLimit, "services of users", p.files.managerLimits("user.conf")},
	}
}

// withdraw reports the limits as not done, for that reason, and restores the files that
// an earlier apply wrote and nobody has changed since.
func (p *persister) withdraw(reason string) error {
	p.rep.NotDone = append(p.rep.NotDone, Change{Key: p.at(LimitsFile), New: "written",
		Reason: reason + ": a hard limit above fs.nr_open would lock out every login"})
	saved, err := p.store.Load()
	if err != nil {
		return err
	}
	var mine, rest []SavedFile
	for _, f := range saved.Files {
		if slices.Contains([]string{p.at(LimitsFile), p.at(SystemFile), p.at(UserFile)}, f.Path) {
			mine = append(mine, f)
		} else {
			rest = append(rest, f)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	left := restoreFiles(mine, p.dry, &p.rep)
	if p.dry {
		return nil
	}
	saved.Files = append(rest, left...)
	return p.store.save(saved)
}

// at is the path of one of our files, with symbolic links followed.
func (p *persister) at(path string) string {
	return follow(p.files.root, filepath.Join(p.files.root, path))
}

// there says whether this system has the directory dir, below which our file goes.
func (p *persister) there(dir, path string) bool {
	if _, err := os.Stat(filepath.Join(p.files.root, dir)); err != nil {
		p.note("not written: %s (no %s here)", filepath.Join(p.files.root, path), filepath.Join(p.files.root, dir))
		return false
	}
	return true
}

func (p *persister) note(format string, args ...any) {
	p.rep.Notes = append(p.rep.Notes, fmt.Sprintf(format, args...))
}

// ourLast is the last number in our own file; 0 if there is none.
func (p *persister) ourLast(path string, lines []Assignment) (last int64) {
	for _, a := range lines {
		if n, err := a.number(); err == nil && a.File == p.at(path) {
			last = n
		}
	}
	return last
}

// overruled reports a line that is read after ours, and so counts instead of it.
func (p *persister) overruled(a Assignment, set Setting, when string) {
	want, _ := set.Want(p.t)
	next, _, err := Raise(set.Kind, a.Value, want)
	if err != nil {
		next = strings.Split(want, "|")[0]
	}
	p.rep.NotDone = append(p.rep.NotDone, Change{Key: set.Key, Old: a.Value, New: next,
		Reason: fmt.Sprintf("%s sets it %s", a.Where(), when),
		Cure:   "remove line " + a.Where() + ", or write " + next + " there"})
}

// write writes one file and returns whether it has that content now. An error means that
// the state file could not be written: then nothing more may be.
func (p *persister) write(path, content string) (ok bool, err error) {
	to := p.at(path)
	c := Change{Key: to, New: "written"}
	refuse := func(reason string) (bool, error) {
		c.Reason = reason
		p.rep.NotDone = append(p.rep.NotDone, c)
		return false, nil
	}
	old, err := os.ReadFile(to)
	if err == nil && string(old) == content {
		return true, nil
	}
	if info, err := os.Stat(to); err == nil && !info.Mode().IsRegular() {
		name := filepath.Join(p.files.root, path)
		return refuse(name + " leads to " + to + ", which is no regular file: somebody has masked it")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refuse(err.Error())
	}
	if p.dry {
		p.files.planned[path] = content
		p.rep.Done = append(p.rep.Done, c)
		return true, nil
	}
	err = p.store.rememberFile(p.st, to, content)
	if errors.Is(err, fs.ErrPermission) {
		return refuse(runAsRoot)
	}
	if err != nil {
		return false, fmt.Errorf("save old files: %w", err)
	}
	err = os.MkdirAll(filepath.Dir(to), 0o755)
	if err == nil {
		err = sys.ReplaceFile(to, []byte(content), 0o644)
	}
	if err != nil {
		return refuse(err.Error())
	}
	p.rep.Done = append(p.rep.Done, c)
	return true, nil
}

// rememberFile saves a file's old content, and which directories will be made for it,
// the first time, and each time the hash of what is about to be written.
func (s *Store) rememberFile(st State, path, content string) error {
	saved, err := s.Load()
	if err != nil {
		return err
	}
	for i, f := range saved.Files {
		if f.Path == path {
			saved.Files[i].Written = hash(content)
			return s.save(saved)
		}
	}
	boot := readerOf(st)(KeyBootID)
	saved.forgetOtherBoot(boot)
	saved.BootID = boot
	f := SavedFile{Path: path, Written: hash(content)}
	if b, err := os.ReadFile(path); err == nil {
		old := string(b)
		f.Old = &old
	}
	saved.Files = append(saved.Files, f)
	saved.Dirs = append(saved.Dirs, missingDirs(filepath.Dir(path), saved.Dirs)...)
	return s.save(saved)
}

// missingDirs lists the directories above path that do not exist and are not in known,
// outermost first.
func missingDirs(path string, known []string) []string {
	var missing []string
	for d := path; d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil {
			break
		}
		if !slices.Contains(known, d) {
			missing = append(missing, d)
		}
	}
	slices.Reverse(missing)
	return missing
}

// WithFiles adds what Persist did to what Apply did. Limits of this shell, which Apply
// could not raise, are not "not done" any more if the files raise them for new logins.
func (r Report) WithFiles(files Report) Report {
	out := Report{Done: append(r.Done, files.Done...), Advice: append(r.Advice, files.Advice...),
		Notes: append(r.Notes, files.Notes...)}
	for _, c := range r.NotDone {
		set, ok := Lookup(c.Key)
		if !ok || set.Scope != Process || !files.limits {
			out.NotDone = append(out.NotDone, c)
			continue
		}
		here, _, _ := strings.Cut(c.Cure, ";")
		if c.Key == KeyNofileSoft {
			out.Notes = append(out.Notes, c.Key+" is "+c.Old+" here and stays what it is: server and client lift theirs to "+
				"the hard limit; "+here)
			continue
		}
		out.Notes = append(out.Notes, c.Key+" is "+c.Old+" here, "+c.New+" from the next login on; "+here)
	}
	out.NotDone = append(out.NotDone, files.NotDone...)
	return out
}
