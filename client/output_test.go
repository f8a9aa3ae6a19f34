package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/result"
)

// stored writes a result file and returns its name.
func stored(t *testing.T, name string, change func(*result.Result)) string {
	t.Helper()
	r := &result.Result{Schema: result.Schema, Scenario: "hold", Proto: "tcp", Started: time.Date(2026, 11, 21, 6, 15,
		3, 0, time.UTC), Command: []string{"client", "--conns", "100"},
		Plan:  result.Plan{Conns: 100, Ports: 2, Sources: 1, Threads: 1, FDTables: 1},
		Conns: result.Conns{Attempted: 100, Established: 100},
		Setup: &result.Setup{Seconds: 2, Rate: 50, Curve: []result.Point{{T: 0}, {T: 2, Conns: 100, Rate: 50}}},
		Memory: &result.Memory{Method: "slabinfo", BothEnds: true, KernelPerConn: 8000, KernelPerSocket: 4000,
			TotalPerConn: 8000}}
	if change != nil {
		change(r)
	}
	var b bytes.Buffer
	if err := result.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return written(t, name, b.String())
}

func written(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReportAndCompareRefuse(t *testing.T) {
	good := stored(t, "good.json", nil)
	dir := t.TempDir()
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"report nothing", []string{"report"}, []string{"one result file"}},
		{"report two", []string{"report", good, good}, []string{"one result file", "not 2"}},
		{"report what is missing", []string{"report", dir + "/none.json"}, []string{"none.json", "no such file"}},
		{"report no result", []string{"report", written(t, "x.json", `{"a":1}`)}, []string{"x.json", "no schema"}},
		{"report of another schema", []string{"report", written(t, "x.json", `{"schema":"c10m/result/9"}`)},
			[]string{"c10m/result/9", result.Schema}},
		{"report half a file", []string{"report", written(t, "x.json", `{"schema":"c10m/result/1","sc`)},
			[]string{"ends early"}},
		{"report what is empty", []string{"report", written(t, "x.json", "")}, []string{"empty"}},
		{"report a directory", []string{"report", dir}, []string{dir + ": is a directory"}},
		{"report what has no end", []string{"report", "/dev/zero"}, []string{"/dev/zero: is a device"}},
		{"report with a flag of hold", []string{"report", good, "--conns", "5"}, []string{"conns", "client report --help"}},
		{"html into nowhere", []string{"report", good, "--html", "/nonexistent/r.html"},
			[]string{"--html", "/nonexistent/r.html"}},
		{"csv over a directory", []string{"report", good, "--csv", dir}, []string{"--csv", "is a directory"}},
		{"two to stdout", []string{"report", good, "--csv", "-", "--json", "-"}, []string{"--csv", "--json"}},
		{"two to one file", []string{"report", good, "--csv", dir + "/a", "--html", dir + "/../" + filepath.Base(dir) +
			"/a"}, []string{"--csv", "--html"}},
		{"bad threshold", []string{"report", good, "--fail-if", "setup.rate=5"}, []string{"--fail-if", `"setup.rate=5"`,
			"< > <= >= == !="}},
		{"ambiguous threshold", []string{"report", good, "--fail-if", "rate<5"},
			[]string{"--fail-if", "setup.rate, echo.rate"}},
		{"threshold without a baseline", []string{"report", good, "--fail-if", "setup.rate<-5%"},
			[]string{"--fail-if", "client compare"}},
		{"a cause that nobody counts", []string{"report", good, "--fail-if", "conns.errors.connect_refsued>0"},
			[]string{"--fail-if", `"connect_refsued"`, "connect_refused", "connect_timeout"}},
		{"a finding that nobody looks for", []string{"report", good, "--fail-if", "findings.servr_full.severity>0"},
			[]string{"--fail-if", `"servr_full" is no finding: legal are server_full`}},
		{"a cause of no phase", []string{"hold", "--fail-if", "protocols.ws.conns.errors.reconnect_refused>0"},
			[]string{"--fail-if", `"refused"`, "socket_fd_limit", "close_timeout"}},
		{"a sweep for a cause that nobody counts", []string{"sweep", "--size", "64", "--metric", "errors.read_rest"},
			[]string{"--metric", `"read_rest"`, "read_reset"}},
		{"a count with orders to the terminal",
			[]string{"report", written(t, "x.json",
				`{"schema":"c10m/result/1","conns":{"errors":{"x\n\u001b[2J":-1}}}`)}, []string{"x.json", "-1"}},
		{"a port with orders to the terminal", []string{"--first-port", "\n\x1b[2J1,2", "--proto", "tcp"},
			[]string{"--first-port", "want 1"}},
		{"a flag with orders to the terminal", []string{"echo", "--\n\x1b"}, []string{"client echo --help"}},
		{"compare one", []string{"compare", good}, []string{"two result files"}},
		{"compare with what is none", []string{"compare", good, written(t, "x.json", "[]")}, []string{"x.json", "array"}},
		{"compare, two to stdout", []string{"compare", good, good, "--json", "-", "--html", "-"},
			[]string{"--json", "--html"}},
		{"no such grouping", []string{"compare", good, good, "--group", "size"}, []string{"--group", "--group size",
			"auto, none, name, dir"}},
		{"one group and a change", []string{"compare", good, good, "--group", "name", "--fail-if", "setup.rate<-5%"},
			[]string{"--fail-if", "--group"}},
		{"a run with a bad threshold", []string{"--conns", "5", "--fail-if", "setup.rat<5"},
			[]string{"--fail-if", "setup.rate"}},
		{"a run with a change", []string{"hold", "--fail-if", "total_bytes_per_conn>+5%"},
			[]string{"--fail-if", "client compare"}},
		{"a run with html nowhere", []string{"hold", "--html", "/nonexistent/r.html"}, []string{"--html"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(context.Background(), tt.args, &stdout, &stderr)
			line := stderr.String()
			if status != cli.BadUsage || strings.IndexFunc(line, unicode.IsControl) != len(line)-1 || stdout.Len() != 0 {
				t.Errorf("status %d, stderr %q, stdout %q; want 2 and one line", status, line, stdout.String())
			}
			for _, w := range tt.want {
				if !strings.Contains(line, w) {
					t.Errorf("%q lacks %q", line, w)
				}
			}
		})
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// One number for a script: in the file's units, empty where it was not measured,
// and bad usage where there is no such number.
func TestReportFigures(t *testing.T) {
	good := stored(t, "good.json", nil)
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"report", good, "--figure", "conns.lost", "--figure", "echo.rate", "--figure",
		"setup.rate"}, &stdout, &stderr)
	if status != cli.Done || stdout.String() != "0\n\n50\n" || stderr.Len() > 0 {
		t.Errorf("status %d, %q, %q", status, &stdout, &stderr)
	}
	if status := run(t.Context(), []string{"report", good, "--figure", "nope"}, &stdout, &stderr); status !=
		cli.BadUsage || !strings.Contains(stderr.String(), `--figure "nope"`) {
		t.Errorf("status %d, %q", status, &stderr)
	}
}

