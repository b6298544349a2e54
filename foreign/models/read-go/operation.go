package main

import (
	"go/ast"
	"strings"

	"weipay-foreign-models/model"
)

// operation reads what a service's method sends: the path from the literal that begins with /v3/, query and headers from the
// calls that add them, the body from what is assigned to it.
func (m method) operation() (model.Operation, bool) {
	found := model.Operation{Name: m.name(), Method: "POST"}
	var body ast.Expr
	var queries []string
	headers := false
	multipart := false
	ast.Inspect(m.Body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.SelectorExpr:
			if verb := strings.TrimPrefix(node.Sel.Name, "Method"); identifier(node.X) == "nethttp" && verb != node.Sel.Name {
				found.Method = strings.ToUpper(verb)
			}
			headers = headers || node.Sel.Name == "WechatPaySerial"
		case *ast.BasicLit:
			if text, ok := literal(node); ok && strings.HasPrefix(text, "/v3/") {
				found.Path = strings.TrimPrefix(text, "/")
			}
		case *ast.AssignStmt:
			if identifier(node.Lhs[0]) == "localVarPostBody" {
				body = node.Rhs[0]
			}
		case *ast.CallExpr:
			called, _ := node.Fun.(*ast.SelectorExpr)
			if called == nil {
				break
			}
			if identifier(called.X) == "localVarQueryParams" && called.Sel.Name == "Add" {
				name, _ := literal(node.Args[0])
				queries = append(queries, name)
			}
			multipart = multipart || called.Sel.Name == "upload"
		}
		return true
	})
	if found.Path == "" {
		return found, false
	}
	request := m.request()
	found.Request.Path = pick(request, placeholders(found.Path))
	found.Request.Query = pick(request, queries)
	found.Request.JSON = m.home.fields(bodyType(body, m.requestType()))
	if headers {
		found.Request.Headers = []model.Field{{Name: "Wechatpay-Serial", Type: "string"}}
	}
	if multipart {
		found.Request.Body = upload()
	}
	found.Response = m.home.fields(m.Type.Results.List[0].Type)
	return found, true
}

func (m method) request() []model.Field {
	if kind := m.requestType(); kind != nil {
		return m.home.fields(kind)
	}
	return nil
}

// requestType is the type of the parameter `req`.
func (m method) requestType() ast.Expr {
	for _, parameter := range m.Type.Params.List {
		for _, name := range parameter.Names {
			if name.Name == "req" {
				return parameter.Type
			}
		}
	}
	return nil
}

// bodyType is the type of `req`, or X where the body is &X{...}.
func bodyType(body, request ast.Expr) ast.Expr {
	if identifier(body) == "req" {
		return request
	}
	if address, ok := body.(*ast.UnaryExpr); ok {
		if made, ok := address.X.(*ast.CompositeLit); ok {
			return made.Type
		}
	}
	return nil
}

// upload is what the SDK's one uploading function sends with every file.
func upload() []model.Field {
	text := func(name string) model.Field { return model.Field{Name: name, Type: "string"} }
	meta := text("meta")
	meta.Fields = []model.Field{text("filename"), text("sha256")}
	return []model.Field{{Name: "file", Type: "object"}, meta}
}

func placeholders(path string) []string {
	var names []string
	for _, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}

// pick takes the named members out of a request. One that is missing keeps an unknown type, which no comparison lets pass.
func pick(fields []model.Field, names []string) []model.Field {
	var picked []model.Field
	for _, name := range names {
		found := model.Field{Name: name, Type: "unknown"}
		for _, field := range fields {
			if field.Name == name {
				found = field
			}
		}
		picked = append(picked, found)
	}
	return picked
}
