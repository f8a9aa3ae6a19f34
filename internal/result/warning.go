package result

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// Warning is a doubt about a run: what happened, by its code, and the facts that
// belong to it. Package report has a sentence for each code.
type Warning struct {
	Code string `json:"code"`
	Facts
	Cause *Warning `json:"cause,omitempty"` // in place of a word "why", which it gives
	// On names the agents of a fleet that warned so; where their facts differ they are
	// the first one's.
	On     []string `json:"on,omitempty"`
	Differ bool     `json:"facts_differ,omitempty"`
}

// text is the only fact of a Warning without a code: the sentence that a file of
// c10m/result/1 has in its place.
const text = "text"

// Warn is a warning without facts.
func Warn(code string) Warning { return Warning{Code: code} }

// Number is the warning with one number more.
func (w Warning) Number(name string, v float64) Warning {
	w.Facts = w.number(name, v)
	return w
}

// Count is the warning with one count more.
func (w Warning) Count(name string, n int64) Warning { return w.Number(name, float64(n)) }

// Word is the warning with one word or sentence more; of an empty one it stays as it
// is.
func (w Warning) Word(name, word string) Warning {
	w.Facts = w.word(name, word)
	return w
}

// Text is the sentence of a file of c10m/result/1.
func (w Warning) Text() (sentence string, stored bool) {
	return w.Words[text], w.Code == ""
}

// UnmarshalJSON takes a sentence, too.
func (w *Warning) UnmarshalJSON(b []byte) error {
	var sentence string
	if json.Unmarshal(b, &sentence) == nil {
		*w = Warning{}.Word(text, sentence)
		return nil
	}
	type plain Warning
	return json.Unmarshal(b, (*plain)(w))
}

// MarshalJSON writes what was a sentence as one again.
func (w Warning) MarshalJSON() ([]byte, error) {
	if sentence, stored := w.Text(); stored {
		return json.Marshal(sentence)
	}
	type plain Warning
	return json.Marshal(plain(w))
}

// warn keeps each warning once. Those of several agents are one if they are about
// the same thing: then it says of which agents.
func (r *Result) warn(w Warning) {
	for i := range r.Warnings {
		v := &r.Warnings[i]
		switch same := reflect.DeepEqual(v.alone(), w.alone()); {
		case same && len(v.On)+len(w.On) == 0:
			return
		case len(v.On) > 0 && len(w.On) > 0 && v.subject() == w.subject():
			v.On, v.Differ = union(v.On, w.On), v.Differ || w.Differ || !same
			return
		}
	}
	r.Warnings = append(r.Warnings, w)
}

// alone is the warning without who said it.
func (w Warning) alone() Warning {
	w.On, w.Differ = nil, false
	return w
}

// subject is what a warning is about: its code and its words, but for those that say
// how much and what helps.
func (w Warning) subject() string {
	said := w.Code
	for _, name := range slices.Sorted(maps.Keys(w.Words)) {
		if name != "why" && name != "cure" {
			said += "\n" + name + "=" + w.Words[name]
		}
	}
	return said
}
