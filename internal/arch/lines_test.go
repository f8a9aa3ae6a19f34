package arch

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// mostColumns is how many characters a line has at most, a tab being one.
const mostColumns = 120

// The lines of all modules, and of the scripts, fit beside each other on a screen.
func TestLines(t *testing.T) {
	const root = "../.."
	seen := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "testdata", "node_modules", "out", "bin"}, d.Name()):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || !slices.Contains([]string{".go", ".sh", ".js"}, filepath.Ext(name)) && rel != ".ci/run" {
			return err
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		seen++
		for _, where := range wideLines(rel, src) {
			t.Errorf("%s, at most %d: break it", where, mostColumns)
		}
		if where := mixedImports(rel, src); where != "" {
			t.Errorf("%s, beside packages of Go's own: a group of its own for what is not", where)
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("%v, %d files", err, seen)
	}
}

// wideLines are the lines of a file with more characters. What stands in a raw string
// of several lines is recorded, like a file of /proc, and as long as it is.
func wideLines(name string, src []byte) (list []string) {
	recorded := map[int]bool{}
	if filepath.Ext(name) == ".go" {
		recorded = recordedLines(src)
	}
	n := 0
	for line := range bytes.Lines(src) {
		n++
		if w := utf8.RuneCount(bytes.TrimSuffix(line, []byte("\n"))); w > mostColumns && !recorded[n] {
			list = append(list, fmt.Sprintf("%s:%d has %d characters", name, n, w))
		}
	}
	return list
}

// mixedImports is the first import of a module's package in a group with one of Go's own.
func mixedImports(name string, src []byte) string {
	if filepath.Ext(name) != ".go" {
		return ""
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", src, parser.ImportsOnly)
	if err != nil {
		return "" // gofmt says so
	}
	last, own := 0, false // line and kind of the import before
	for _, i := range f.Imports {
		first, _, _ := strings.Cut(strings.Trim(i.Path.Value, `"`), "/")
		line, module := set.Position(i.Pos()).Line, strings.Contains(first, ".")
		if line == last+1 && module != own {
			return fmt.Sprintf("%s:%d imports %s", name, line, i.Path.Value)
		}
		last, own = line, module
	}
	return ""
}

func TestMixedImports(t *testing.T) {
	const std, own = "\t\"fmt\"\n", "\t\"github.com/c10m/c10m/internal/sys\"\n"
	for src, want := range map[string]string{
		std + "\n" + own:             "",
		own + "\n" + std:             "",
		std + "\n" + own + own:       "",
		std + own:                    `a.go:5 imports "github.com/c10m/c10m/internal/sys"`,
		own + std:                    `a.go:5 imports "fmt"`,
		std + "\n" + own + std + own: `a.go:7 imports "fmt"`,
	} {
		if got := mixedImports("a.go", []byte("package a\n\nimport (\n"+src+")\n")); got != want {
			t.Errorf("%q: %q, want %q", src, got, want)
		}
	}
}

// recordedLines are those on which such a string stands.
func recordedLines(src []byte) map[int]bool {
	lines := map[int]bool{}
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, 0)
	for {
		at, what, text := s.Scan()
		if what == token.EOF {
			return lines
		}
		if what != token.STRING || text[0] != '`' {
			continue
		}
		for n := range strings.Count(text, "\n") {
			lines[file.Line(at)+n], lines[file.Line(at)+n+1] = true, true
		}
	}
}

func TestWideLines(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, tt := range []struct{ name, file, src, want string }{
		{"short", "a.go", "package a\n", ""},
		{"just so", "a.sh", strings.Repeat("ä", 120) + "\n", ""},
		{"too long", "a.sh", "\n" + strings.Repeat("ä", 121) + "\n", "a.sh:2 has 121 characters"},
		{"without an end", "a.js", strings.Repeat("y", 130), "a.js:1 has 130 characters"},
		{"a string", "a.go", "package a\n\nvar b = \"" + long + long + "\"\n", "a.go:3 has 210 characters"},
		{"a recorded file", "a.go", "package a\n\nvar b = `\n" + long + long + "\n`\n", ""},
		{"a raw string of one line", "a.go", "package a\n\nvar b = `" + long + long + "`\n", "a.go:3 has 210 characters"},
		{"what follows it", "a.go", "package a\n\nvar b = `\n`\n\n// " + long + long + "\n", "a.go:6 has 203 characters"},
	} {
		if got := strings.Join(wideLines(tt.file, []byte(tt.src)), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
