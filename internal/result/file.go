package result

import (
	"encoding/json"
	"fmt"
	"io"
)

// maxFile bounds a result file.
const maxFile = 64 << 20

// Write writes the result file: one JSON object, indented.
func Write(w io.Writer, r *Result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// Read reads a result file. It refuses another schema and numbers that cannot
// be.
func Read(rd io.Reader) (*Result, error) {
	d := json.NewDecoder(io.LimitReader(rd, maxFile))
	var r Result
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("read result: not a JSON object of a run: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("read result: schema %q, want %q", r.Schema, Schema)
	}
	if err := r.Conns.check(); err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	return &r, nil
}

func (c Conns) check() error {
	switch {
	case c.Attempted < 0 || c.Established < 0 || c.Failed < 0 || c.Lost < 0:
		return fmt.Errorf("conns: a count is negative: %d attempted, %d established, %d failed, %d lost", c.Attempted, c.Established, c.Failed, c.Lost)
	case c.Attempted != c.Established+c.Failed:
		return fmt.Errorf("conns: %d attempted is not %d established + %d failed", c.Attempted, c.Established, c.Failed)
	case c.Lost > c.Established:
		return fmt.Errorf("conns: %d lost is more than %d established", c.Lost, c.Established)
	}
	return nil
}
