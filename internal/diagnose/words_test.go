package diagnose

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// There is no sentence in this package: its words are in package report.
func TestNoSentences(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING {
				if seen++; strings.ContainsAny(s.Value, " %") {
					t.Errorf("%s: %s belongs to package report", file, s.Value)
				}
			}
			return true
		})
	}
	if seen < 100 {
		t.Errorf("only %d strings were looked at", seen)
	}
}

// Each code is found by one rule, and is a name that --fail-if takes.
func TestCodes(t *testing.T) {
	all := Codes()
	for i, code := range all {
		if slices.Contains(all[:i], code) || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("%q twice, or no name", code)
		}
	}
}
