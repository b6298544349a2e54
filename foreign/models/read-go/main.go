// Command read-go writes the operations of the official Go SDK, one JSON object a line. It reads the SDK's sources, not the
// running SDK: services build paths, queries and bodies in a regular, generated way, and models say the rest in tags.
//
//	read-go FOLDER_OF_THE_SDK
package main

import (
	"fmt"
	"os"

	"weipay-foreign-models/model"
)

func main() {
	operations, err := read(os.Args[1])
	if err == nil {
		err = model.Write(os.Stdout, operations)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(sdk string) ([]model.Operation, error) {
	sources, err := load(sdk + "/services")
	if err != nil {
		return nil, err
	}
	var operations []model.Operation
	for _, method := range sources.methods {
		if found, ok := method.operation(); ok {
			operations = append(operations, found)
		}
	}
	if len(operations) == 0 {
		return nil, fmt.Errorf("no operations found under %s", sdk)
	}
	return operations, nil
}
