package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
)

// MaxFile bounds a result file, bytes.
const MaxFile = 64 << 20

// Write writes the result file: one JSON object, indented. A number that JSON
// cannot hold (NaN, an infinity) is an error that names its field.
func Write(w io.Writer, r *Result) error {
	if err := finite(r); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// Read reads a result file. It refuses another schema, what is not JSON, and
// numbers that cannot be (Check), each in one line that says what was wrong.
// Fields it does not know are passed over: a later version may have more.
func Read(rd io.Reader) (*Result, error) {
	b, err := io.ReadAll(io.LimitReader(rd, MaxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read result: %w", err)
	case len(b) > MaxFile:
		return nil, fmt.Errorf("read result: larger than %d bytes", MaxFile)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff")) // a byte order mark, which editors of Windows put there
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := decode(b, &head); err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	switch {
	case head.Schema == nil:
		return nil, fmt.Errorf("read result: no schema, want %q: not a result file of c10m", Schema)
	case strings.HasPrefix(*head.Schema, "c10m/compare/"), strings.HasPrefix(*head.Schema, "c10m/bench/"):
		return nil, fmt.Errorf("read result: schema %q: a comparison of runs, want a run, %q", *head.Schema, Schema)
	case *head.Schema != Schema && *head.Schema != schema1:
		return nil, fmt.Errorf("read result: schema %q, want %q", *head.Schema, Schema)
	}
	r := new(Result)
	if err := decode(b, r); err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	return r, nil
}

// decode is json.Unmarshal with errors that say where and what.
func decode(b []byte, to any) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return errors.New("it is empty")
	}
	err := json.Unmarshal(b, to)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(b)) && strings.Contains(syntax.Error(), "unexpected end"):
		return fmt.Errorf("broken JSON: it ends early, after %d bytes", len(b))
	case errors.As(err, &syntax):
		return fmt.Errorf("broken JSON at byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("a JSON %s, want an object", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: a JSON %s, want %s", kind.Field, kind.Value, kind.Type)
	}
	return err
}

// finite says which number JSON cannot hold.
func finite(r *Result) error {
	if field := notFinite(reflect.ValueOf(r), ""); field != "" {
		return fmt.Errorf("%s is not a finite number", field)
	}
	return nil
}

// notFinite names the first field that is NaN or infinite, by its path in the
// file; "" if there is none.
func notFinite(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return notFinite(v.Elem(), path)
		}
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return strings.TrimPrefix(path, ".")
		}
	case reflect.Slice:
		for i := range v.Len() {
			if bad := notFinite(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); bad != "" {
				return bad
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if bad := notFinite(v.MapIndex(key), fmt.Sprintf("%s.%v", path, key)); bad != "" {
				return bad
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" { // what is embedded is a part of this level
				name = "." + name
			}
			if bad := notFinite(v.Field(i), path+name); bad != "" {
				return bad
			}
		}
	}
	return ""
}
