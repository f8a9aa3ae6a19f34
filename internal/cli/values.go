package cli

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/c10m/c10m/internal/unit"
)

// Value is what a flag sets. The types of package unit are some.
type Value = pflag.Value

// typeSwitch is the type of values that a flag without a value sets to true.
const typeSwitch = "bool"

// bounded is a value that may be only some of what its type can hold.
type bounded struct {
	Value
	legal string // "the legal range is 1..4096"
	ok    func() bool
}

func (b *bounded) Set(s string) error {
	if err := b.Value.Set(s); err != nil {
		return err
	}
	if !b.ok() {
		return errors.New(b.legal)
	}
	return nil
}

// Legal is what may be given, for documents.
func (b *bounded) Legal() string { return b.legal }

// within bounds a value that is kept in p.
func within[T int | int64 | float64 | time.Duration](v Value, p *T, low, high T, write func(T) string) Value {
	return &bounded{v, "the legal range is " + write(low) + ".." + write(high), func() bool {
		return *p >= low &&
			*p <= high
	}}
}

// Int is a whole number kept in p, from low to high. It is written as a count.
func Int(p *int, value, low, high int) Value {
	return within(unit.NewInt(p, value), p, low, high, func(n int) string { return strconv.Itoa(n) })
}

// Count is a count or "auto", from 1 to high.
func Count(c *unit.Count, high int64) Value {
	legal := fmt.Sprintf("the legal range is 1..%d, or auto", high)
	return &bounded{c, legal, func() bool { return c.Auto || c.N >= 1 && c.N <= high }}
}

// Number is a count kept in p, from low to high, without "auto".
func Number(p *int64, value, low, high int64) Value {
	*p = value
	return within((*number)(p), p, low, high, func(n int64) string { return strconv.FormatInt(n, 10) })
}

type number int64

func (n *number) String() string { return strconv.FormatInt(int64(*n), 10) }
func (*number) Type() string     { return "count" }

func (n *number) Set(s string) error {
	v, err := unit.ParseCount(s)
	*n = number(v)
	return err
}

// Size is bytes kept in p, from low to high.
func Size(p *int64, value, low, high int64) Value {
	*p = value
	return within((*unit.Size)(p), p, low, high, func(n int64) string { return (*unit.Size)(&n).String() })
}

// Time is a time kept in p, from low to high.
func Time(p *time.Duration, value, low, high time.Duration) Value {
	return within(unit.NewDuration(p, value), p, low, high, timeText)
}

// TimeOrZero is a time kept in p, or 0, which means what zero says.
func TimeOrZero(p *time.Duration, value time.Duration, zero string, low, high time.Duration) Value {
	legal := fmt.Sprintf("the legal values are 0 (%s) and %s..%s", zero, timeText(low), timeText(high))
	ok := func() bool { return *p == 0 || *p >= low && *p <= high }
	return &orZero{bounded{unit.NewDuration(p, value), legal, ok}, zero}
}

// orZero is a value whose 0 means something else.
type orZero struct {
	bounded
	zero string
}

// Zero is what 0 means.
func (z *orZero) Zero() string { return z.zero }

// NumberOrZero is a count kept in p, or 0, which means what zero says.
func NumberOrZero(p *int64, value int64, zero string, low, high int64) Value {
	*p = value
	legal := fmt.Sprintf("the legal values are 0 (%s) and %d..%d", zero, low, high)
	return &orZero{bounded{(*number)(p), legal, func() bool { return *p == 0 || *p >= low && *p <= high }}, zero}
}

// SizeOrZero is bytes kept in p, or 0, which means what zero says.
func SizeOrZero(p *int64, value int64, zero string, low, high int64) Value {
	*p = value
	v := within((*unit.Size)(p), p, low, high, func(n int64) string { return (*unit.Size)(&n).String() }).(*bounded)
	legal := strings.Replace(v.legal, "the legal range is", "the legal values are 0 ("+zero+") and", 1)
	return &orZero{bounded{v.Value, legal, func() bool { return *p == 0 || v.ok() }}, zero}
}

func timeText(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return (*unit.Duration)(&d).String()
}

// Float is a number kept in p, from low to high; not NaN.
func Float(p *float64, value, low, high float64) Value {
	*p = value
	return within((*float)(p), p, low, high, func(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) })
}

// Share is a part of a whole kept in p, from low to high.
func Share(p *float64, value, low, high float64) Value {
	return within(unit.NewShare(p, value), p, low, high, func(n float64) string {
		return strconv.FormatFloat(n, 'g', -1,
			64)
	})
}

type float float64

func (f *float) String() string { return strconv.FormatFloat(float64(*f), 'g', -1, 64) }
func (*float) Type() string     { return "number" }

func (f *float) Set(s string) error {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) {
		return fmt.Errorf("%q is not a number", s)
	}
	*f = float(v)
	return nil
}

// OneOf is one of some words, kept in p.
func OneOf[T ~string](p *T, value T, words ...T) Value {
	*p = value
	return &choice[T]{p, words}
}

type choice[T ~string] struct {
	p     *T
	words []T
}

func (c *choice[T]) String() string { return string(*c.p) }
func (*choice[T]) Type() string     { return "word" }

func (c *choice[T]) Set(s string) error {
	if !slices.Contains(c.words, T(s)) {
		return errors.New(c.Legal())
	}
	*c.p = T(s)
	return nil
}

// Words are the legal ones, for the completion of shells.
func (c *choice[T]) Words() (all []string) {
	for _, w := range c.words {
		all = append(all, string(w))
	}
	return all
}

// Legal is what may be given.
func (c *choice[T]) Legal() string { return "the legal values are " + strings.Join(c.Words(), ", ") }

// Text is any text, kept in p.
func Text(p *string, value string) Value {
	*p = value
	return (*text)(p)
}

type text string

func (t *text) String() string     { return string(*t) }
func (t *text) Set(s string) error { *t = text(s); return nil }
func (*text) Type() string         { return "text" }

// Texts is a flag that may be given several times.
func Texts(p *[]string) Value { return (*texts)(p) }

type texts []string

func (t *texts) String() string     { return strings.Join(*t, " ") }
func (t *texts) Set(s string) error { *t = append(*t, s); return nil }
func (*texts) Type() string         { return "texts" }

// Words is words parted by commas, of a flag that may be given several times.
func Words(p *[]string, check func(word string) error) Value { return &words{p, check} }

type words struct {
	p     *[]string
	check func(string) error
}

func (w *words) String() string { return strings.Join(*w.p, ",") }
func (*words) Type() string     { return "words" }

func (w *words) Set(s string) error {
	for _, word := range strings.Split(s, ",") {
		if err := w.check(word); err != nil {
			return err
		}
		*w.p = append(*w.p, word)
	}
	return nil
}

// Switch is on where the flag stands without a value.
func Switch(p *bool) Value { return (*boolean)(p) }

type boolean bool

func (b *boolean) String() string { return strconv.FormatBool(bool(*b)) }
func (*boolean) Type() string     { return typeSwitch }

func (b *boolean) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("%q: the legal values are true, false", s)
	}
	*b = boolean(v)
	return nil
}

// Parsed is a value that set reads; shown is the default in the help.
func Parsed(shown string, set func(string) error) Value { return &parsed{shown, set} }

type parsed struct {
	shown string
	set   func(string) error
}

func (p *parsed) String() string { return p.shown }
func (*parsed) Type() string     { return "text" }

func (p *parsed) Set(s string) error {
	if err := p.set(s); err != nil {
		return err
	}
	p.shown = s
	return nil
}
