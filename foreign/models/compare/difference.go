package main

import (
	"strings"

	"weipay-foreign-models/model"
)

// difference is one thing that an SDK and the catalogue say differently. It is comparable, so that what both SDKs say is one
// difference.
type difference struct {
	kind      string
	operation string
	place     string
	field     string
	detail    string
}

// The kinds of differences, as reasons.md writes them.
const (
	onlySDK           = "only-sdk"
	onlyCatalogue     = "only-catalogue"
	sdkRequires       = "sdk-requires"
	catalogueRequires = "catalogue-requires"
	kindOf            = "type"
	format            = "format"
	encrypted         = "encrypted"
	values            = "values"
)

func (d difference) String() string {
	return strings.TrimSpace(strings.Join([]string{d.kind, d.operation, d.place, d.field, d.detail}, " "))
}

// comparison is of one place of one operation.
type comparison struct {
	operation string
	place     string
	found     func(difference)
}

// fields compares the members of the place, or of the field whose path ends in a dot, and goes into those that both have.
func (c comparison) fields(path string, sdk, catalogue []model.Field) {
	for _, theirs := range sdk {
		ours, ok := named(catalogue, theirs.Name)
		if !ok {
			c.report(onlySDK, path+theirs.Name, "")
			continue
		}
		c.field(path+theirs.Name, theirs, ours)
		c.fields(path+theirs.Name+".", theirs.Fields, ours.Fields)
	}
	for _, ours := range catalogue {
		if _, ok := named(sdk, ours.Name); !ok {
			c.report(onlyCatalogue, path+ours.Name, "")
		}
	}
}

func (c comparison) field(path string, theirs, ours model.Field) {
	if theirs.Type != ours.Type {
		c.report(kindOf, path, theirs.Type+" in the SDK, "+ours.Type+" here")
	}
	if theirs.Format != "" && theirs.Format != ours.Format {
		c.report(format, path, theirs.Format+" in the SDK, "+or(ours.Format, "none")+" here")
	}
	if theirs.Encrypted != ours.Encrypted {
		c.report(encrypted, path, or(theirs.Encrypted, "plain")+" in the SDK, "+or(ours.Encrypted, "plain")+" here")
	}
	c.required(path, theirs.Required, ours.Required != nil && *ours.Required)
	if missing := without(theirs.Enum, ours.Enum); len(missing) > 0 {
		c.report(values, path, strings.Join(missing, ", "))
	}
}

func (c comparison) required(path string, theirs *bool, ours bool) {
	switch {
	case theirs == nil || *theirs == ours:
	case ours:
		c.report(catalogueRequires, path, "")
	default:
		c.report(sdkRequires, path, "")
	}
}

func (c comparison) report(kind, field, detail string) {
	c.found(difference{kind, c.operation, c.place, field, detail})
}

func named(fields []model.Field, name string) (model.Field, bool) {
	for _, field := range fields {
		if field.Name == name {
			return field, true
		}
	}
	return model.Field{}, false
}

func without(these, those []string) []string {
	var left []string
	for _, one := range these {
		if !strings.Contains("\n"+strings.Join(those, "\n")+"\n", "\n"+one+"\n") {
			left = append(left, one)
		}
	}
	return left
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
