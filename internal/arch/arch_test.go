package arch

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// module is where our own import paths begin.
const module = "github.com/c10m/c10m"

// ours are the rules of this repository.
var ours = rules{
	// From the ground up. A room may import any room of a lower layer, and none
	// of its own or a higher one.
	layers: [][]string{
		{"internal/unit", "internal/stat", "internal/fill", "internal/arch"},
		{"internal/plan", "internal/pace", "internal/ws", "internal/tcp", "internal/plot", "internal/secure"},
		{"internal/result", "internal/sys", "internal/cli"},
		{"internal/packets"},
		{"internal/loadgen", "internal/echo", "internal/proc"},
		{"internal/diagnose", "internal/foreign", "internal/tune", "internal/echo/gnet", "internal/echo/epoll"},
		{"internal/scenario", "internal/shard", "internal/report", "internal/dash", "internal/push", "internal/relay",
			"internal/fleet"},
		{"server", "client", "tuning"},
	},
	// What decides without a kernel, and is tested without one.
	pure: []string{
		"internal/unit", "internal/stat", "internal/fill", "internal/plan", "internal/pace", "internal/ws",
		"internal/tcp",
		"internal/plot",
	},
	impure: []string{
		"net", "net/http", "os", "os/exec", "os/signal", "runtime", "syscall", "unsafe",
	},
	// One foreign API, one room. Whatever is not listed is used by nobody.
	foreign: []owner{
		{module: "golang.org/x/sys", rooms: []string{"internal/sys"}},
		{module: "golang.org/x/term", rooms: []string{"client"}},
		{module: "github.com/vishvananda/netlink", rooms: []string{"internal/sys"}},
		{module: "github.com/panjf2000/gnet/v2", rooms: []string{"internal/echo/gnet"}},
		{module: "github.com/prometheus/procfs", rooms: []string{"internal/proc"}},
		{module: "github.com/prometheus/client_golang", rooms: []string{"internal/dash"}},
		{module: "github.com/prometheus/client_model", rooms: []string{"internal/dash", "internal/push"}},
		{module: "go.opentelemetry.io", rooms: []string{"internal/push"}},
		{module: "google.golang.org/protobuf", rooms: []string{"internal/push"}},
		{module: "github.com/HdrHistogram/hdrhistogram-go", rooms: []string{"internal/result"}},
		{module: "github.com/spf13/cobra", rooms: []string{"internal/cli"}},
		{module: "github.com/spf13/pflag", rooms: []string{"internal/cli"}},
		{module: "github.com/nats-io/nats-server/v2", rooms: []string{"internal/fleet"}},
		{module: "github.com/nats-io/nats.go", rooms: []string{"internal/fleet"}},
		{module: "github.com/gobwas/ws", rooms: []string{"internal/ws"}, tests: true},
		{module: "go.yaml.in/yaml/v3", rooms: []string{"client"}},
	},
	maxLines:    500,
	maxFunction: 60,
	vague:       []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "base", "pkg", "lib"},
	// Below main nobody reads flags or the environment, prints, or exits.
	mainOnly: []string{
		"flag.*", "log.*",
		"fmt.Print", "fmt.Printf", "fmt.Println",
		"os.Exit", "os.Args", "os.Stdin", "os.Stdout", "os.Stderr",
		"os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv",
		"syscall.Exit", "syscall.Getenv", "print", "println",
	},
	// What a person reads is made of codes and facts, by package report alone.
	wordless: []string{"internal/scenario", "internal/diagnose"},
	wording: []string{"fmt.*", module + "/internal/unit.Commas", module + "/internal/unit.Bytes",
		module + "/internal/unit.PerConn", module + "/internal/unit.Nanos", module + "/internal/unit.Seconds",
		module + "/internal/unit.Percent", module + "/internal/unit.PerSecond"},
}

func TestRepository(t *testing.T) {
	files, err := parseTree("../..", module)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found only %d Go files: looking in the wrong place", len(files))
	}
	for _, f := range ours.check(files) {
		t.Error(f)
	}
}

// TestEveryRoomHasARow: the table of ARCHITECTURE.md names every room of the
// layers, and no package that is gone.
func TestEveryRoomHasARow(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	described := rows(string(text))
	for _, room := range slices.Concat(ours.layers...) {
		if !slices.Contains(described, strings.TrimPrefix(room, "internal/")) {
			t.Errorf("%s has no row in ARCHITECTURE.md's table of rooms", room)
		}
	}
	for _, name := range described {
		within := slices.ContainsFunc([]string{"../../internal/", "../../"}, func(dir string) bool {
			at, err := os.Stat(dir + name)
			return err == nil && at.IsDir()
		})
		if !within {
			t.Errorf("ARCHITECTURE.md describes %s, which does not exist", name)
		}
	}
}

