package main

import (
	"go/ast"
	"reflect"
	"strconv"
	"strings"

	"weipay-foreign-models/model"
)

// fields gives the members of the struct that an expression names, also by another name; none for anything else. A tag without `omitempty` marks
// what is required: the generated MarshalJSON checks exactly these.
func (h *home) fields(expression ast.Expr) []model.Field {
	_, found, ok := h.find(bare(expression))
	if !ok {
		return nil
	}
	structure, ok := found.expression.(*ast.StructType)
	if !ok {
		return found.home.fields(found.expression)
	}
	var fields []model.Field
	for _, member := range structure.Fields.List {
		if field, ok := found.home.field(member); ok {
			fields = append(fields, field)
		}
	}
	return fields
}

func (h *home) field(member *ast.Field) (model.Field, bool) {
	if member.Tag == nil {
		return model.Field{}, false
	}
	text, _ := strconv.Unquote(member.Tag.Value)
	tag := reflect.StructTag(text)
	name, options, _ := strings.Cut(tag.Get("json"), ",")
	required := options != "omitempty"
	field := model.Field{Name: name, Required: &required}
	if tag.Get("encryption") != "" {
		field.Encrypted = model.Sealed
	}
	h.describe(member.Type, &field)
	return field, name != ""
}

// describe fills in type, format, enumeration and members.
func (h *home) describe(expression ast.Expr, field *model.Field) {
	switch expression := expression.(type) {
	case *ast.StarExpr:
		h.describe(expression.X, field)
		return
	case *ast.ArrayType:
		h.describe(expression.Elt, field)
		field.Type += "[]"
		return
	case *ast.SelectorExpr:
		if identifier(expression.X) == "time" {
			field.Type, field.Format = "string", "rfc3339"
			return
		}
	case *ast.Ident:
		if kind, ok := plain[expression.Name]; ok {
			field.Type = kind
			return
		}
	}
	key, _, _ := h.find(expression)
	if values, ok := h.sources.values[key]; ok {
		field.Type, field.Enum = "string", values
		return
	}
	field.Type, field.Fields = "object", h.fields(expression)
}

var plain = map[string]string{
	"string": "string", "bool": "boolean", "int32": "integer", "int64": "integer", "float32": "number", "float64": "number",
}

func bare(expression ast.Expr) ast.Expr {
	if pointer, ok := expression.(*ast.StarExpr); ok {
		return pointer.X
	}
	return expression
}
