package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// outputs are what a result is written to, and the conditions that it must meet.
type outputs struct {
	json, html, csv, markdown string
	quiet                     bool
	failIf                    []string
	thresholds                []result.Threshold // of failIf
}

// register declares them. A command may leave some out.
func (o *outputs) register(f *cli.Flags, csv cli.Option) {
	f.Group("Report")
	f.Add(cli.Text(&o.json, ""), "json", "FILE", "the result; - is stdout")
	f.Add(cli.Text(&o.html, ""), "html", "FILE", "the report as a page that needs no network")
	f.Add(cli.Text(&o.csv, ""), "csv", "FILE", "its series: the ramp's curve, samples, steps", csv)
	o.conditions(f)
}

func (o *outputs) conditions(f *cli.Flags) {
	f.Add(cli.Texts(&o.failIf), "fail-if", "COND", "exit 1 if it holds, like 'setup.rate<30k' (repeatable)")
	f.Add(cli.Switch(&o.quiet), "quiet", "", "no live line, no text report")
}

// output is one of the files asked for.
type output struct {
	flag, file string
	write      func(io.Writer, *result.Result) error
}

func (o *outputs) list() (list []output) {
	for _, one := range []output{{"--json", o.json, result.Write}, {"--html", o.html, report.WriteHTML},
		{"--csv", o.csv, report.WriteCSV}, {"--markdown", o.markdown, report.WriteMarkdown}} {
		if one.file != "" {
			list = append(list, one)
		}
	}
	return list
}

// toStdout says whether a file goes there, which is then all that does.
func (o *outputs) toStdout() bool {
	return o.json == "-" || o.html == "-" || o.csv == "-" || o.markdown == "-"
}

// reports says whether the text is written.
func (o *outputs) reports() bool { return !o.quiet && !o.toStdout() }

// check refuses, before anything runs, thresholds that say nothing and files
// that could not be written. A threshold against a baseline needs one.
func (o *outputs) check(baseline bool) error {
	for _, text := range o.failIf {
		t, err := result.ParseThreshold(text)
		if err != nil {
			return cli.Usage("--fail-if %q: %v", text, err)
		}
		if err := checkMetric(t.Metric); err != nil {
			return cli.Usage("--fail-if %q: %v", text, err)
		}
		if t.Relative && !baseline {
			return cli.Usage("--fail-if %q: a change wants a baseline: see client compare --help; legal here is a "+
				"value, like %s%s30k", text, t.Metric.Path, t.Op)
		}
		o.thresholds = append(o.thresholds, t)
	}
	taken := map[string]string{}
	for _, one := range o.list() {
		name := one.file
		if abs, err := filepath.Abs(name); err == nil && name != "-" {
			name = abs
		}
		if other, ok := taken[name]; ok {
			return cli.Usage("%s %s: %s goes there already", one.flag, one.file, other)
		}
		taken[name] = one.flag
		if err := writable(one.file); err != nil {
			return cli.Usage("%s: %v", one.flag, err)
		}
	}
	return nil
}

// checkMetric refuses a cause of failures that nobody counts, and a finding that nobody
// looks for: what is misspelt would never have happened, and any condition on it would
// pass for ever. The client also counts each cause for its tries to reconnect.
func checkMetric(m result.Metric) error {
	if code, is := m.Finding(); is {
		known := diagnose.Codes()
		return legal("finding", code, known, cli.Nearest(code, known))
	}
	cause, is := m.Cause()
	if !is {
		return nil
	}
	cause = strings.TrimPrefix(cause, "reconnect_")
	known := append(loadgen.Causes(), result.AgentLost)
	phase, _, _ := strings.Cut(cause, "_")
	return legal("cause of failures", cause, known, phase+"_")
}

