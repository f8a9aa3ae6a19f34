package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/c10m/c10m/internal/plan"
)

// The exit statuses that every program has.
const (
	Done     = 0
	Short    = 1 // what was asked for did not come about
	BadUsage = 2
)

// Command is a command of a program, or the program itself.
type Command struct {
	Name     string // "apply"
	Short    string // its line in the list of commands
	Long     string // what it is for: paragraphs, wrapped as they are
	Takes    string // arguments beside flags, as the help shows them: "FILE..."
	Args     func(args []string) error
	Accepts  func(arg string) bool // arguments that are no commands; nil: none
	Flags    *Flags
	Notes    []string // paragraphs below the flags
	Details  string   // paragraphs behind them that --help has no room for
	Examples []string
	Status   string // the exit statuses, "0 all is well, 1 it is not"
	Hidden   bool
	Commands []*Command
	Run      func(context.Context, *Call) (status int, err error)
}

// Rest is the command line behind the name of the command.
func (c *Call) Rest(name string) []string {
	if at := slices.Index(c.Line, name); at > 0 {
		return slices.Concat(c.Line[1:at], c.Line[at+1:])
	}
	return c.Line[1:]
}

// Call is one call of a command, its flags parsed.
type Call struct {
	Args   []string // beside flags
	After  []string // behind "--", which are not among Args
	Line   []string // the whole command line, the program's name first
	Stdout io.Writer
	Stderr io.Writer
	*Flags
}

// prefix stands before a program's name where it is installed for everybody, beside
// other people's clients and servers.
const prefix = "c10m-"

// NameOf is what a program calls itself: c10m-NAME where it was started under that
// name (argv0 is os.Args[0]), so that help and completion fit; else NAME.
func NameOf(argv0, name string) string {
	if filepath.Base(argv0) == prefix+name {
		return prefix + name
	}
	return name
}

// Program is what a main runs.
type Program struct {
	Command
	Build Build
	// StatusOf is the exit status of an error that is no ErrUsage; nil: Short.
	StatusOf func(error) int
}

// ErrUsage marks what the user has to type otherwise: exit status 2.
var ErrUsage = errors.New("bad usage")

// usageError is such an error, without words of its own before the message.
type usageError struct{ error }

func (usageError) Is(target error) bool { return target == ErrUsage }
func (e usageError) Unwrap() error      { return e.error }

// Usage is an ErrUsage. The message names the flag, the value and what is legal.
func Usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Run parses the command line and does what it says. It returns the exit status.
// An error is one line on stderr.
func (p *Program) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	status, err := p.Execute(ctx, args, stdout, stderr)
	if err != nil {
		return p.Fail(stderr, err)
	}
	return status
}

// Fail writes an error as one line, whatever words of a user or of a file are in
// it, and gives its exit status.
func (p *Program) Fail(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "%s: %s\n", p.Name, allCalled(plan.OneLine(err.Error()), p.Name))
	switch {
	case errors.Is(err, ErrUsage):
		return BadUsage
	case p.StatusOf != nil:
		return p.StatusOf(err)
	}
	return Short
}

// Execute is Run, with the error instead of its line and status.
func (p *Program) Execute(ctx context.Context, args []string, stdout, stderr io.Writer) (status int, err error) {
	r := &run{program: p, line: append([]string{p.Name}, args...), stdout: stdout, stderr: stderr}
	p.Commands = append(p.Commands, r.help(), r.completion(), r.manual())
	r.root = r.build(&p.Command, p.Name)
	r.root.SetArgs(append([]string{}, args...)) // nil would be os.Args
	err = r.root.ExecuteContext(ctx)
	return r.status, err
}

// run is one run of a program.
type run struct {
	program        *Program
	root           *cobra.Command
	line           []string
	stdout, stderr io.Writer
	status         int
}

// switches are the flags that every command has.
type switches struct{ all, version bool }

