package arch

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// rules say what a tree must keep to.
type rules struct {
	layers       [][]string
	pure, impure []string
	foreign      []owner
	maxLines     int
	maxFunction  int
	vague        []string
	mainOnly     []string
	wordless     []string // rooms
	wording      []string // what makes words of figures
}

// owner is a foreign module and the only rooms that may import it.
type owner struct {
	module string
	rooms  []string
	tests  bool // any test may, too
}

// finding is one rule broken in one file.
type finding struct{ file, what string }

func (f finding) String() string { return f.file + ": " + f.what }

// check returns what is wrong, in the order of the files.
func (r rules) check(files []file) []finding {
	var found []finding
	for _, f := range files {
		report := func(format string, a ...any) { found = append(found, finding{f.name, fmt.Sprintf(format, a...)}) }
		if !f.test {
			r.checkRoom(f, report)
			r.checkVoice(f, report)
			r.checkWords(f, report)
		}
		r.checkImports(f, report)
		r.checkSize(f, report)
		r.checkNames(f, report)
	}
	return found
}

// checkRoom wants every package below internal to be in the plan.
func (r rules) checkRoom(f file, report func(string, ...any)) {
	if strings.HasPrefix(f.room, "internal/") && r.layer(f.room) < 0 {
		report("%s is no room of ARCHITECTURE.md: give it a layer", f.room)
	}
}

func (r rules) checkImports(f file, report func(string, ...any)) {
	for _, p := range f.imports {
		first, _, _ := strings.Cut(p, "/")
		switch {
		case first == "":
			r.checkOwn(f, strings.TrimPrefix(p, "/"), report)
		case strings.Contains(first, "."):
			r.checkForeign(f, p, report)
		case !f.test && slices.Contains(r.pure, f.room) && slices.Contains(r.impure, p):
			report("%s is pure and may not import %s", f.room, p)
		}
	}
}

// checkOwn: dependencies point downward only. A test, and what only tests use (tests/),
// may look anywhere but into a main; the compiler keeps it from cycles.
func (r rules) checkOwn(f file, to string, report func(string, ...any)) {
	from, below := r.layer(f.room), r.layer(to)
	switch {
	case below == len(r.layers)-1:
		report("nobody imports a main: %s", to)
	case f.test || strings.HasPrefix(f.room, "tests/"):
	case below < 0:
		report("%s is no room of ARCHITECTURE.md: give it a layer", to)
	case from >= 0 && below >= from:
		report("%s may not import %s: dependencies point downward only", f.room, to)
	}
}

func (r rules) checkForeign(f file, p string, report func(string, ...any)) {
	for _, o := range r.foreign {
		if p != o.module && !strings.HasPrefix(p, o.module+"/") {
			continue
		}
		if !slices.Contains(o.rooms, f.room) && !(f.test && o.tests) {
			report("%s belongs to %s", p, strings.Join(o.rooms, ", "))
		}
		return
	}
	report("%s has no room: give it one", p)
}

func (r rules) checkSize(f file, report func(string, ...any)) {
	if f.lines > r.maxLines {
		report("%d lines, at most %d", f.lines, r.maxLines)
	}
	for _, fn := range f.longest {
		if !f.test && fn.lines > r.maxFunction {
			report("function %s has %d lines, at most %d", fn.name, fn.lines, r.maxFunction)
		}
	}
}

// checkNames looks at the directory and at the package clause.
func (r rules) checkNames(f file, report func(string, ...any)) {
	names := []string{path.Base(f.room)}
	if pkg := strings.TrimSuffix(f.pkg, "_test"); pkg != names[0] {
		names = append(names, pkg)
	}
	for _, name := range names {
		if slices.Contains(r.vague, name) {
			report("%s says nothing: name a package after what it holds", name)
		}
	}
}

// checkVoice keeps what belongs to mains out of the rooms below them.
func (r rules) checkVoice(f file, report func(string, ...any)) {
	if !strings.HasPrefix(f.room, "internal/") {
		return
	}
	uses := slices.Clone(f.uses)
	slices.Sort(uses)
	for _, use := range slices.Compact(uses) {
		pkg, _, _ := strings.Cut(use, ".")
		if slices.Contains(r.mainOnly, use) || slices.Contains(r.mainOnly, pkg+".*") {
			report("%s is for mains", use)
		}
	}
}

// sentence is two words in a row; units are those that stand behind figures.
var (
	sentence = regexp.MustCompile(`\pL[,;:.]? +\pL`)
	units    = []string{"ns", "us", "µs", "ms", "s", "min", "h", "B", "kB", "MB", "GB", "KiB", "MiB", "GiB", "TiB", "/s"}
)

// checkWords: what a room finds out it says in codes and facts, and the words for them
// are somewhere else.
func (r rules) checkWords(f file, report func(string, ...any)) {
	if !slices.Contains(r.wordless, f.room) {
		return
	}
	for _, text := range f.texts {
		switch {
		case strings.Contains(text, "%"):
			report("%q has a percent sign: %s has no words", text, f.room)
		case sentence.MatchString(text):
			report("%q is a sentence: %s has no words", text, f.room)
		case slices.Contains(units, strings.TrimSpace(text)):
			report("%q is a unit: %s has no words", text, f.room)
		}
	}
	for _, use := range f.uses {
		pkg, _, _ := strings.Cut(use, ".")
		if slices.Contains(r.wording, use) || slices.Contains(r.wording, pkg+".*") {
			report("%s makes words: %s has none", use, f.room)
		}
	}
}

// layer is the height of a room, -1 if it is in no layer.
func (r rules) layer(room string) int {
	return slices.IndexFunc(r.layers, func(l []string) bool { return slices.Contains(l, room) })
}
