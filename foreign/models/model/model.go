// Package model is what the readers write and the comparison reads: operations with their fields, one JSON object a line, in
// the words of the catalogue's own export.
package model

import (
	"bufio"
	"encoding/json"
	"io"
)

// Operation is one call. Name says which method of an SDK it was read from.
type Operation struct {
	Method   string  `json:"method"`
	Path     string  `json:"path"`
	Name     string  `json:"name,omitempty"`
	Request  Request `json:"request"`
	Response []Field `json:"response"`
}

// Request is the fields of a request by their place.
type Request struct {
	Path    []Field `json:"path,omitempty"`
	Query   []Field `json:"query,omitempty"`
	Headers []Field `json:"headers,omitempty"`
	JSON    []Field `json:"json,omitempty"`
	Body    []Field `json:"body,omitempty"`
}

// Field is a member of a place or of another field. Required is nil where an SDK does not say.
type Field struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Required  *bool    `json:"required,omitempty"`
	Format    string   `json:"format,omitempty"`
	Enum      []string `json:"enum,omitempty"`
	Fields    []Field  `json:"fields,omitempty"`
	Encrypted string   `json:"encrypted,omitempty"`
}

// Sealed is how the catalogue marks a value that travels encrypted with an RSA key.
const Sealed = "rsa-pubkey"

// Read reads one operation a line.
func Read(from io.Reader) ([]Operation, error) {
	var operations []Operation
	decoder := json.NewDecoder(bufio.NewReader(from))
	for {
		var operation Operation
		if err := decoder.Decode(&operation); err == io.EOF {
			return operations, nil
		} else if err != nil {
			return nil, err
		}
		operations = append(operations, operation)
	}
}

// Write writes one operation a line.
func Write(to io.Writer, operations []Operation) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	for _, operation := range operations {
		if err := encoder.Encode(operation); err != nil {
			return err
		}
	}
	return nil
}
