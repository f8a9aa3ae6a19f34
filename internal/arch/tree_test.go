package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// file is what the rules need to know of one Go file.
type file struct {
	name    string // slash-separated, from the root of the tree
	room    string // its directory
	pkg     string // its package clause
	test    bool
	lines   int
	imports []string // our own without the module's path, as "/internal/plan"
	longest []function
	uses    []string // "os.Exit", and "println" for a built-in
	texts   []string // string literals, without import paths and the tags of fields
}

// function is a declaration with a body, methods as T.Name.
type function struct {
	name  string
	lines int
}

// parseTree reads every Go file of the module below root. Other modules,
// testdata, hidden directories and what only other systems compile stay out.
func parseTree(root, module string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			hidden := strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata"
			if name != root && (hidden || err == nil) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || d.Name() == "unsupported.go" {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := parseFile(name, filepath.ToSlash(rel), module)
		files = append(files, f)
		return err
	})
	return files, err
}

func parseFile(name, rel, module string) (file, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{name: rel, room: path.Dir(rel), pkg: tree.Name.Name, test: strings.HasSuffix(rel, "_test.go"),
		lines: bytes.Count(src, []byte("\n"))}
	packages := map[string]string{} // the name used in this file: import path
	for _, spec := range tree.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, err
		}
		used := path.Base(p)
		if spec.Name != nil {
			used = spec.Name.Name
		}
		packages[used] = p
		if p == module || strings.HasPrefix(p, module+"/") {
			p = strings.TrimPrefix(p, module)
		}
		f.imports = append(f.imports, p)
	}
	tags := map[*ast.BasicLit]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			tags[n.Tag] = true
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && !tags[n] && err == nil {
				f.texts = append(f.texts, text)
			}
		case *ast.FuncDecl:
			lines := set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1
			f.longest = append(f.longest, function{receiver(n) + n.Name.Name, lines})
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && packages[x.Name] != "" {
				f.uses = append(f.uses, packages[x.Name]+"."+n.Sel.Name)
			}
		case *ast.CallExpr:
			if x, ok := n.Fun.(*ast.Ident); ok {
				f.uses = append(f.uses, x.Name)
			}
		}
		return true
	})
	return f, nil
}

// receiver is "T." for a method of T or *T.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}
