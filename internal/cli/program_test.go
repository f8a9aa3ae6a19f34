package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/c10m/c10m/internal/unit"
)

// demo is a program with a command that has a flag of each kind, and one that
// has a flag of its own. Running it prints what it was told.
type demo struct {
	conns unit.Count
	ports int
	big   int64
	size  int64
	wait  time.Duration
	idle  time.Duration
	share float64
	word  string
	name  string
	many  []string
	on    bool
	rare  bool
}

func (d *demo) program() *Program {
	d.conns = unit.Count{Auto: true}
	f := NewFlags()
	f.Add(Count(&d.conns, 1000), "conns", "N|auto", "connections at once", Note("what fits"))
	f.Group("Ports")
	f.Add(Int(&d.ports, 200, 1, 4096), "ports", "N", "ports of each protocol")
	f.Add(Number(&d.big, 7, 0, 1e12), "big", "N", "a large number")
	f.Group("Limits")
	f.Add(Size(&d.size, 1<<20, 1, 1<<30), "size", "SIZE", "bytes of a message")
	f.Add(Time(&d.wait, time.Second, 0, time.Hour), "wait", "TIME", "how long to wait")
	f.Add(TimeOrZero(&d.idle, 0, "never", time.Second, time.Hour), "idle", "TIME", "close what is silent for so long")
	f.Add(SizeOrZero(new(int64), 4096, "any", 1024, 1<<20), "most", "SIZE", "bytes at most")
	f.Add(NumberOrZero(new(int64), 0, "never", 10, 1000), "every", "N", "how often")
	f.Add(Float(&d.share, 0.5, 0, 1), "share", "X", "a part")
	f.Add(OneOf(&d.word, "rst", "rst", "fin"), "close", "rst|fin", "how connections end")
	f.Add(Text(&d.name, ""), "name", "NAME", "what it is called", Unset("nothing"))
	f.Add(Texts(&d.many), "many", "TEXT", "may be given several times")
	f.Group("Ports")
	f.Add(Switch(&d.on), "on", "", "a switch "+strings.Repeat("with a long sentence ", 6))
	f.Add(Switch(&d.rare), "seldom", "", "nobody needs it", Rare)
	f.Group("A subject of its own")
	for _, name := range []string{"first", "second", "third"} {
		f.Add(Switch(new(bool)), name, "", "of it", Rare)
	}
	f.Add(Text(new(string), ""), "inner", "X", "for our own processes", Hidden)
	other := NewFlags()
	other.Add(Switch(new(bool)), "only-here", "", "a flag of the other")
	return &Program{Build: Build{"abc", "2026-11-28"}, Command: Command{Name: "demo", Short: "shows", Long: "It shows.",
		Status: "0 done", Examples: []string{"demo go --conns 5"},
		Commands: []*Command{
			{Name: "go", Short: "do it", Long: "Does it.", Takes: "[FILE]", Flags: f, Status: "0 done",
				Notes: []string{"A note."},
				Args: func(args []string) error {
					if len(args) > 1 {
						return Usage("too many files")
					}
					return nil
				},
				Run: func(_ context.Context, call *Call) (int, error) {
					fmt.Fprintf(call.Stdout, "%s %v after %v repeated %v", d.conns.String(), call.Args, call.After,
						call.Repeated("conns", "name", "on"))
					if d.name == "fails" {
						return 0, errors.New("the kernel says no\x1b[2J")
					}
					return 7, nil
				}},
			{Name: "stop", Short: "end it", Flags: other,
				Run: func(context.Context, *Call) (int, error) { return Done, nil }},
		}}}
}