func TestReportOutputs(t *testing.T) {
	good, dir := stored(t, "good.json", nil), t.TempDir()
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		out    []string // in stdout; none: it is empty
	}{
		{"text", []string{good}, cli.Done, []string{"DONE: 100 of 100"}},
		{"quiet", []string{good, "--quiet"}, cli.Done, nil},
		{"csv", []string{good, "--csv", "-"}, cli.Done, []string{"t,conns,rate\n0,0,0\n2,100,50\n"}},
		{"markdown", []string{good, "--markdown", "-"}, cli.Done, []string{"# hold over tcp", "| established | 100 |"}},
		{"html", []string{"--html", "-", good}, cli.Done, []string{"<!doctype html>"}},
		{"json", []string{good, "--json", "-"}, cli.Done, []string{`"schema": "c10m/result/2"`}},
		{"passed", []string{good, "--fail-if", "setup.rate<50"}, cli.Done, []string{"passed  setup.rate<50"}},
		{"failed", []string{good, "--fail-if", "setup.rate<50", "--fail-if", "total_bytes_per_conn > 7.5 KiB"},
			cli.Short, []string{"FAILED: 100 of 100", "1 of 2 thresholds", "FAILED  total_bytes_per_conn > 7.5 KiB"}},
		{"not measured", []string{good, "--fail-if", "echo.rate<1"}, cli.Short, []string{"echo.rate was not measured"}},
		{"files", []string{good, "--quiet", "--html", dir + "/a.html", "--csv", dir + "/a.csv", "--json", dir +
			"/a.json"}, cli.Done, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if status := run(context.Background(), append([]string{"report"}, tt.args...), &stdout, &stderr); status !=
				tt.status || stderr.Len() > 0 {
				t.Errorf("status %d, stderr %q; want %d", status, stderr.String(), tt.status)
			}
			if len(tt.out) == 0 && stdout.Len() > 0 {
				t.Errorf("stdout %q", stdout.String())
			}
			for _, w := range tt.out {
				if !strings.Contains(stdout.String(), w) {
					t.Errorf("%q lacks %q", stdout.String(), w)
				}
			}
		})
	}
	var names []string
	left, err := os.ReadDir(dir)
	for _, e := range left {
		names = append(names, e.Name())
	}
	if err != nil || !slices.Equal(names, []string{"a.csv", "a.html", "a.json"}) {
		t.Errorf("files %v, %v", names, err)
	}
}

