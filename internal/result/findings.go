package result

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Finding is one thing that limits a run, or soon would: what it is, by its code, and
// the facts that were seen. Package report says what it means and what helps.
type Finding struct {
	Code string `json:"code"`
	// Severity orders findings, 0..100: Limits and above is what the run fell
	// short for, Strains and above what will be next, below that a remark.
	Severity int `json:"severity"`
	Facts
	// On names the agents of a fleet that found it, the one first whose facts these are:
	// that found it severest. Differ says that others' facts are not the same.
	On     []string `json:"on,omitempty"`
	Differ bool     `json:"facts_differ,omitempty"`
}

// The marks of Finding.Severity.
const (
	Limits  = 80
	Strains = 50
)

// Found is a finding without facts.
func Found(code string, severity int) Finding { return Finding{Code: code, Severity: severity} }

// Number is the finding with one number more.
func (f Finding) Number(name string, v float64) Finding {
	f.Facts = f.number(name, v)
	return f
}

// Count is the finding with one count more.
func (f Finding) Count(name string, n int64) Finding { return f.Number(name, float64(n)) }

// Word is the finding with one word more; of an empty one it stays as it is.
func (f Finding) Word(name, word string) Finding {
	f.Facts = f.word(name, word)
	return f
}

// Told are the sentences of a finding.
type Told struct{ Name, Evidence, Meaning, Cure string }

// Stored are the sentences of a file from before findings were data.
func (f Finding) Stored() (t Told, stored bool) {
	w := f.Words
	t = Told{w["name"], w["evidence"], w["meaning"], w["cure"]}
	return t, t.Name != ""
}

// UnmarshalJSON takes sentences, too: they are the facts then, and the code is made of
// the name.
func (f *Finding) UnmarshalJSON(b []byte) error {
	type plain Finding
	if err := json.Unmarshal(b, (*plain)(f)); err != nil || f.Code != "" {
		return err
	}
	var told Told // encoding/json does not tell upper case from lower
	if err := json.Unmarshal(b, &told); err != nil {
		return err
	}
	f.Code = codeOf(told.Name)
	*f = f.Word("name", told.Name).Word("evidence", told.Evidence).Word("meaning", told.Meaning).
		Word("cure", told.Cure)
	return nil
}

// codeOf is a name in small letters and digits, with _ between its words. The names
// of findings in older files become the codes of today.
func codeOf(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), "_")
}

// whose names the end that a finding is of where a run may have it of both.
const whose = "whose"

// mergeFindings unites the findings of several parts, severest first. Two of one code,
// and of one end, become one, which has the severer one's facts: they are of one
// machine at one time, and no sum of two machines' queues or shares is right.
func mergeFindings(a, b []Finding) []Finding {
	for _, f := range b {
		known := slices.IndexFunc(a, func(g Finding) bool {
			return g.Code == f.Code && g.Words[whose] == f.Words[whose]
		})
		switch {
		case known < 0:
			a = bySeverity(a, f)
		case a[known].Severity >= f.Severity:
			a[known] = severer(a[known], f)
		default:
			f = severer(f, a[known])
			a = bySeverity(slices.Delete(a, known, known+1), f)
		}
	}
	return a
}

// bySeverity puts a finding in its place, behind those as severe.
func bySeverity(list []Finding, f Finding) []Finding {
	at := slices.IndexFunc(list, func(g Finding) bool { return g.Severity < f.Severity })
	if at < 0 {
		at = len(list)
	}
	return slices.Insert(list, at, f)
}

// severer is a, which is the severer, with the agents of both.
func severer(a, b Finding) Finding {
	a.Differ = len(a.On) > 0 && len(b.On) > 0 &&
		(a.Differ || b.Differ || !reflect.DeepEqual(a.Facts, b.Facts))
	a.On = union(slices.Clone(a.On), b.On)
	return a
}
