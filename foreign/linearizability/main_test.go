package main

import (
	"io"
	"math/rand"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
)

func accepted(t *testing.T, lines ...string) bool {
	t.Helper()
	histories, err := read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return check(histories, io.Discard)
}

const used = `{"coupon":"1","operation":"use","called":0,"returned":3,"outcome":"done"}`

func TestHistoriesOfOneCouponAreAcceptedAndOthersAreNot(t *testing.T) {
	seen := func(called, returned, isUsed string) string {
		return `{"coupon":"1","operation":"query","called":` + called + `,"returned":` + returned + `,"outcome":"seen","is_used":` + isUsed + `}`
	}
	tie := func(operation, order, called, outcome string) string {
		return `{"coupon":"1","operation":"` + operation + `","order":` + order + `,"called":` + called + `,"returned":` + called + `1,"outcome":"` + outcome + `"}`
	}
	unknown := `{"coupon":"1","operation":"use","called":4}`
	tied := tie("associate", "0", "1", "done")
	for name, one := range map[string]struct {
		lines []string
		good  bool
	}{
		"a query at the same time sees either":            {[]string{used, seen("1", "2", "false")}, true},
		"it sees what was done":                           {[]string{used, seen("4", "5", "true")}, true},
		"an acknowledged change is lost":                  {[]string{used, seen("4", "5", "false")}, false},
		"a change is seen and gone":                       {[]string{used, seen("1", "2", "true"), seen("4", "5", "false")}, false},
		"a coupon is used twice":                          {[]string{used, strings.Replace(used, "3", "4", 1)}, false},
		"an unknown call may have worked":                 {[]string{unknown, seen("5", "6", "true")}, true},
		"an unknown call may not have worked":             {[]string{unknown, seen("5", "6", "false")}, true},
		"an unknown call does not work before it is made": {[]string{unknown, seen("1", "2", "true")}, false},
		"another order is refused":                        {[]string{tied, tie("associate", "1", "2", "refused")}, true},
		"a coupon is tied to two orders":                  {[]string{tied, tie("associate", "1", "2", "done")}, false},
		"the order of another is untied":                  {[]string{tied, tie("disassociate", "1", "2", "done")}, false},
		"an order is untied":                              {[]string{tied, tie("disassociate", "0", "2", "done")}, true},
		"another coupon is another history":               {[]string{used, strings.Replace(used, `"1"`, `"2"`, 1)}, true},
		"no history at all":                               {nil, false},
	} {
		if accepted(t, one.lines...) != one.good {
			t.Errorf("%s: wanted %v", name, one.good)
		}
	}
	for _, line := range []string{
		`{`,
		`{"operation":"steal","called":0}`,
		`{"operation":"use","called":0,"returned":1}`,
		`{"operation":"query","called":0,"returned":1,"outcome":"done"}`,
	} {
		if _, err := read(strings.NewReader(line)); err == nil {
			t.Errorf("%s was read", line)
		}
	}
}

// Six callers of one coupon, as an oracle would answer them: each call takes effect at one moment between its call and its return. Some
// outcomes are unknown, and of those some calls never take effect.
func history(random *rand.Rand, calls int) []porcupine.Operation {
	var (
		state      coupon
		operations []porcupine.Operation
		free       [6]int64
	)
	for moment := int64(10); len(operations) < calls; moment += 10 {
		caller := random.Intn(len(free))
		if free[caller] >= moment {
			continue
		}
		names := []string{"use", "use", "return", "associate", "associate", "disassociate", "query"}
		in := input{operation: names[random.Intn(len(names))]}
		if strings.HasSuffix(in.operation, "associate") {
			in.order = 1 + random.Intn(2)
		}
		operation := porcupine.Operation{Input: in, Call: moment - random.Int63n(9), Return: moment + random.Int63n(40)}
		if operation.Call <= free[caller] {
			operation.Call = free[caller] + 1
		}
		free[caller] = operation.Return
		isKnown := random.Intn(40) > 0
		if !isKnown {
			operation.Return = 1 << 62
		}
		if isKnown || random.Intn(2) == 0 {
			out := output{outcome: "seen", seen: state}
			if in.operation != "query" {
				var done bool
				state, done = state.after(in)
				out = output{outcome: map[bool]string{true: "done", false: "refused"}[done]}
			}
			operation.Output = out
		}
		if !isKnown {
			operation.Output = output{}
		}
		operations = append(operations, operation)
	}
	last := operations[0].Return
	for _, operation := range operations {
		if operation.Return < 1<<62 {
			last = max(last, operation.Return)
		}
	}
	// Two queries after everything.
	for place := int64(1); place <= 2; place++ {
		operations = append(operations, porcupine.Operation{
			Input: input{operation: "query"}, Call: last + 10*place, Return: last + 10*place + 1, Output: output{"seen", state},
		})
	}
	return operations
}

func TestLongHistoriesAreAcceptedAndTheSameWithOneWrongOutcomeAreNot(t *testing.T) {
	random := rand.New(rand.NewSource(7))
	for round := 0; round < 40; round++ {
		calls := history(random, 120)
		if !porcupine.CheckOperations(model, calls) {
			t.Fatalf("round %d: a history of one coupon was refused", round)
		}
		// The last query sees a coupon that was tied to an order that nobody named.
		broken := calls[len(calls)-1].Output.(output)
		broken.seen.order = 9
		calls[len(calls)-1].Output = broken
		if porcupine.CheckOperations(model, calls) {
			t.Fatalf("round %d: a broken history was accepted", round)
		}
	}
}
