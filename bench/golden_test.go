package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/tests/golden"
)

// example is a comparison in which everything occurs: a server that always
// fails, one that fails once, one better than ours, noise between rounds.
func example() *Comparison {
	full := func(scale, user float64) *Figures {
		return &Figures{Established: 15000, Processes: 1, Kernel: num(4120), User: num(user), Both: num(4120 + user),
			Peak: num(2 * user), Rested: num(1.5 * user), Kept: num(user / 2),
			SetupRate: num(40_000 * scale), BurstRate: num(60_000 * scale), EchoRate: num(100_000 * scale),
			EchoP99: num(20e6 / scale), Close: num(0.2 / scale)}
	}
	row := func(name, proto string, class class, runs ...Run) Row {
		for i := range runs {
			runs[i].Round = i
		}
		return Row{Name: name, Proto: proto, About: "version, tuning; document", Class: class, Runs: runs}
	}
	c := &Comparison{Schema: schema, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seconds: 321,
		Host: result.Host{Kernel: "6.18", CPUs: 2, MemoryBytes: 24 << 30, Nofile: 20000, Go: "go1.26",
			Commit: "0123456789ab"},
		Setup: Setup{Conns: 15000, Ports: 200, Rounds: 2},
		Servers: []Row{
			row("Broken <b>", "tcp", other, Run{Error: "ended before it was ready: exit status 1: cannot | listen"},
				Run{Error: "again"}),
			row("Once", "tcp", other, Run{Figures: full(1.2, 300)},
				Run{Figures: &Figures{Established: 9000, Failed: 6000}, Error: "9000 of 15000 established, 0 lost"}),
			row("Heavy", "tcp", other, Run{Figures: full(0.2, 9000)}, Run{Figures: full(0.3, 9000)}),
			row("Tornado", "tcp", published, Run{Figures: full(0.1, 5000)}, Run{Figures: full(0.1, 5000)}),
			row("raw epoll (floor)", "tcp", floor, Run{Figures: full(1, 0)}, Run{Figures: full(2, 0)}),
			row("c10m gnet", "tcp", ours, Run{Figures: full(0.9, 417)}, Run{Figures: full(0.9, 417)}),
			row("c10m epoll", "tcp", ours, Run{Figures: full(1.3, 18)}, Run{Figures: full(1.3, 18)}),
			row("gorilla", "ws", other, Run{Figures: full(0.5, 9000)}, Run{Figures: full(0.5, 9000)}),
			row("c10m gnet", "ws", ours, Run{Error: "no such flag"}, Run{Error: "no such flag"}),
			row("c10m epoll", "ws", ours, Run{Figures: full(0.9, 120)}, Run{Figures: full(0.9, 120)}),
		},
		Clients: []Row{
			row("Go net", "tcp", other, Run{Figures: &Figures{SetupRate: num(17000), User: num(5700)}},
				Run{Figures: &Figures{SetupRate: num(17000), User: num(5700)}}),
			row("c10m", "tcp", ours, Run{Figures: &Figures{SetupRate: num(60000), User: num(28)}},
				Run{Figures: &Figures{SetupRate: num(60000), User: num(28)}}),
		},
	}
	sumUp(c.Servers, floor)
	sumUp(c.Clients, ours)
	return c
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := document(example()).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/compare.md", b.String())
}

// TestPage: one file that loads nothing, with everything escaped.
func TestPage(t *testing.T) {
	var b bytes.Buffer
	if err := document(example()).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"<svg", "Broken &lt;b&gt;", "cannot | listen", "Clients",
		"Tornado (its author&#39;s figure)", "10,500 B", "What they are"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	for _, never := range []string{"<b>", "<script", "src=", "href=", "url("} {
		if strings.Contains(page, never) {
			t.Errorf("%q in the page", never)
		}
	}
	if got, want := strings.Count(page, "<svg"), 2*len(drawings(example())); got != want {
		t.Errorf("%d plots, want all in two widths: %d", got, want)
	}
}

// markers is a part of RESULTS.md to be filled in.
func markers(name string) string {
	return "<!-- begin " + name + " -->\nold\n<!-- end " + name + " -->\nby hand after " + name + "\n"
}

