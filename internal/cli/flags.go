package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Flags declares the flags of a command, in the order and the groups in which
// its help shows them.
type Flags struct {
	set    *pflag.FlagSet
	groups []group
	at     int // the group that Add adds to
}

// group is some flags under one heading.
type group struct {
	title string
	flags []*flag
}

// flag is one of them, as it was declared.
type flag struct {
	*pflag.Flag
	as   string // what stands for the value: N|auto
	note string // behind the default: (default auto: what memory holds)
	rare bool
	left bool // out of this help; it is explained elsewhere
}

// NewFlags is no flags yet. Those that are added before the first Group have no
// heading.
func NewFlags() *Flags {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	set.SortFlags = false
	return &Flags{set: set, groups: []group{{}}}
}

// Group begins a heading; one that is there already goes on.
func (f *Flags) Group(title string) {
	f.at = slices.IndexFunc(f.groups, func(g group) bool { return g.title == title })
	if f.at < 0 {
		f.at = len(f.groups)
		f.groups = append(f.groups, group{title: title})
	}
}

// An Option says more of a flag.
type Option func(*flag)

// Note stands behind the default in the help: what an "auto" means.
func Note(text string) Option { return func(f *flag) { f.note = text } }

// Unset is a default that no value stands for: what is done where the flag is
// not given.
func Unset(text string) Option { return func(f *flag) { f.DefValue, f.note = "", text } }

// Rare leaves a flag's sentence out of --help, where its name stands among those
// that --help-all explains.
func Rare(f *flag) { f.rare = true }

// Hidden leaves a flag out of every help: it is for our own processes.
func Hidden(f *flag) { f.Hidden = true }

// Add declares a flag. The value holds its default; as stands for the value in
// the help. An option that is nil says nothing.
func (f *Flags) Add(v Value, name, as, sentence string, options ...Option) {
	one := &flag{Flag: &pflag.Flag{Name: name, Usage: sentence, Value: v, DefValue: v.String()}, as: as}
	if v.Type() == typeSwitch {
		one.NoOptDefVal = "true"
	}
	for _, option := range options {
		if option != nil {
			option(one)
		}
	}
	f.set.AddFlag(one.Flag)
	f.groups[f.at].flags = append(f.groups[f.at].flags, one)
}

// TakesValue says whether the word behind a flag is its value.
func (f *Flags) TakesValue(name string) bool {
	one := f.set.Lookup(name)
	return one != nil && one.NoOptDefVal == ""
}

// Given says whether a flag is on the command line.
func (f *Flags) Given(name string) bool { return f.set.Changed(name) }

// Only leaves all flags but these out of the help, which another command's has.
func (f *Flags) Only(names ...string) {
	for _, g := range f.groups {
		for _, one := range g.flags {
			one.left = !slices.Contains(names, one.Name)
		}
	}
}

// Names are the flags that are on the command line, in the order of the help.
func (f *Flags) Names() (names []string) {
	for _, g := range f.groups {
		for _, one := range g.flags {
			if one.Changed {
				names = append(names, one.Name)
			}
		}
	}
	return names
}

// Standing are the flags whose value stands in the help for such a word: FILE, CMD.
func (f *Flags) Standing(words ...string) (names []string) {
	for _, g := range f.groups {
		for _, one := range g.flags {
			for as := range strings.SplitSeq(one.as, "|") {
				if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(as, w) }) {
					names = append(names, one.Name)
					break
				}
			}
		}
	}
	return names
}

// Repeated are the flags of those names that are on the command line, as one
// would type them again.
func (f *Flags) Repeated(names ...string) (words []string) {
	for _, name := range names {
		switch one := f.set.Lookup(name); {
		case one == nil || !one.Changed:
		case one.NoOptDefVal != "":
			words = append(words, "--"+name+"="+one.Value.String())
		default:
			words = append(words, "--"+name, shellWord(one.Value.String()))
		}
	}
	return words
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:/%@+="
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
