package tune

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// bootFiles reads the configuration files below a root directory that the next
// boot, or the next login, will read.
type bootFiles struct {
	root    string
	planned map[string]string // contents that a dry run would write, by path below root
}

// bootFile is one of them.
type bootFile struct {
	path string // of the file itself, where it was found through a symbolic link
	text string
}

// Assignment is one line of a configuration file.
type Assignment struct {
	Key   string `json:"-"`
	Value string `json:"value"`
	File  string `json:"file"`
	Line  int    `json:"line"`
}

// Where is FILE:LINE.
func (a Assignment) Where() string { return fmt.Sprintf("%s:%d", a.File, a.Line) }

// configDirs are the directories in which systemd, kmod and procps look for drop-ins;
// the first one wins, sysctl.d(5). On most systems /lib is a link to /usr/lib.
var configDirs = []string{"etc", "run", "usr/local/lib", "usr/lib", "lib"}

// dropIns lists the *.conf files of the directory dir in all places, in the order of
// sysctl.d(5), modprobe.d(5) and systemd-system.conf(5): by file name, whatever the
// place. Of two files with one name, that in the first place counts; an empty file or a
// link to /dev/null masks the others of its name.
func (b bootFiles) dropIns(places []string, dir string) []bootFile {
	byName := map[string]bootFile{}
	for _, place := range places {
		at := filepath.Join(place, dir)
		for _, name := range b.names(at) {
			if _, masked := byName[name]; !masked {
				byName[name] = b.read(filepath.Join(at, name))
			}
		}
	}
	var names []string
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	var files []bootFile
	for _, name := range names {
		files = append(files, byName[name])
	}
	return files
}

// names are the *.conf files in a directory below root.
func (b bootFiles) names(dir string) []string {
	var names []string
	entries, _ := os.ReadDir(filepath.Join(b.root, dir)) // not there: nothing to read
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".conf") {
			names = append(names, e.Name())
		}
	}
	for path := range b.planned {
		if filepath.Dir(path) == dir && !slices.Contains(names, filepath.Base(path)) {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

// read reads one file. What is no regular file, such as /dev/null, counts as empty.
func (b bootFiles) read(path string) bootFile {
	f := bootFile{path: follow(b.root, filepath.Join(b.root, path))}
	if text, ok := b.planned[path]; ok {
		f.text = text
		return f
	}
	if info, err := os.Stat(f.path); err != nil || !info.Mode().IsRegular() {
		return f
	}
	text, _ := os.ReadFile(f.path)
	f.text = string(text)
	return f
}

// follow resolves symbolic links (symlink(7)) as if root were /. The target need not
// exist.
func follow(root, path string) string {
	for range 40 { // the kernel's own bound, path_resolution(7)
		to, err := os.Readlink(path)
		if err != nil {
			return path
		}
		if filepath.IsAbs(to) {
			path = filepath.Join(root, to)
		} else {
			path = filepath.Join(filepath.Dir(path), to)
		}
	}
	return path
}

// lines calls each with the number and the text of every line that is not empty and no
// comment. A comment begins with any of the characters in marks.
func (f bootFile) lines(marks string, each func(n int, line string)) {
	n := 0
	for line := range strings.Lines(f.text) {
		n++
		if line = strings.TrimSpace(line); line != "" && !strings.ContainsRune(marks, rune(line[0])) {
			each(n, line)
		}
	}
}

// number reads the value as an fd limit: a number, or one of the words for no limit.
func (a Assignment) number() (int64, error) {
	switch a.Value {
	case "unlimited", "infinity", "-1":
		return parseNumber("unlimited")
	}
	return strconv.ParseInt(a.Value, 10, 64)
}
