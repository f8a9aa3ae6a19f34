package report

import (
	"reflect"

	"github.com/c10m/c10m/internal/plan"
)

// legible is v without control characters in its strings. A result file may come
// from anybody, and some of its strings from a server that is not ours: a terminal
// must not interpret them (ECMA-48). The page does not need this, its template
// escapes.
func legible[T any](v T) (out T) {
	copyLegible(reflect.ValueOf(&out).Elem(), reflect.ValueOf(&v).Elem())
	return out
}

// copyLegible copies in to out, all the way down.
func copyLegible(out, in reflect.Value) {
	switch in.Kind() {
	case reflect.String:
		out.SetString(plan.OneLine(in.String()))
	case reflect.Interface: // the cells of a table
		if s, ok := in.Interface().(string); ok {
			out.Set(reflect.ValueOf(plan.OneLine(s)))
		} else {
			out.Set(in)
		}
	case reflect.Pointer:
		if !in.IsNil() {
			out.Set(reflect.New(in.Type().Elem()))
			copyLegible(out.Elem(), in.Elem())
		}
	case reflect.Struct:
		out.Set(in) // what cannot be set by name, like the inside of a time
		for i := range in.NumField() {
			if in.Type().Field(i).IsExported() {
				copyLegible(out.Field(i), in.Field(i))
			}
		}
	case reflect.Slice:
		if !in.IsNil() {
			out.Set(reflect.MakeSlice(in.Type(), in.Len(), in.Len()))
			for i := range in.Len() {
				copyLegible(out.Index(i), in.Index(i))
			}
		}
	case reflect.Map:
		if !in.IsNil() {
			out.Set(reflect.MakeMapWithSize(in.Type(), in.Len()))
			for _, k := range in.MapKeys() {
				key, value := reflect.New(k.Type()).Elem(), reflect.New(in.Type().Elem()).Elem()
				copyLegible(key, k)
				copyLegible(value, in.MapIndex(k))
				out.SetMapIndex(key, value)
			}
		}
	default:
		out.Set(in)
	}
}
