package result

import (
	"maps"
	"slices"
	"strconv"
)

// Fault is an error that is told as a Warning is, by its code and its facts: why a run
// cannot be made, or what it needs cannot be had. Package report has a sentence for
// each code.
type Fault struct {
	What Warning
	Err  error // what it is, or follows from, as far as errors.Is is asked for it
}

// Error is the code and the facts, in a form for logs and tests. For a user see
// report.Error.
func (f *Fault) Error() string { return f.What.plain() }

func (f *Fault) Unwrap() error { return f.Err }

func (w Warning) plain() string {
	said := w.Code
	for _, name := range slices.Sorted(maps.Keys(w.Numbers)) {
		said += " " + name + "=" + strconv.FormatFloat(w.Numbers[name], 'g', -1, 64)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Words)) {
		said += " " + name + "=" + strconv.Quote(w.Words[name])
	}
	if w.Cause != nil {
		said += ": " + w.Cause.plain()
	}
	return said
}

// AsWarning is an error as a warning: that of a Fault, and of any other its text.
func AsWarning(err error) Warning {
	if f, is := err.(*Fault); is { // not errors.As: the words around a fault count, too
		return f.What
	}
	return Warning{}.Word(text, err.Error())
}

// Because is the warning with the error that it follows from, which is its "why".
func (w Warning) Because(err error) Warning {
	cause := AsWarning(err)
	if said, plain := cause.Text(); plain {
		return w.Word("why", said)
	}
	w.Cause = &cause
	return w
}
