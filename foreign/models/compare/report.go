package main

import (
	"fmt"
	"sort"
	"strings"
)

// The words of the report for each kind.
var says = map[string]string{
	onlySDK:           "only the SDK has",
	onlyCatalogue:     "only the catalogue has",
	sdkRequires:       "the SDK requires",
	catalogueRequires: "the catalogue requires",
	kindOf:            "other type",
	format:            "other format",
	encrypted:         "other encryption",
	values:            "values only of the SDK",
}

const opening = `# The catalogue and the official SDKs, field by field

Written by ` + "`./run --write`" + `; the reasons are in [reasons.md](reasons.md). What is not listed is the same on both sides.

`

// report is DIFFERENCES.md: the reasons with the differences that they explain.
func report(summary string, reasons []*reason, explained map[*reason][]difference, sdks map[difference][]string) string {
	text := opening + summary
	for _, reason := range reasons {
		text += fmt.Sprintf("\n## %s (%d)\n\n%s\n\n", reason.heading, len(explained[reason]), strings.TrimSpace(reason.prose))
		text += "| operation | | fields | SDK |\n|---|---|---|---|\n"
		text += strings.Join(rows(explained[reason], sdks), "")
	}
	return text
}

// rows puts what one operation says of one kind at one place into one row.
func rows(differences []difference, sdks map[difference][]string) []string {
	fields := map[[3]string][]string{}
	for _, one := range differences {
		row := [3]string{"`" + one.operation + "` " + one.place, says[one.kind], strings.Join(sdks[one], ", ")}
		fields[row] = append(fields[row], "`"+one.field+"`"+detail(one))
	}
	var rows []string
	for row, fields := range fields {
		sort.Strings(fields)
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |\n", row[0], row[1], strings.Join(fields, ", "), row[2]))
	}
	sort.Strings(rows)
	return rows
}

func detail(one difference) string {
	if one.detail == "" {
		return ""
	}
	return " (" + one.detail + ")"
}
