package main

import (
	"regexp"

	"weipay-foreign-models/model"
)

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// catalogue is its operations by method and path, placeholders without their names, since these are everybody's own.
type catalogue map[string]model.Operation

func index(operations []model.Operation) catalogue {
	found := catalogue{}
	for _, operation := range operations {
		found[key(operation)] = operation
	}
	return found
}

func key(operation model.Operation) string {
	return operation.Method + " " + placeholder.ReplaceAllString(operation.Path, "{}")
}

// differences adds what an SDK says differently to what is found already, under the SDK's name.
func (c catalogue) differences(sdk string, operations []model.Operation, found map[difference][]string) {
	add := func(one difference) {
		if said := found[one]; len(said) == 0 || said[len(said)-1] != sdk {
			found[one] = append(said, sdk)
		}
	}
	for _, theirs := range operations {
		ours, ok := c[key(theirs)]
		if !ok {
			add(difference{onlySDK, theirs.Method + " " + theirs.Path, "path", "-", ""})
			continue
		}
		compare := func(place string, theirs, our []model.Field) {
			comparison{ours.Method + " " + ours.Path, place, add}.fields("", theirs, our)
		}
		compare("path", renamed(theirs.Request.Path, ours.Request.Path), ours.Request.Path)
		compare("query", theirs.Request.Query, ours.Request.Query)
		compare("headers", theirs.Request.Headers, ours.Request.Headers)
		compare("json", theirs.Request.JSON, ours.Request.JSON)
		compare("multipart", theirs.Request.Body, ours.Request.Body)
		compare("answer", theirs.Response, ours.Response)
	}
}

// renamed gives path fields the catalogue's names, by position.
func renamed(theirs, ours []model.Field) []model.Field {
	if len(theirs) != len(ours) {
		return theirs
	}
	var fields []model.Field
	for position, field := range theirs {
		field.Name = ours[position].Name
		fields = append(fields, field)
	}
	return fields
}
