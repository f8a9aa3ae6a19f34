package result

import "maps"

// Facts are what there is to tell of a warning or of a finding besides its code.
// Package report has a sentence for each code.
type Facts struct {
	Numbers Numbers           `json:"numbers,omitempty"`
	Words   map[string]string `json:"words,omitempty"` // names, addresses, one of a few known words
}

// Numbers are figures in base units, which their names say: a time ends in _ns or
// _seconds, bytes in _bytes, a share in _share, what several cores do in _cores, a
// mean in _mean; the others are counts, or the numbers of ports and processes.
type Numbers map[string]float64

// number is the facts with one number more. What several have in common is not changed.
func (f Facts) number(name string, v float64) Facts {
	if f.Numbers = maps.Clone(f.Numbers); f.Numbers == nil {
		f.Numbers = Numbers{}
	}
	f.Numbers[name] = v
	return f
}

// word is the facts with one word or sentence more; of an empty one they stay as they
// are.
func (f Facts) word(name, word string) Facts {
	if word == "" {
		return f
	}
	if f.Words = maps.Clone(f.Words); f.Words == nil {
		f.Words = map[string]string{}
	}
	f.Words[name] = word
	return f
}
