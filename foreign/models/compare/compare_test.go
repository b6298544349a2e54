package main

import (
	"strings"
	"testing"

	"weipay-foreign-models/model"
)

func operations(t *testing.T, lines string) []model.Operation {
	t.Helper()
	read, err := model.Read(strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

const ours = `{"method":"GET","path":"v3/x/{id}","request":{"path":[{"name":"id","type":"string","required":true}]},
	"response":[{"name":"a","type":"object","fields":[{"name":"b","type":"string","required":true,"enum":["ONE"]}]},
	            {"name":"here","type":"string"}]}`

const theirs = `{"method":"GET","path":"v3/x/{x_id}","request":{"path":[{"name":"x_id","type":"string","required":true}]},
	"response":[{"name":"a","type":"object[]","fields":[{"name":"b","type":"string","required":false,"enum":["ONE","TWO"],
	            "encrypted":"rsa-pubkey"}]},{"name":"there","type":"string"}]}`

func TestEveryKindOfDifferenceIsFoundAndPlaceholdersAreNone(t *testing.T) {
	_, found := compare(operations(t, ours), operations(t, theirs), operations(t, theirs))
	for _, line := range []string{
		"only-sdk GET v3/x/{id} answer there",
		"only-catalogue GET v3/x/{id} answer here",
		"type GET v3/x/{id} answer a object[] in the SDK, object here",
		"catalogue-requires GET v3/x/{id} answer a.b",
		"encrypted GET v3/x/{id} answer a.b rsa-pubkey in the SDK, plain here",
		"values GET v3/x/{id} answer a.b TWO",
	} {
		said := 0
		for one, sdks := range found {
			if one.String() == line && strings.Join(sdks, " ") == "Go Java" {
				said++
			}
		}
		if said != 1 {
			t.Errorf("not found once for both SDKs: %s in %v", line, found)
		}
	}
	if len(found) != 6 {
		t.Errorf("%v", found)
	}
}

func TestAnOperationThatTheCatalogueLacksIsADifference(t *testing.T) {
	_, found := compare(nil, operations(t, theirs), nil)
	if _, ok := found[difference{onlySDK, "GET v3/x/{x_id}", "path", "-", ""}]; !ok || len(found) != 1 {
		t.Errorf("%v", found)
	}
}

func TestWhatHasNoReasonAndWhatExplainsNothingAreComplainedOf(t *testing.T) {
	_, found := compare(operations(t, ours), operations(t, theirs), nil)
	reasons, err := parse("intro\n## Newer\nProse.\n\n    only-* GET v3/* answer *here\n    type GET v3/* json *\n")
	if err != nil {
		t.Fatal(err)
	}
	explained, complaints := explain(found, reasons)
	if len(explained[reasons[0]]) != 2 {
		t.Errorf("%v", explained)
	}
	said := strings.Join(complaints, "\n")
	if !strings.Contains(said, "explains nothing: type GET v3/* json *") || strings.Count(said, "unexplained:") != 4 {
		t.Error(said)
	}
}
