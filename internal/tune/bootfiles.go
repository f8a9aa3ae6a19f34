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
	planned map[string]string // what a dry run would write, by path below root
}

// bootFile is one of them.
type bootFile struct {
	path string // where a person finds it: a link is followed
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

// configDirs are where systemd, kmod and procps look, the first wins; see
// sysctl.d(5). /lib is /usr/lib where the two are merged.
var configDirs = []string{"etc", "run", "usr/local/lib", "usr/lib", "lib"}

// dropIns are the *.conf files of a directory that several places may have, as
// sysctl.d(5), modprobe.d(5) and systemd-system.conf(5) order them: by file name
// whatever their place; of two files of one name the place named first wins; an
// empty file or a link to /dev/null masks the others of its name.
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

// read is one file; what is no regular file, such as /dev/null, has no text.
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

// follow resolves a path that is a symbolic link, with the root directory as /,
// also where it leads nowhere; symlink(7).
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

// lines calls each with the number and the fields of every line that is not
// empty and no comment; any of the characters in marks begins one.
func (f bootFile) lines(marks string, each func(n int, line string)) {
	n := 0
	for line := range strings.Lines(f.text) {
		n++
		if line = strings.TrimSpace(line); line != "" && !strings.ContainsRune(marks, rune(line[0])) {
			each(n, line)
		}
	}
}

// number reads a file limit: a number, or one of the words for none.
func (a Assignment) number() (int64, error) {
	switch a.Value {
	case "unlimited", "infinity", "-1":
		return parseNumber("unlimited")
	}
	return strconv.ParseInt(a.Value, 10, 64)
}
