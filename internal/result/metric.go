package result

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/c10m/c10m/internal/unit"
)

// Metric is one number of a result file, named by its dotted path:
// setup.rate, memory.caches.TCP.bytes_per_conn, conns.errors.connect_refused.
type Metric struct {
	Path string
	Kind unit.Kind // decides which units it may be given
}

// ParseMetric finds the number that name means: a path in full, or its last
// words where only one path ends so (total_bytes_per_conn is
// memory.total_bytes_per_conn). The parts of a list go by their names.
func ParseMetric(name string) (Metric, error) {
	if rest, ok := strings.CutPrefix(name, ofBest); ok {
		m, err := ParseMetric(rest)
		return Metric{ofBest + m.Path, m.Kind}, err
	}
	words := strings.Split(name, ".")
	var exact, short, wild []string
	for _, pattern := range patterns() {
		full, literal, ok := match(strings.Split(pattern, "."), words)
		switch {
		case !ok:
		case full == name && literal == len(words):
			exact = append(exact, full)
		case literal == len(words):
			short = append(short, full)
		default:
			wild = append(wild, full)
		}
	}
	for _, found := range [][]string{exact, short, wild} {
		switch len(found) {
		case 0:
			continue
		case 1:
			return Metric{found[0], kindOf(found[0])}, nil
		}
		return Metric{}, fmt.Errorf("%q may be %s: name one of them", name, strings.Join(found, ", "))
	}
	return Metric{}, fmt.Errorf("%q is no number of a result file%s", name, similar(words[len(words)-1]))
}

// ofBest begins the paths of the numbers of a sweep's best variant, Sweep.Best.
const ofBest = "sweep.best."

// match lays words over the end of a pattern, whose * stands for any word, and
// gives the path in full and how many words are literally the pattern's. A part
// of a list must be named with its list.
func match(pattern, words []string) (full string, literal int, ok bool) {
	if len(words) > len(pattern) {
		return "", 0, false
	}
	head := pattern[:len(pattern)-len(words)]
	if slices.Contains(head, "*") || len(pattern) > 1 && pattern[len(head)] == "*" {
		return "", 0, false
	}
	for i, p := range pattern[len(head):] {
		switch {
		case p == words[i]:
			literal++
		case p != "*" || words[i] == "":
			return "", 0, false
		}
	}
	return strings.Join(append(slices.Clone(head), words...), "."), literal, literal > 0
}

// similar lists a few numbers whose last word looks like one that is none.
func similar(word string) string {
	var list []string
	for _, pattern := range patterns() {
		last := pattern[strings.LastIndexByte(pattern, '.')+1:]
		if word != "" && (strings.Contains(last, word) || strings.Contains(word, last) && len(last) > 3) &&
			len(list) < 4 {
			list = append(list, strings.ReplaceAll(pattern, "*", "NAME"))
		}
	}
	if len(list) == 0 {
		list = []string{"memory.total_bytes_per_conn", "setup.rate", "setup.latency.p99", "conns.failed"}
	}
	return ": legal are the file's fields, like " + strings.Join(list, ", ")
}

// kindOf is told by a number's name.
func kindOf(path string) unit.Kind {
	words := strings.Split(path, ".")
	last, parent := words[len(words)-1], ""
	if len(words) > 1 {
		parent = words[len(words)-2]
	}
	switch {
	case last == "count":
		return unit.InCount
	case slices.Contains([]string{"latency", "verify_latency", "connect", "handshake", "gap", "delay", "whole"},
		parent),
		strings.HasSuffix(last, "_ns"),
		parent == "plan" && slices.Contains([]string{"hold", "interval", "keepalive", "connect_timeout", "ping",
			"ping_timeout"}, last):
		return unit.InNanos
	case (parent == "server" || parent == "kernel") && len(words) > 2 && words[len(words)-3] == "soak" &&
		last != "judged_seconds":
		return unit.InBytes
	case strings.HasSuffix(last, "seconds"):
		return unit.InSeconds
	case strings.Contains(last, "bytes"), last == "slope",
		slices.Contains([]string{"plain", "before", "held", "after", "server_before", "server_after"}, parent):
		return unit.InBytes
	case last == "r2", strings.HasSuffix(last, "share"):
		return unit.InShare
	case last == "rate", strings.HasSuffix(last, "_rate"), last == "rate_per_conn",
		strings.HasSuffix(last, "per_second"):
		return unit.InPerSecond
	}
	return unit.InCount
}

// Numbers are all numbers of a result by their paths, as its file has them:
// what was not measured is absent. Failures that did not happen are not in the
// file; they were counted all the same, see Metric.Of.
func (r *Result) Numbers() (map[string]float64, error) {
	if err := finite(r); err != nil {
		return nil, err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var fields any
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, err
	}
	all := map[string]float64{}
	gather(reflect.TypeFor[Result](), fields, "", all)
	if c := r.Churn; c != nil && !c.Exhausts {
		all["churn.exhausted_after_seconds"] = math.Inf(1) // never, which is not the same as not measured
	}
	return all, nil
}