// build makes cobra's command of ours; path is how it is called.
func (r *run) build(c *Command, path string) *cobra.Command {
	if c.Flags == nil {
		c.Flags = NewFlags()
	}
	cc := &cobra.Command{Use: c.Name, Short: c.Short, Hidden: c.Hidden, SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}}
	cc.SetOut(r.stdout)
	cc.SetErr(r.stderr)
	var s switches
	cc.Flags().SortFlags = false
	cc.Flags().AddFlagSet(c.Flags.set)
	// --help is looked for by cobra, the other two by us.
	cc.Flags().BoolP("help", "h", false, "what it does, and its flags")
	cc.Flags().BoolVar(&s.all, "help-all", false, "the same, with flags that are rarely needed")
	cc.Flags().BoolVar(&s.version, "version", false, "the version")
	cc.SetHelpFunc(func(*cobra.Command, []string) { r.print(help(c, path, false)) })
	cc.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return r.flagError(c, cc, path, err) })
	cc.Args = func(_ *cobra.Command, args []string) error {
		if s.all || s.version {
			return nil
		}
		return c.check(args, cc.ArgsLenAtDash(), path)
	}
	cc.RunE = func(cc *cobra.Command, args []string) (err error) {
		switch {
		case s.version:
			r.print(r.program.Build.Line(strings.TrimPrefix(r.program.Name, prefix)) + "\n")
			return nil
		case s.all:
			r.print(help(c, path, true))
			return nil
		case c.Run == nil:
			return Usage("want %s; see %s --help", AnyOf(c.names()), path)
		}
		call := &Call{Args: args, Line: r.line, Stdout: r.stdout, Stderr: r.stderr, Flags: c.Flags}
		if at := cc.ArgsLenAtDash(); at >= 0 {
			call.Args, call.After = args[:at], args[at:]
		}
		r.status, err = c.Run(cc.Context(), call)
		return err
	}
	completeWords(cc, c.Flags)
	for _, sub := range c.Commands {
		cc.AddCommand(r.build(sub, path+" "+sub.Name))
	}
	return cc
}

func (r *run) print(text string) { _, _ = io.WriteString(r.stdout, text) }

// check refuses arguments that the command does not take.
func (c *Command) check(args []string, dash int, path string) error {
	if dash >= 0 && dash < len(args) {
		args = args[:dash]
	}
	if c.Args != nil {
		return c.Args(args)
	}
	if c.Accepts != nil {
		args = slices.DeleteFunc(slices.Clone(args), c.Accepts)
	}
	switch {
	case len(args) == 0:
		return nil
	case c.Run == nil || len(c.names()) > 0 && !strings.HasPrefix(args[0], "-"):
		if near := Nearest(args[0], c.names()); near != "" {
			return Usage("%q is not a command: did you mean %s? See %s --help", args[0], near, path)
		}
		return Usage("%q is not a command: want %s; see %s --help", args[0], AnyOf(c.names()), path)
	}
	return Usage("unexpected argument %q; see %s --help", args[0], path)
}

// names are the commands below, without the hidden ones and what every program
// has.
func (c *Command) names() (names []string) {
	for _, sub := range c.Commands {
		if !sub.Hidden && sub.Name != completionName {
			names = append(names, sub.Name)
		}
	}
	return names
}

// AnyOf is a, b or c, of what is legal.
func AnyOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// allOf is a, b and c, of what has something.
func allOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// flagError says in one line what is wrong with a flag.
func (r *run) flagError(c *Command, cc *cobra.Command, path string, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	if word := r.line[min(1, len(r.line)-1)]; len(c.names()) > 0 && !strings.HasPrefix(word, "-") &&
		c.sub(word) == nil {
		if err := c.check([]string{word}, -1, path); err != nil {
			return err // its flags are of a command that is not there
		}
	}
	switch {
	case errors.As(err, &invalid):
		return invalidValue(invalid.GetFlag().Name, invalid.GetValue(), errors.Unwrap(invalid))
	case errors.As(err, &missing):
		return Usage("--%s wants a value; see %s --help", missing.GetSpecifiedName(), path)
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		name, _, _ := strings.Cut(unknown.GetSpecifiedShortnames(), "=")
		if cc.Flags().Lookup(name) != nil {
			return Usage("-%s: a flag has two dashes: --%s", name, name)
		}
		return Usage("-%s is not a flag; see %s --help", name, path)
	case errors.As(err, &unknown):
		return r.unknownFlag(cc, path, unknown.GetSpecifiedName())
	}
	return Usage("%v; see %s --help", err, path)
}

// invalidValue names flag, value and what is legal. Values whose error begins
// with them are not named twice.
func invalidValue(name, value string, cause error) error {
	if strings.HasPrefix(cause.Error(), fmt.Sprintf("%q", value)) {
		return Usage("--%s %w", name, cause)
	}
	if value == "" || strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c == '"' }) {
		value = fmt.Sprintf("%q", value)
	}
	return Usage("--%s %s: %w", name, value, cause)
}

// unknownFlag says which flag may have been meant, or whose it is.
func (r *run) unknownFlag(cc *cobra.Command, path, name string) error {
	var known []string
	cc.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if near := Nearest(name, known); near != "" {
		return Usage("--%s is not a flag of %s: did you mean --%s?", name, path, near)
	}
	var owners []string
	for _, other := range r.root.Commands() {
		if other != cc && !other.Hidden && other.Flags().Lookup(name) != nil {
			owners = append(owners, other.CommandPath())
		}
	}
	if owners != nil {
		return Usage("--%s means nothing to %s: it is a flag of %s; see %s --help", name, path, allOf(owners), path)
	}
	return Usage("--%s is not a flag of %s; see %s --help", name, path, path)
}
