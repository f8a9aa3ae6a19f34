package rig

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// startServers divides the tests of a directory, as patterns for -test.run, into those
// that start a server of ours and those that do not, by their source: whether a name in
// the body leads to Start, through functions and methods of that directory. The second
// kind does not depend on the engine.
func startServers(dir string) (with, without []string, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(names) == 0 {
		return nil, nil, fmt.Errorf("no tests in %s: %v", dir, err)
	}
	uses := map[string][]string{} // by function or method: the names that its body has
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				uses[f.Name.Name] = append(uses[f.Name.Name], namesIn(f.Body)...)
			}
		}
	}
	for name := range uses {
		switch pattern := "^" + name + "$"; {
		case !strings.HasPrefix(name, "Test") || name == "TestMain":
		case reaches(uses, name, map[string]bool{}):
			with = append(with, pattern)
		default:
			without = append(without, pattern)
		}
	}
	slices.Sort(with)
	slices.Sort(without)
	return with, without, nil
}

// namesIn are the identifiers in a function's body; rig.Start is one of them.
func namesIn(body ast.Node) (names []string) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && of.Name == "rig" {
				names = append(names, "rig."+n.Sel.Name)
			}
		case *ast.Ident:
			names = append(names, n.Name)
		}
		return true
	})
	return names
}

// reaches says whether a function leads to Start.
func reaches(uses map[string][]string, name string, seen map[string]bool) bool {
	seen[name] = true
	return slices.ContainsFunc(uses[name], func(next string) bool {
		return next == "rig.Start" || next == "rig.Engine" || uses[next] != nil && !seen[next] &&
			reaches(uses, next, seen)
	})
}
