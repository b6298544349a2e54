package main

import (
	"fmt"
	"regexp"
	"strings"
)

// reason is a section of reasons.md: a heading, prose, and the rules that say which differences it explains.
type reason struct {
	heading string
	prose   string
	rules   []*rule
}

// rule is an indented line of a section: kind, method, path, place, field. A `*` stands for anything.
type rule struct {
	text    string
	matches *regexp.Regexp
	used    bool
}

func parse(text string) ([]*reason, error) {
	var reasons []*reason
	for number, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "## "):
			reasons = append(reasons, &reason{heading: strings.TrimPrefix(line, "## ")})
		case len(reasons) == 0:
		case strings.HasPrefix(line, "    "):
			words := strings.Fields(line)
			if len(words) != 5 {
				return nil, fmt.Errorf("reasons.md:%d: a rule is: kind, method, path, place, field", number+1)
			}
			latest := reasons[len(reasons)-1]
			latest.rules = append(latest.rules, newRule(strings.Join(words, " ")))
		default:
			reasons[len(reasons)-1].prose += line + "\n"
		}
	}
	return reasons, nil
}

func newRule(text string) *rule {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `.*`)
	return &rule{text: text, matches: regexp.MustCompile("^" + pattern + "$")}
}

// explains tells whether one of the rules is about a difference, and remembers which one was.
func (r *reason) explains(one difference) bool {
	text := strings.Join([]string{one.kind, one.operation, one.place, one.field}, " ")
	for _, rule := range r.rules {
		if rule.matches.MatchString(text) {
			rule.used = true
			return true
		}
	}
	return false
}