// exampleLab writes a lab's result files.
func exampleLab(t *testing.T, root string, l lab) {
	t.Helper()
	names := []string{l.name}
	for i, row := range l.rows {
		if i == 0 {
			names = nil
		}
		names = append(names, l.name+"-"+row)
	}
	for i, name := range names {
		r := &result.Result{Schema: result.Schema, Scenario: l.name, Proto: "tcp", Command: []string{"client", l.name,
			"--json", "x", "--quiet", "--until", "p99>5ms"},
			Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Host: result.Host{Kernel: "6.18", CPUs: 2,
				Commit: "0123456789ab"}, StoredVerdict: "It is so.",
			StoredTables: []result.Table{{Title: "Found", Columns: []result.Column{{Name: "mode", Unit: unit.InText},
				{Name: "rate", Unit: unit.InPerSecond}},
				Rows: [][]any{{"pool", 1000.0 + float64(i)}, {"kept", nil}}}}}
		if l.name == "echo" {
			r.StoredTables, r.Echo = nil, &result.Echo{Rate: 70_000, Latency: &result.Latency{Count: 5, P50: 1e6,
				P90: 2e6, P99: 3e6, P999: 4e6, Max: 5e6}}
		}
		for i, title := range l.titles {
			r.StoredTables = append(r.StoredTables, r.StoredTables[0])
			r.StoredTables[i+1].Title = title
		}
		f, err := os.Create(filepath.Join(root, "results", "labs-"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(result.Write(f, r), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestResults: `make results` replaces what is between the markers, keeps what is
// not, and doing it twice changes nothing.
func TestResults(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "results"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(root, kept), example()); err != nil {
		t.Fatal(err)
	}
	page := "by hand above\n"
	for _, name := range []string{"compare-conditions", "compare-tcp", "compare-ws", "compare-clients", "compare-about"} {
		page += markers(name)
	}
	for _, name := range []string{"bench", "profile"} {
		page += markers(name)
		if err := os.WriteFile(filepath.Join(root, "results", name+".md"), []byte("| "+name+" |\n|---|\n"),
			0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range labs {
		page += markers("lab-" + l.name)
		exampleLab(t, root, l)
	}
	if err := os.WriteFile(filepath.Join(root, text), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	var once string
	for range 2 {
		if err := writeResults(root); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(root, text))
		if err != nil {
			t.Fatal(err)
		}
		if once != "" && once != string(b) {
			t.Error("the second time it is different")
		}
		once = string(b)
	}
	golden.Compare(t, "testdata/RESULTS.md", once)
	if strings.Contains(once, "\nold\n") {
		t.Error("what was between the markers is still there")
	}
	svg, err := os.ReadFile(filepath.Join(root, plots, "compare-tcp-memory.svg"))
	if err != nil || !strings.HasPrefix(string(svg), "<svg") {
		t.Errorf("the plot: %v, %.40s", err, svg)
	}
	dirty := example()
	dirty.Host.Commit += "-dirty"
	if err := writeFile(filepath.Join(root, kept), dirty); err != nil {
		t.Fatal(err)
	}
	if err := writeResults(root); err == nil || !strings.Contains(err.Error(), "measure again") {
		t.Errorf("measured at no commit: %v", err)
	}
	if err := writeFile(filepath.Join(root, kept), example()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, text), []byte("no markers"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeResults(root); err == nil || !strings.Contains(err.Error(), "begin compare-conditions") {
		t.Errorf("without markers: %v", err)
	}
}

func TestReadFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.json")
	for _, tt := range []struct{ in, want string }{
		{`{"schema":"c10m/result/1"}`, `want "c10m/bench/1"`},
		{`{`, "unexpected end"},
	} {
		if err := os.WriteFile(file, []byte(tt.in), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readFile(file); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.in, err, tt.want)
		}
	}
}

// TestRepository: RESULTS.md is what `make results` writes, and its plots are there.
func TestRepository(t *testing.T) {
	c, err := readFile(filepath.Join("..", kept))
	if err != nil {
		t.Fatal(err)
	}
	sumUp(c.Servers, floor)
	sumUp(c.Clients, ours)
	b, err := os.ReadFile(filepath.Join("..", text))
	if err != nil {
		t.Fatal(err)
	}
	tables, err := labParts("../results")
	if err != nil {
		t.Fatal(err)
	}
	pasted, err := pastedParts("../results")
	if err != nil {
		t.Fatal(err)
	}
	want, err := fill(string(b), slices.Concat(parts(c), tables, pasted))
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != want {
		t.Errorf("%s is not what results/ says: make results", text)
	}
	for _, d := range drawings(c) {
		if _, err := os.Stat(filepath.Join("..", plots, d.name+".svg")); err != nil {
			t.Error(err)
		}
	}
}
