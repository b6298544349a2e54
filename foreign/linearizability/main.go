// Checks with Porcupine whether histories of calls to merchant coupons are linearizable: whether there is an order of all calls in
// which each gives what one coupon would give, and in which a call that had returned before another was made comes before it.
//
//	go run . HISTORIES.jsonl
//
// A line is one call; crates/weipay-cli/tests/command/nodes.rs writes them. It ends with 1 when a history is not linearizable.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

// What a history may take. Porcupine ends with "unknown" then, which is a failure here.
const timeLimit = time.Minute

// One call to one coupon.
type call struct {
	Coupon    string `json:"coupon"`
	Operation string `json:"operation"`
	// The order of associate and disassociate.
	Order *int `json:"order"`
	// Moments of one clock that all callers share.
	Called   int64  `json:"called"`
	Returned *int64 `json:"returned"`
	// "done", "refused", "seen", or missing while nobody knows.
	Outcome string `json:"outcome"`
	// What a query saw.
	IsUsed    bool `json:"is_used"`
	SeenOrder *int `json:"seen_order"`
}

// A coupon. Orders are numbered from 1; 0 is none.
type coupon struct {
	isUsed bool
	order  int
}

type input struct {
	operation string
	order     int
}

// What a call gave. An unknown one gave anything.
type output struct {
	outcome string
	seen    coupon
}

func number(order *int) int {
	if order == nil {
		return 0
	}
	return *order + 1
}

// What one coupon does: the state after a call, and whether it is done.
func (c coupon) after(in input) (coupon, bool) {
	switch {
	case in.operation == "use" && !c.isUsed:
		return coupon{isUsed: true, order: c.order}, true
	case in.operation == "return" && c.isUsed:
		return coupon{isUsed: false, order: c.order}, true
	case in.operation == "associate" && !c.isUsed && (c.order == 0 || c.order == in.order):
		return coupon{isUsed: false, order: in.order}, true
	case in.operation == "disassociate" && !c.isUsed && c.order == in.order:
		return coupon{isUsed: false, order: 0}, true
	}
	return c, false
}

var model = porcupine.Model{
	Init: func() interface{} { return coupon{} },
	Step: func(state, in, out interface{}) (bool, interface{}) {
		before, gave := state.(coupon), out.(output)
		if in.(input).operation == "query" {
			return gave.outcome == "" || gave.seen == before, before
		}
		after, done := before.after(in.(input))
		return gave.outcome == "" || done == (gave.outcome == "done"), after
	},
	DescribeOperation: func(in, out interface{}) string { return fmt.Sprintf("%+v: %+v", in, out) },
}

func (c call) operation() (porcupine.Operation, error) {
	switch c.Operation {
	case "use", "return", "associate", "disassociate", "query":
	default:
		return porcupine.Operation{}, fmt.Errorf("unknown operation %q", c.Operation)
	}
	if (c.Returned == nil) != (c.Outcome == "") || (c.Operation == "query") != (c.Outcome == "seen") && c.Outcome != "" {
		return porcupine.Operation{}, fmt.Errorf("the outcome %q does not fit %s", c.Outcome, c.Operation)
	}
	// A call of which nothing is known may work at any moment after it was made. If it never did, it comes last.
	returned := int64(math.MaxInt64)
	if c.Returned != nil {
		returned = *c.Returned
	}
	return porcupine.Operation{
		Input:  input{c.Operation, number(c.Order)},
		Call:   c.Called,
		Output: output{c.Outcome, coupon{c.IsUsed, number(c.SeenOrder)}},
		Return: returned,
	}, nil
}

// The history of each coupon.
func read(from io.Reader) (map[string][]porcupine.Operation, error) {
	histories := map[string][]porcupine.Operation{}
	lines := bufio.NewScanner(from)
	for number := 1; lines.Scan(); number++ {
		var line call
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		operation, err := line.operation()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		histories[line.Coupon] = append(histories[line.Coupon], operation)
	}
	return histories, lines.Err()
}

// Whether all histories are linearizable, with a line for each.
func check(histories map[string][]porcupine.Operation, to io.Writer) bool {
	coupons := make([]string, 0, len(histories))
	for coupon := range histories {
		coupons = append(coupons, coupon)
	}
	sort.Strings(coupons)
	good := len(coupons) > 0
	for _, coupon := range coupons {
		history, unknown := histories[coupon], 0
		for _, operation := range history {
			if operation.Output.(output).outcome == "" {
				unknown++
			}
		}
		result := porcupine.CheckOperationsTimeout(model, history, timeLimit)
		fmt.Fprintf(to, "coupon %s: %d calls, %d of unknown outcome, linearizable: %s\n", coupon, len(history), unknown, result)
		good = good && result == porcupine.Ok
	}
	return good
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run . HISTORIES.jsonl")
		os.Exit(2)
	}
	file, err := os.Open(os.Args[1])
	if err == nil {
		defer file.Close()
		var histories map[string][]porcupine.Operation
		if histories, err = read(file); err == nil {
			if !check(histories, os.Stdout) {
				fmt.Fprintln(os.Stderr, "not every history is linearizable, or there is none")
				os.Exit(1)
			}
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