// What came of a threshold is kept in the file, and seen when it is shown again.
func TestVerdictIsKept(t *testing.T) {
	good := stored(t, "good.json", nil)
	var stdout, stderr bytes.Buffer
	if status := run(context.Background(), []string{"report", good, "--quiet", "--json", good, "--fail-if",
		"setup.rate<60"}, &stdout, &stderr); status != cli.Short {
		t.Fatalf("status %d, %s", status, stderr.String())
	}
	var kept struct{ Thresholds []result.Verdict }
	b, err := os.ReadFile(good)
	if err != nil || json.Unmarshal(b, &kept) != nil || len(kept.Thresholds) != 1 || !kept.Thresholds[0].Failed {
		t.Fatalf("%v, %s", err, b)
	}
	if status := run(context.Background(), []string{"report", good}, &stdout, &stderr); status != cli.Done ||
		!strings.Contains(stdout.String(), "FAILED  setup.rate<60") {
		t.Errorf("status %d, %s", status, stdout.String())
	}
}

func TestCompare(t *testing.T) {
	costs := func(bytes float64) func(*result.Result) {
		return func(r *result.Result) { r.Memory.TotalPerConn, r.Memory.KernelPerConn = bytes, bytes }
	}
	a, b := stored(t, "a.json", costs(8000)), stored(t, "b.json", costs(8390))
	dir := t.TempDir()
	page, file := filepath.Join(dir, "c.html"), filepath.Join(dir, "c.json")
	for _, tt := range []struct {
		failIf string
		status int
	}{{"total_bytes_per_conn>+5%", cli.Done}, {"total_bytes_per_conn>+4%", cli.Short}, {"total_bytes_per_conn>8.1kB",
		cli.Short}, {"total_bytes_per_conn<8.1kB", cli.Done}, {"echo.rate<-1%", cli.Short}} {
		var stdout, stderr bytes.Buffer
		if status := run(context.Background(), []string{"compare", a, b, "--fail-if", tt.failIf, "--html", page,
			"--json", file}, &stdout, &stderr); status != tt.status || stderr.Len() > 0 {
			t.Errorf("%s: status %d, %s; want %d", tt.failIf, status, stderr.String(), tt.status)
		}
		if !strings.Contains(stdout.String(), "×1.049") || !strings.Contains(stdout.String(), "b: "+tt.failIf) {
			t.Errorf("%s: %s", tt.failIf, stdout.String())
		}
	}
	if html, err := os.ReadFile(page); err != nil || !bytes.Contains(html, []byte("×1.049")) {
		t.Errorf("%v, %s", err, html)
	}
	kept, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(kept, []byte(`"ratio": 1.04875`)) {
		t.Errorf("%v, %s", err, kept)
	}
	// What goes to stdout is all that does.
	var stdout, stderr bytes.Buffer
	if status := run(context.Background(), []string{"compare", a, b, "--json", "-", "--fail-if", "echo.rate<-1%"},
		&stdout, &stderr); status != cli.Short || !bytes.Equal(stdout.Bytes(), kept) {
		t.Errorf("status %d, %s, %s; want the same as in the file", status, stderr.String(), stdout.String())
	}
}

