package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// sources is every type, every enumeration and every method that the SDK's services declare, by the package's folder.
type sources struct {
	types   map[string]declared
	values  map[string][]string
	methods []method
}

// declared is a type expression and the package that its names are to be looked up in.
type declared struct {
	expression ast.Expr
	home       *home
}

// home is a file's package (by its last folders) and the packages that the file imports.
type home struct {
	sources *sources
	folder  string
	imports map[string]string
}

// method is a method of a service.
type method struct {
	*ast.FuncDecl
	home *home
}

func load(folder string) (*sources, error) {
	found := &sources{types: map[string]declared{}, values: map[string][]string{}}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err == nil {
			relative, _ := filepath.Rel(folder, filepath.Dir(path))
			found.add(file, filepath.ToSlash(relative))
		}
		return err
	})
	sort.Slice(found.methods, func(one, other int) bool {
		return found.methods[one].name() < found.methods[other].name()
	})
	return found, err
}

func (s *sources) add(file *ast.File, folder string) {
	here := &home{s, folder, map[string]string{}}
	for _, each := range file.Imports {
		path, _ := strconv.Unquote(each.Path.Value)
		if _, inside, ok := strings.Cut(path, "/wechatpay-go/services/"); ok {
			here.imports[inside[strings.LastIndex(inside, "/")+1:]] = inside
		}
	}
	for _, declaration := range file.Decls {
		switch declaration := declaration.(type) {
		case *ast.FuncDecl:
			if declaration.Recv != nil {
				s.methods = append(s.methods, method{declaration, here})
			}
		case *ast.GenDecl:
			for _, spec := range declaration.Specs {
				s.declare(spec, here)
			}
		}
	}
}

func (s *sources) declare(spec ast.Spec, here *home) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		s.types[here.folder+"."+spec.Name.Name] = declared{spec.Type, here}
	case *ast.ValueSpec:
		kind, named := spec.Type.(*ast.Ident)
		for _, value := range spec.Values {
			if text, ok := literal(value); ok && named {
				key := here.folder + "." + kind.Name
				s.values[key] = append(s.values[key], text)
			}
		}
	}
}

// find gives the key of the type that a name or pkg.Name means in a file, and the type if the services declare it.
func (h *home) find(expression ast.Expr) (string, declared, bool) {
	key := ""
	switch expression := expression.(type) {
	case *ast.Ident:
		key = h.folder + "." + expression.Name
	case *ast.SelectorExpr:
		key = h.imports[identifier(expression.X)] + "." + expression.Sel.Name
	}
	found, ok := h.sources.types[key]
	return key, found, ok
}

func (m method) name() string { return m.home.folder + "." + m.Name.Name }

func literal(expression ast.Expr) (string, bool) {
	basic, ok := expression.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

func identifier(expression ast.Expr) string {
	if name, ok := expression.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}
