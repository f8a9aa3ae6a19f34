package tune

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// sysctls lists the files that set sysctls at boot, in the order in which they are
// read. systemd-sysctl(8) reads /etc/sysctl.conf only through a link, like Debian's
// /etc/sysctl.d/99-sysctl.conf; machines without systemd run sysctl(8) --system, which
// reads it last. aside is /etc/sysctl.conf where systemd does not read it.
func (b bootFiles) sysctls() (files []bootFile, aside bootFile) {
	files = b.dropIns(configDirs, "sysctl.d")
	last := b.read("etc/sysctl.conf")
	for _, f := range files {
		if f.path == last.path {
			return files, bootFile{}
		}
	}
	for _, dir := range []string{"usr/lib/systemd", "lib/systemd"} {
		if _, err := os.Stat(filepath.Join(b.root, dir, "systemd-sysctl")); err == nil {
			return files, last
		}
	}
	return append(files, last), bootFile{}
}

// sysctlLines reads the lines of sysctl.d(5): "key = value". A line "-key" excludes that
// key from the patterns of other lines; its value here is excluded.
func sysctlLines(f bootFile) []Assignment {
	var all []Assignment
	f.lines("#;", func(n int, line string) {
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "-"), "=")
		if !ok {
			if line[0] != '-' {
				return
			}
			value = excluded
		}
		all = append(all, Assignment{Key: sysctlKey(strings.TrimSpace(key)), Value: strings.TrimSpace(value), File: f.path,
			Line: n})
	})
	return all
}

// excluded is no value that a line could have.
const excluded = "\x00"

// sysctlKey writes a key with dots as separators. Where its first separator is a slash,
// slashes are the separators and dots are part of a name, sysctl.d(5).
func sysctlKey(key string) string {
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '/' {
		return strings.NewReplacer("/", ".", ".", "/").Replace(key)
	}
	return key
}

// lastSysctl is the assignment that is in force after the boot: the last one with
// exactly this key, or else the last one whose pattern matches it.
func lastSysctl(files []bootFile, key string) (last Assignment, ok bool) {
	var pattern Assignment
	for _, f := range files {
		for _, a := range sysctlLines(f) {
			if a.Key == key {
				last = a
				continue
			}
			if a.Value == excluded || !strings.ContainsAny(a.Key, "*?[") {
				continue
			}
			if match, err := path.Match(strings.ReplaceAll(a.Key, ".", "/"), strings.ReplaceAll(key, ".", "/")); err == nil &&
				match {
				pattern = a
			}
		}
	}
	if last.File == "" {
		last = pattern
	}
	return last, last.File != "" && last.Value != excluded
}

// tooLow says whether a line of a file leaves a setting below what t wants, or sets it to
// what cannot be compared. Of settings that are only advice it never does.
func (a Assignment) tooLow(set Setting, t Target) bool {
	want, ok := set.Want(t)
	if !ok || set.Advice || set.Kind == AsIs || set.Kind == AtMost {
		return false
	}
	value := a.Value
	if n, err := a.number(); err == nil && set.Scope == Process {
		value = strconv.FormatInt(n, 10) // "infinity" and "-1" are more than any number
	}
	_, enough, err := Raise(set.Kind, value, want)
	return err != nil || !enough
}

// ceiling is fs.nr_open after the next boot, and which file or program sets it.
type ceiling struct {
	n   int64
	who string
}

// defaultNrOpen is the kernel's own fs.nr_open, fs/file.c.
const defaultNrOpen = 1 << 20

// ceiling works out fs.nr_open of the next boot. systemd as Fedora and RHEL
// build it raises fs.nr_open to about 2^30 at each boot: no file does that.
func (b bootFiles) ceiling(now Reader) ceiling {
	files, _ := b.sysctls()
	if a, ok := lastSysctl(files, "fs.nr_open"); ok {
		n, err := parseNumber(a.Value)
		if err != nil {
			return ceiling{0, fmt.Sprintf("%s sets fs.nr_open to %q, which is no number", a.Where(), a.Value)}
		}
		return ceiling{n, fmt.Sprintf("%s sets fs.nr_open to %d", a.Where(), n)}
	}
	if n, err := parseNumber(now("fs.nr_open")); err == nil && n >= 1<<29 {
		return ceiling{n, "systemd raises fs.nr_open at each boot"}
	}
	return ceiling{defaultNrOpen, fmt.Sprintf("no file raises fs.nr_open from the kernel's %d", defaultNrOpen)}
}