// A program may take arguments that are no commands, of a form of their own.
func TestAccepts(t *testing.T) {
	for _, tt := range []struct{ args, stdout, stderr string }{
		{"x://a x://b", "[x://a x://b]", ""},
		{"x://a --n 5 x://b", "[x://a x://b]", ""},
		{"x://a y", "", "demo: \"y\" is not a command: want go; see demo --help\n"},
		{"x://a --bogus", "", "demo: --bogus is not a flag of demo; see demo --help\n"},
		{"goo", "", "demo: \"goo\" is not a command: did you mean go? See demo --help\n"},
		{"go", "went", ""},
	} {
		f := NewFlags()
		f.Add(Int(new(int), 1, 1, 9), "n", "N", "a number")
		p := &Program{Command: Command{Name: "demo", Takes: "[X]", Flags: f,
			Accepts: func(arg string) bool { return strings.Contains(arg, "://") },
			Run: func(_ context.Context, call *Call) (int, error) {
				fmt.Fprint(call.Stdout, call.Args)
				return Done, nil
			},
			Commands: []*Command{{Name: "go", Run: func(_ context.Context, call *Call) (int, error) {
				fmt.Fprint(call.Stdout, "went")
				return Done, nil
			}}}}}
		var out, errOut bytes.Buffer
		p.Run(context.Background(), strings.Fields(tt.args), &out, &errOut)
		if out.String() != tt.stdout || errOut.String() != tt.stderr {
			t.Errorf("%s: %q, %q; want %q, %q", tt.args, out.String(), errOut.String(), tt.stdout, tt.stderr)
		}
	}
}

// The help stays one screen: rare flags that have no room are counted, and details are
// for --help-all.
func TestHelpOfManyRareFlags(t *testing.T) {
	f := NewFlags()
	for i := range 25 {
		f.Add(Switch(new(bool)), fmt.Sprintf("flag-%d", i), "", "a flag")
	}
	for i := range 100 {
		f.Add(Switch(new(bool)), fmt.Sprintf("rare-flag-%d", i), "", "one that is seldom used", Rare)
	}
	c := &Command{Name: "demo", Long: "It shows.", Flags: f, Details: "More to know."}
	short, all := help(c, "demo", false), help(c, "demo", true)
	if n := strings.Count(short, "\n"); n > helpHeight ||
		!strings.Contains(short, "100 flags more are explained by --help-all") ||
		strings.Contains(short, "More to know") {
		t.Errorf("%d lines: %s", n, short)
	}
	if !strings.Contains(all, "--rare-flag-99") || !strings.Contains(all, "More to know.") {
		t.Error(all)
	}
}