// rows are the names in the first column of the table whose head is "room".
func rows(text string) (names []string) {
	_, text, _ = strings.Cut(text, "| room |")
	for i, row := range strings.Split(text, "\n") {
		if i < 2 { // the rest of the head, and the line below it
			continue
		}
		cell, isRow := strings.CutPrefix(row, "| ")
		if !isRow {
			break
		}
		cell, _, _ = strings.Cut(cell, " |")
		for name := range strings.SplitSeq(cell, ", ") {
			names = append(names, strings.Trim(name, "`/"))
		}
	}
	return names
}

// TestRulesBite shows each rule a tree that breaks it, and wants exactly the
// findings named: a rule that finds nothing there protects nothing.
func TestRulesBite(t *testing.T) {
	small := rules{
		layers: [][]string{
			{"internal/plan"},
			{"internal/sys", "internal/result"},
			{"server", "client"},
		},
		pure:   []string{"internal/plan"},
		impure: ours.impure,
		foreign: []owner{{module: "example.org/kernel", rooms: []string{"internal/sys"}},
			{module: "example.org/frames", rooms: []string{"internal/plan"}, tests: true}},
		maxLines:    20,
		maxFunction: 5,
		vague:       ours.vague,
		mainOnly:    ours.mainOnly,
		wordless:    []string{"internal/result"},
		wording:     ours.wording,
	}
	for _, tt := range []struct {
		dir  string
		want []string
	}{
		{"good", nil},
		{"upward", []string{
			"internal/plan/plan.go: internal/plan may not import internal/sys: dependencies point downward only",
			"internal/sys/sys.go: internal/sys may not import internal/result: dependencies point downward only",
		}},
		{"imports_main", []string{
			"internal/result/result.go: nobody imports a main: server",
			"internal/result/result_test.go: nobody imports a main: client",
		}},
		{"no_room", []string{
			"internal/attic/attic.go: internal/attic is no room of ARCHITECTURE.md: give it a layer",
			"internal/sys/sys.go: internal/attic is no room of ARCHITECTURE.md: give it a layer",
		}},
		{"impure", []string{
			"internal/plan/plan.go: internal/plan is pure and may not import os",
			"internal/plan/plan.go: internal/plan is pure and may not import syscall",
		}},
		{"foreign", []string{
			"internal/result/result.go: example.org/frames belongs to internal/plan",
			"internal/result/result.go: example.org/kernel/deep belongs to internal/sys",
			"internal/result/result.go: example.org/unheard has no room: give it one",
			"internal/result/result_test.go: example.org/kernel belongs to internal/sys",
		}},
		{"long", []string{
			"internal/plan/plan.go: 21 lines, at most 20",
			"internal/plan/plan.go: function Long has 6 lines, at most 5",
			"internal/plan/plan.go: function T.Long has 6 lines, at most 5",
			"internal/plan/plan_test.go: 21 lines, at most 20",
		}},
		{"vague", []string{
			"internal/plan/helpers/h.go: helpers says nothing: name a package after what it holds",
			"internal/plan/helpers/h.go: internal/plan/helpers is no room of ARCHITECTURE.md: give it a layer",
			"internal/plan/plan.go: util says nothing: name a package after what it holds",
		}},
		{"loud", []string{
			"internal/plan/plan.go: fmt.Println is for mains",
			"internal/plan/plan.go: println is for mains",
			"internal/sys/sys.go: flag.Int is for mains",
			"internal/sys/sys.go: os.Exit is for mains",
			"internal/sys/sys.go: os.Getenv is for mains",
			"internal/sys/sys.go: os.Stderr is for mains",
		}},
		{"wordy", []string{
			`internal/result/result.go: " ms" is a unit: internal/result has no words`,
			`internal/result/result.go: "%d lost" has a percent sign: internal/result has no words`,
			`internal/result/result.go: "the others, too" is a sentence: internal/result has no words`,
			"internal/result/result.go: fmt.Sprintf makes words: internal/result has none",
		}},
	} {
		t.Run(tt.dir, func(t *testing.T) {
			files, err := parseTree("testdata/"+tt.dir, "example.org/app")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range small.check(files) {
				got = append(got, f.String())
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("findings:\n%q\nwant:\n%q", got, tt.want)
			}
		})
	}
}