// limits lists the lines of limits.conf(5) that set the hard RLIMIT_NOFILE, in the order
// in which pam_limits(8) reads them. The Key of each is the user or group that it is
// for.
func (b bootFiles) limits() []Assignment {
	var all []Assignment
	files := append([]bootFile{b.read("etc/security/limits.conf")}, b.dropIns([]string{"etc/security"}, "limits.d")...)
	for _, f := range files {
		f.lines("#", func(n int, line string) {
			v := strings.Fields(line)
			if len(v) >= 4 && (v[1] == "hard" || v[1] == "-") && v[2] == "nofile" {
				all = append(all, Assignment{Key: v[0], Value: v[3], File: f.path, Line: n})
			}
		})
	}
	return all
}

// managerLimit is systemd's limit for the units that have none of their own.
const managerLimit = "DefaultLimitNOFILE"

// managerLimits are the lines for DefaultLimitNOFILE= of systemd's system.conf
// or user.conf, in order, systemd-system.conf(5). The value is the hard limit.
func (b bootFiles) managerLimits(name string) []Assignment {
	var all []Assignment
	files := []bootFile{b.read("etc/systemd/" + name)}
	for _, f := range append(files, b.dropIns(configDirs, "systemd/"+name+".d")...) {
		f.lines("#;", func(n int, line string) {
			key, value, _ := strings.Cut(line, "=")
			if key = strings.TrimSpace(key); key != managerLimit {
				return
			}
			soft, hard, both := strings.Cut(strings.TrimSpace(value), ":")
			if !both {
				hard = soft
			}
			all = append(all, Assignment{Key: key, Value: hard, File: f.path, Line: n})
		})
	}
	return all
}

// hashSizes are the lines for the hash size of the module nf_conntrack,
// modprobe.d(5), in order: the kernel takes the last.
func (b bootFiles) hashSizes() []Assignment {
	var all []Assignment
	for _, f := range b.dropIns(configDirs, "modprobe.d") {
		f.lines("#", func(n int, line string) {
			v := strings.Fields(line)
			if len(v) < 3 || v[0] != "options" || strings.ReplaceAll(v[1], "-", "_") != "nf_conntrack" {
				return
			}
			for _, option := range v[2:] {
				if size, ok := strings.CutPrefix(option, "hashsize="); ok {
					all = append(all, Assignment{Key: "hashsize", Value: size, File: f.path, Line: n})
				}
			}
		})
	}
	return all
}

// lastFor is the last of the lines with that key.
func lastFor(all []Assignment, key string) (last Assignment, ok bool) {
	for _, a := range all {
		if a.Key == key {
			last, ok = a, true
		}
	}
	return last, ok
}

// AddBoot adds to the rows of a check the lines of configuration files that will leave
// a setting too low at the next boot, and hard limits that will then be above
// fs.nr_open.
func AddBoot(rows []Row, root string, st State, t Target) {
	b := bootFiles{root: root}
	files, _ := b.sysctls()
	for i := range rows {
		row := &rows[i]
		if row.Key == KeyNofileHard {
			row.Boot = b.lockout(readerOf(st))
			continue
		}
		if a, ok := lastSysctl(files, row.Key); ok && a.tooLow(row.setting, t) {
			row.AtBoot = &a
			row.Boot = fmt.Sprintf("%s sets it to %s at the next boot", a.Where(), quoteEmpty(a.Value))
		}
	}
}

// lockout warns of a hard limit above the fs.nr_open of the next boot, "" if there is
// none: pam_limits(8) could not set it, and where that module is required, as on RHEL,
// no login would succeed.
func (b bootFiles) lockout(now Reader) string {
	top := b.ceiling(now)
	for _, a := range b.limits() {
		if n, err := a.number(); err == nil && n > top.n {
			return fmt.Sprintf("%s gives %s a hard limit of %s, and %s: every such login may fail after the next boot",
				a.Where(), a.Key, a.Value, top.who)
		}
	}
	return ""
}