// What a comparison failed of is said where there is no report, too; its other forms
// have the same figures.
func TestCompareQuiet(t *testing.T) {
	a := stored(t, "a.json", nil)
	b := stored(t, "b.json", func(r *result.Result) { r.Setup.Rate = 30 })
	for _, tt := range []struct {
		name           string
		args           []string
		stdout, stderr string
	}{
		{"quiet", []string{"--quiet", "--fail-if", "setup.rate<-10%"}, "",
			"client: --fail-if setup.rate<-10%: b: setup.rate is 30.0/s, the limit 45.0/s\n"},
		{"a file on stdout", []string{"--csv", "-", "--fail-if", "setup.rate<-10%"}, "setup.rate,b,1,30,30,30,0.6,,\n",
			"client: --fail-if setup.rate<-10%: b: "},
		{"Markdown", []string{"--markdown", "-"}, "| rate, per second | 50.0/s | 30.0/s | ×0.600 |", ""},
	} {
		var stdout, stderr bytes.Buffer
		run(context.Background(), append([]string{"compare", a, b}, tt.args...), &stdout, &stderr)
		if !strings.Contains(stdout.String(), tt.stdout) || !strings.HasPrefix(stderr.String(), tt.stderr) ||
			tt.stdout == "" && stdout.Len() > 0 || tt.stderr == "" && stderr.Len() > 0 {
			t.Errorf("%s: stdout %q, stderr %q", tt.name, stdout.String(), stderr.String())
		}
	}
}

// keep replaces a file as a whole, through a link and with its mode, and writes
// in place what is no regular file.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "r.json"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := keep(link, []byte("new"), nil); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	info, statErr := os.Stat(file)
	if err != nil || statErr != nil || string(b) != "new" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, mode %v, %v, %v", b, info.Mode(), err, statErr)
	}
	if target, err := os.Readlink(link); err != nil || target != file {
		t.Errorf("the link is %q, %v", target, err)
	}
	if err := keep(os.DevNull, []byte("new"), nil); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
	if err := writable(os.DevNull); err != nil {
		t.Error(err)
	}
}

// A run that cannot begin leaves no file, and what was there stays.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old.json")
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		// nobody listens
		{"--first-port", "1", "--ports", "1", "--server-control", "none", "--conns", "1", "--html", dir + "/r.html",
			"--csv", dir + "/r.csv"},
		{"--conns", "5", "--json", old, "--csv", dir + "/r.csv", "--fail-if", "no"},
		{"--conns", "5", "--json", old, "--html", "/nonexistent/r.html"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(context.Background(), append(args, "--json", old), &stdout, &stderr); status == cli.Done {
			t.Errorf("%v: done", args)
		}
	}
	b, err := os.ReadFile(old)
	left, dirErr := os.ReadDir(dir)
	if err != nil || dirErr != nil || string(b) != "old" || len(left) != 1 {
		t.Errorf("%q, %v, %v, %v", b, left, err, dirErr)
	}
}