func TestAllOf(t *testing.T) {
	for want, names := range map[string][]string{"go": {"go"}, "go and stop": {"go", "stop"},
		"go, stop and wait": {"go", "stop", "wait"}} {
		if got := allOf(names); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
}

func call(args ...string) (status int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	status = new(demo).program().Run(context.Background(), args, &out, &errOut)
	return status, out.String(), errOut.String()
}

func TestRun(t *testing.T) {
	tests := []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"go", 7, "auto [] after [] repeated []", ""},
		{"go --conns=5 f --name=x", 7, "5 [f] after [] repeated [--conns 5 --name x]", ""},
		{"go f --on -- --conns 9", 7, "auto [f] after [--conns 9] repeated [--on=true]", ""},
		{"go --name fails", 1, "auto [] after [] repeated [--name fails]", "demo: the kernel says no\uFFFD[2J\n"},
		{"", 2, "", "demo: want go or stop; see demo --help\n"},
		{"goo", 2, "", "demo: \"goo\" is not a command: did you mean go? See demo --help\n"},
		{"stpo --conns 5", 2, "", "demo: \"stpo\" is not a command: did you mean stop? See demo --help\n"},
		{"walk", 2, "", "demo: \"walk\" is not a command: want go or stop; see demo --help\n"},
		{"stop now", 2, "", "demo: unexpected argument \"now\"; see demo stop --help\n"},
		{"go a b", 2, "", "demo: too many files\n"},
		{"go --conn 5", 2, "", "demo: --conn is not a flag of demo go: did you mean --conns?\n"},
		{"go --prots 5", 2, "", "demo: --prots is not a flag of demo go: did you mean --ports?\n"},
		{"go --only-here", 2, "", "demo: --only-here means nothing to demo go: it is a flag of demo stop; see demo " +
			"go --help\n"},
		{"go --xyz", 2, "", "demo: --xyz is not a flag of demo go; see demo go --help\n"},
		{"go --innr x", 2, "", "demo: --innr is not a flag of demo go; see demo go --help\n"},
		{"go -conns 5", 2, "", "demo: -conns: a flag has two dashes: --conns\n"},
		{"go -x", 2, "", "demo: -x is not a flag; see demo go --help\n"},
		{"go --conns", 2, "", "demo: --conns wants a value; see demo go --help\n"},
		{"go --conns many", 2, "", "demo: --conns \"many\" is not a count: want a whole number like 10000000, " +
			"10_000_000, 4.1M or 500k\n"},
		{"go --conns 1001", 2, "", "demo: --conns 1001: the legal range is 1..1000, or auto\n"},
		{"go --ports 0", 2, "", "demo: --ports 0: the legal range is 1..4096\n"},
		{"go --big 1.05T", 2, "", "demo: --big 1.05T: the legal range is 0..1000000000000\n"},
		{"go --size 2GiB", 2, "", "demo: --size 2GiB: the legal range is 1..1GiB\n"},
		{"go --wait -1s", 2, "", "demo: --wait -1s: the legal range is 0..1h\n"},
		{"go --wait 10", 2, "", "demo: --wait \"10\" has no unit: say 10s for seconds\n"},
		{"go --idle 1ms", 2, "", "demo: --idle 1ms: the legal values are 0 (never) and 1s..1h\n"},
		{"go --most 1", 2, "", "demo: --most 1: the legal values are 0 (any) and 1KiB..1MiB\n"},
		{"go --every 9", 2, "", "demo: --every 9: the legal values are 0 (never) and 10..1000\n"},
		{"go --every 0 --most 0", 7, "auto [] after [] repeated []", ""},
		{"go --idle 0", 7, "auto [] after [] repeated []", ""},
		{"go --share NaN", 2, "", "demo: --share NaN: the legal range is 0..1\n"},
		{"go --close abort", 2, "", "demo: --close abort: the legal values are rst, fin\n"},
		{"go --on=x", 2, "", "demo: --on \"x\": the legal values are true, false\n"},
		{"--version", 0, (Build{"abc", "2026-11-28"}).Line("demo") + "\n", ""},
		{"go --conns 5 --version", 0, (Build{"abc", "2026-11-28"}).Line("demo") + "\n", ""},
		{"help quantities", 0, unit.Help, ""},
		{"help hlep", 2, "", "demo: \"hlep\" is not a command: want go or stop; see demo --help\n"},
		{"completion powershell", 2, "", "demo: completion: want one of bash, zsh, fish\n"},
	}
	for _, tt := range tests {
		status, stdout, stderr := call(strings.Fields(tt.args)...)
		if status != tt.status || stdout != tt.stdout || stderr != tt.stderr {
			t.Errorf("demo %s: status %d, %q, %q;\nwant %d, %q, %q", tt.args, status, stdout, stderr, tt.status,
				tt.stdout, tt.stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	const want = `usage: demo go [FILE] [flags]

Does it.

  --conns N|auto        connections at once (default auto: what fits)
Ports
  --ports N             ports of each protocol (default 200)
  --big N               a large number (default 7)
  --on                  a switch with a long sentence with a long sentence with
                        a long sentence with a long sentence with a long
                        sentence with a long sentence
Limits
  --size SIZE           bytes of a message (default 1MiB)
  --wait TIME           how long to wait (default 1s)
  --idle TIME           close what is silent for so long (default 0: never)
  --most SIZE           bytes at most (default 4KiB; 0: any)
  --every N             how often (default 0: never)
  --share X             a part (default 0.5)
  --close rst|fin       how connections end (default rst)
  --name NAME           what it is called (default: nothing)
  --many TEXT           may be given several times
Explained by --help-all
  --seldom, --first (and 2 more)

A note.
Exit status: 0 done, 2 bad usage.
How counts, sizes, rates and times are written: demo help quantities
`
	_, got, _ := call("go", "--help")
	if got != want {
		t.Errorf("help:\n%s\nwant:\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(line); n > helpWidth+1 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if _, again, _ := call("help", "go"); again != got {
		t.Errorf("demo help go:\n%s", again)
	}
	if _, all, _ := call("go", "--help-all"); !strings.Contains(all, "--seldom              nobody needs it\n") ||
		strings.Contains(all, "inner") {
		t.Errorf("--help-all:\n%s", all)
	}
	if _, root, _ := call("--help"); !strings.Contains(root, "\n  stop                  end it\n") ||
		!strings.HasSuffix(root, unit.Help) {
		t.Errorf("demo --help:\n%s", root)
	}
}

func TestCompletion(t *testing.T) {
	for shell, want := range map[string]string{"bash": "complete -o default", "zsh": "#compdef demo",
		"fish": "complete -c demo"} {
		if status, script, stderr := call("completion", shell); status != 0 || !strings.Contains(script, want) {
			t.Errorf("%s: status %d, %s, no %q", shell, status, stderr, want)
		}
	}
	if _, words, _ := call("__complete", "go", "--close", ""); !strings.HasPrefix(words, "rst\nfin\n") {
		t.Errorf("--close: %q", words)
	}
	if _, words, _ := call("__complete", "go", "--por"); !strings.HasPrefix(words,
		"--ports\tports of each protocol\n") {
		t.Errorf("--por: %q", words)
	}
	if _, words, _ := call("__complete", "go", "--in"); strings.Contains(words, "inner") {
		t.Errorf("a hidden flag: %q", words)
	}
}

func TestManPage(t *testing.T) {
	status, page, stderr := call("man")
	for _, want := range []string{".TH C10M-DEMO 1 \"2026-11-28\"", "c10m\\-demo \\- shows",
		".SS demo go [FILE] [flags]", ".B \\-\\-seldom\n",
		"how connections end (default rst); the legal values are rst, fin", ".SH QUANTITIES", "demo go \\-\\-conns 5"} {
		if !strings.Contains(page, want) {
			t.Errorf("status %d, %s, no %q in\n%s", status, stderr, want, page)
		}
	}
	if strings.Contains(page, "inner") || strings.Contains(page, "demo man") {
		t.Errorf("what is hidden stands there:\n%s", page)
	}
	if got := roff(".x\n'y\\-"); got != "\\&.x\n\\&'y\\e\\-" {
		t.Errorf("%q", got)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"conns", "connect-timeout", "ports", "private-fds", "hold", "json", "path"}
	for word, want := range map[string]string{"conn": "conns", "cons": "conns", "con": "conns", "pri": "private-fds",
		"connect": "connect-timeout", "port": "ports", "prots": "ports",
		"jsno": "json", "hlod": "hold", "x": "", "p": "", "private": "private-fds", "nothing-like-it": "", "": ""} {
		if got := Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// Installed as c10m-demo it calls itself so, wherever one has to type it.
func TestLongName(t *testing.T) {
	for argv0, want := range map[string]string{"/usr/bin/c10m-demo": "c10m-demo", "bin/demo": "demo",
		"c10m-other": "demo", "demo.test": "demo"} {
		if got := NameOf(argv0, "demo"); got != want {
			t.Errorf("%s calls itself %s, want %s", argv0, got, want)
		}
	}
	for _, tt := range []struct{ args, want string }{
		{"--help", "usage: c10m-demo COMMAND"}, {"--help", "\n  c10m-demo go --conns 5\n"},
		{"go --help", "c10m-demo help quantities"},
		{"go --conn 5", "c10m-demo: --conn is not a flag of c10m-demo go: did you mean --conns?"},
		{"completion bash", "complete -o default -F __start_c10m-demo c10m-demo"},
		{"man", ".TH C10M-DEMO 1"}, {"man", "\nc10m\\-demo go \\-\\-conns 5\n"}, {"--version", "c10m demo 0."},
	} {
		p := new(demo).program()
		p.Name = "c10m-demo"
		var out bytes.Buffer
		p.Run(context.Background(), strings.Fields(tt.args), &out, &out)
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("c10m-demo %s: no %q in\n%s", tt.args, tt.want, out.String())
		}
	}
}

// TestAllCalled: a cure names the program as it is to be typed.
func TestAllCalled(t *testing.T) {
	const said = "start one there (bin/server --ports 1); bin/tuning apply; /opt/c10m/bin/server is not there"
	for program, want := range map[string]string{
		"client":      said,
		"c10m-client": "start one there (c10m-server --ports 1); c10m-tuning apply; /opt/c10m/bin/server is not there",
	} {
		if got := allCalled(said, program); got != want {
			t.Errorf("%s: %q, want %q", program, got, want)
		}
	}
}