// legal refuses a name that is none of those known, and says which are meant: those that
// begin so, or else all.
func legal(what, name string, known []string, begins string) error {
	if slices.Contains(known, name) {
		return nil
	}
	near := slices.DeleteFunc(slices.Clone(known), func(one string) bool { return !strings.HasPrefix(one, begins) })
	if len(near) > 0 {
		known = near
	}
	return fmt.Errorf("%q is no %s: legal are %s", name, what, strings.Join(known, ", "))
}

// textReport is report.WriteText, or what a command has instead.
type textReport func(io.Writer, *result.Result, report.Options) error

// wholeText is the report of a run that opened connections.
func wholeText(w io.Writer, r *result.Result, o report.Options) error {
	return report.WriteText(w, r, o)
}

// conclude writes the report and the files, and says whether a condition of
// --fail-if held.
func (o *outputs) conclude(r *result.Result, stdout io.Writer, text textReport) (failed bool, err error) {
	failed, err = r.Judge(o.thresholds)
	return failed, cmp.Or(o.write(r, stdout, text), err)
}

// write writes the report, with text, and the files. Each is whole or not there.
func (o *outputs) write(r *result.Result, stdout io.Writer, text textReport) error {
	if o.reports() {
		terminal, width := terminalOf(stdout)
		if err := text(stdout, r, report.FromEnvironment(terminal, width, os.Getenv)); err != nil {
			return err
		}
	}
	var first error // a file that cannot be written does not cost the others
	for _, one := range o.list() {
		first = cmp.Or(first, render(one.flag, one.file, stdout, func(w io.Writer) error { return one.write(w, r) }))
	}
	return first
}

// ending says last how a run ended: on stdout below its report. Where there is no
// report, what failed is said all the same, on stderr.
func (o *outputs) ending(r *result.Result, status int, stdout, stderr io.Writer) {
	if o.reports() {
		_, _ = fmt.Fprintf(stdout, "\n%s\n", plan.OneLine(report.Ending(r, status)))
		return
	}
	complain(stderr, report.FailedThresholds(r))
}

// complain says what failed where there is no report that does.
func complain(stderr io.Writer, lines []string) {
	for _, line := range lines {
		_, _ = fmt.Fprintf(stderr, "client: %s\n", plan.OneLine(line))
	}
}

// render keeps what write writes in the file that a flag names.
func render(flag, file string, stdout io.Writer, write func(io.Writer) error) error {
	var b bytes.Buffer
	err := write(&b)
	if err == nil {
		err = keep(file, b.Bytes(), stdout)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// writable sees that a file can be written, and leaves nothing behind. What is
// no regular file (a pipe, /dev/null) is not opened: that might wait.
func writable(file string) error {
	if file == "-" {
		return nil
	}
	info, err := os.Stat(file)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a directory", file)
	case err == nil && !info.Mode().IsRegular():
		return nil
	case err == nil:
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}
	f, err := os.OpenFile(beside(file), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", file, err)
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

// beside is the temporary file from which a file is renamed.
func beside(file string) string {
	return filepath.Join(filepath.Dir(file), fmt.Sprintf(".%s.%d", filepath.Base(file), os.Getpid()))
}

// keep writes a file at once: rename(2) from a temporary one beside it, so that
// a reader finds the old one or the new one. Where that cannot be (a file
// mounted alone, no regular file) it is written in place.
func keep(file string, content []byte, stdout io.Writer) error {
	if file == "-" {
		_, err := stdout.Write(content)
		return err
	}
	mode := os.FileMode(0o644)
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	if info, err := os.Stat(file); err == nil {
		if mode = info.Mode().Perm(); !info.Mode().IsRegular() {
			return os.WriteFile(file, content, mode)
		}
	}
	temporary := beside(file)
	err := os.WriteFile(temporary, content, mode)
	if err == nil {
		if err = os.Rename(temporary, file); err == nil {
			return nil
		}
	}
	_ = os.Remove(temporary)
	if _, missing := os.Stat(file); missing == nil {
		return os.WriteFile(file, content, mode)
	}
	return err
}