// Of is the metric's value among the numbers of a result. What was looked for and is
// no finding has no severity: 0.
func (m Metric) Of(numbers map[string]float64) (v float64, measured bool) {
	if v, measured = numbers[m.Path]; measured {
		return v, true
	}
	if before, is := strings.CutSuffix(m.Path, ".severity"); is {
		if code, is := m.Finding(); is { // where somebody looked, Usage is there
			_, measured = numbers[strings.TrimSuffix(before, "findings."+code)+"usage.core_count"]
			return 0, measured
		}
	}
	if at := strings.LastIndex(m.Path, ".errors."); at >= 0 {
		_, measured = numbers[m.Path[:at+len(".errors")]]
	}
	return 0, measured
}

// Cause is the cause of failures that the metric counts; not ok for any other
// number. Which ones there are, who counts them knows.
func (m Metric) Cause() (name string, ok bool) {
	at := strings.LastIndexByte(m.Path, '.')
	return m.Path[at+1:], at > 0 && strings.HasSuffix(m.Path[:at], ".errors")
}

// Finding is the code of the finding that the metric is a number of; not ok for any
// other number. Which codes there are, package diagnose knows.
func (m Metric) Finding() (code string, ok bool) {
	words := strings.Split(strings.TrimPrefix(m.Path, ofBest), ".")
	if words[0] != "findings" || len(words) < 3 {
		return "", false
	}
	return words[1], true
}

// gather walks a file's value along its type.
func gather(t reflect.Type, v any, path string, into map[string]float64) {
	t = pointed(t)
	switch v := v.(type) {
	case float64:
		into[path] = v
	case map[string]any:
		if t == reflect.TypeFor[Medians]() || t == reflect.TypeFor[Numbers]() {
			for name, n := range v {
				into[path+"."+name], _ = n.(float64)
			}
			return
		}
		if t.Kind() == reflect.Map {
			if !isNumber(t.Elem()) {
				return
			}
			sum := 0.0
			for name, n := range v {
				gather(t.Elem(), n, path+"."+name, into)
				sum += into[path+"."+name]
			}
			into[path] = sum
			return
		}
		for _, f := range fieldsOf(t) {
			if inner, ok := v[f.name]; ok {
				gather(f.typ, inner, join(path, f.name), into)
			} else if pointed(f.typ) == reflect.TypeFor[ErrorCounts]() && !unexplained(v) {
				into[join(path, f.name)] = 0
			}
		}
	case []any:
		seen := map[string]bool{} // of several findings of one code the first is the severest
		for _, part := range v {
			fields, _ := part.(map[string]any)
			if name, _ := fields[key(t.Elem())].(string); name != "" && !seen[name] {
				seen[name] = true
				gather(t.Elem(), fields, path+"."+name, into)
			}
		}
	}
}

// unexplained says whether a file's connections failed or were lost, though it
// names no causes: one from before they were counted for each protocol.
func unexplained(conns map[string]any) bool {
	failed, _ := conns["failed"].(float64)
	lost, _ := conns["lost"].(float64)
	return failed+lost > 0
}

// patterns are the paths of all numbers a file may have; * stands for a name.
var patterns = sync.OnceValue(func() []string {
	var list []string
	var walk func(t reflect.Type, path string, above []reflect.Type)
	walk = func(t reflect.Type, path string, above []reflect.Type) {
		t = pointed(t)
		if slices.Contains(above, t) {
			return
		}
		above = append(slices.Clone(above), t)
		switch {
		case isNumber(t):
			list = append(list, path)
		case t == reflect.TypeFor[Medians](): // ParseMetric knows them
		case t == reflect.TypeFor[Numbers]():
			list = append(list, path+".*")
		case t.Kind() == reflect.Map && isNumber(t.Elem()):
			list = append(list, path)
			walk(t.Elem(), path+".*", above)
		case t.Kind() == reflect.Slice && key(t.Elem()) != "":
			walk(t.Elem(), path+".*", above)
		case t.Kind() == reflect.Struct:
			for _, f := range fieldsOf(t) {
				walk(f.typ, join(path, f.name), above)
			}
		}
	}
	walk(reflect.TypeFor[Result](), "", nil)
	return list
})

func isNumber(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64, reflect.Int32, reflect.Uint32:
		return true
	}
	return false
}

type field struct {
	name string
	typ  reflect.Type
}

// fieldsOf are a struct's fields in the file, embedded ones among them. What came of
// thresholds, doubts, and what a type has of itself have no numbers for others.
func fieldsOf(t reflect.Type) (list []field) {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			list = append(list, fieldsOf(pointed(f.Type))...)
		case f.Type == reflect.TypeFor[[]Verdict](), f.Type == reflect.TypeFor[[]Warning](), pointed(f.Type) == t:
		case f.IsExported() && name != "" && name != "-":
			list = append(list, field{name, f.Type})
		}
	}
	return list
}

// key is the field that names the parts of a list; "" if they have no names.
func key(t reflect.Type) string {
	for _, want := range []string{"name", "over", "proto", "code"} {
		for _, f := range fieldsOf(pointed(t)) {
			if f.name == want && f.typ.Kind() == reflect.String {
				return want
			}
		}
	}
	return ""
}

func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
