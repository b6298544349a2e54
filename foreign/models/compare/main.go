// Command compare says what the official SDKs and the catalogue say differently, and fails when one difference has no reason,
// when a reason explains nothing any more, or when DIFFERENCES.md is not what it should be.
//
//	compare [--write] CATALOGUE GO JAVA
//
// It reads reasons.md of the working directory. With --write it writes DIFFERENCES.md there.
package main

import (
	"errors"
	"fmt"
	"os"
	"sort"

	"weipay-foreign-models/model"
)

func main() {
	arguments := os.Args[1:]
	write := len(arguments) > 0 && arguments[0] == "--write"
	if write {
		arguments = arguments[1:]
	}
	if len(arguments) != 3 {
		fail(errors.New("usage: compare [--write] CATALOGUE GO JAVA"))
	}
	text, err := os.ReadFile("reasons.md")
	fail(err)
	reasons, err := parse(string(text))
	fail(err)
	summary, sdks := compare(read(arguments[0]), read(arguments[1]), read(arguments[2]))
	explained, complaints := explain(sdks, reasons)
	complaints = append(complaints, settle(report(summary, reasons, explained, sdks), write)...)
	for _, complaint := range complaints {
		fmt.Fprintln(os.Stderr, complaint)
	}
	if len(complaints) > 0 {
		os.Exit(1)
	}
	fmt.Print(summary)
}

// compare gives every difference with the SDKs that make it, and the sum of it all in words.
func compare(ours, goes, javas []model.Operation) (string, map[difference][]string) {
	catalogue, sdks := index(ours), map[difference][]string{}
	catalogue.differences("Go", goes, sdks)
	catalogue.differences("Java", javas, sdks)
	both := map[string]bool{}
	for _, operation := range append(append([]model.Operation{}, goes...), javas...) {
		both[key(operation)] = true
	}
	summary := fmt.Sprintf("%d calls of the Go SDK and %d of the Java SDK, for %d operations together: %d differences.\n",
		len(goes), len(javas), len(both), len(sdks))
	return summary, sdks
}

// explain gives each difference to the first reason with a rule for it, and complains of what is left on either side.
func explain(sdks map[difference][]string, reasons []*reason) (map[*reason][]difference, []string) {
	explained, complaints := map[*reason][]difference{}, []string{}
	for one := range sdks {
		found := false
		for _, reason := range reasons {
			if !found && reason.explains(one) {
				explained[reason] = append(explained[reason], one)
				found = true
			}
		}
		if !found {
			complaints = append(complaints, fmt.Sprintf("unexplained: %s %v", one, sdks[one]))
		}
	}
	for _, reason := range reasons {
		for _, rule := range reason.rules {
			if !rule.used {
				complaints = append(complaints, "explains nothing: "+rule.text)
			}
		}
	}
	sort.Strings(complaints)
	return explained, complaints
}

// settle writes the report, or holds what is committed to it.
func settle(report string, write bool) []string {
	if write {
		fail(os.WriteFile("DIFFERENCES.md", []byte(report), 0o644))
		return nil
	}
	if committed, err := os.ReadFile("DIFFERENCES.md"); err != nil || string(committed) != report {
		return []string{"DIFFERENCES.md is out of date: run with --write and read what changed"}
	}
	return nil
}

func read(path string) []model.Operation {
	file, err := os.Open(path)
	fail(err)
	defer file.Close()
	operations, err := model.Read(file)
	fail(err)
	if len(operations) == 0 {
		fail(fmt.Errorf("%s: no operations", path))
	}
	return operations
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
