package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

// tables turns what bench.sh has measured, files NAME-ROUND.json in a directory, into
// the tables of RESULTS.md.
type tables struct {
	dir string
	w   io.Writer
}

func (t tables) printf(format string, args ...any) { _, _ = fmt.Fprintf(t.w, format, args...) }

func (t tables) write() error {
	for _, size := range sizes {
		if err := t.setup(size); err != nil {
			return err
		}
	}
	if err := t.defaults(); err != nil {
		return err
	}
	if err := t.memory(); err != nil {
		return err
	}
	for _, x := range exchanges {
		if err := t.echo(x.file, x.what); err != nil {
			return err
		}
	}
	return nil
}

// head begins a section, with the conditions of the first of its runs.
func (t tables) head(title string, first result.Result) {
	h := first.Host
	t.printf("### %s\n\nLinux %s, %d CPUs, %s, fd limit %s, commit %s, %s.\n\n", title, h.Kernel, h.CPUs,
		unit.Bytes(float64(h.MemoryBytes)), unit.Commas(int64(h.Nofile)), h.Commit,
		first.Started.UTC().Format("2006-01-02 15:04 MST"))
}

// show writes a table, if it has rows.
func (t tables) show(table report.Table) {
	if len(table.Rows) > 0 {
		t.printf("%s\n", report.Part{Table: table}.Markdown())
	}
}

// rounds are the runs of one thing that was measured, by the number of the round.
type rounds[T any] map[int]T

// first is the run of the lowest round.
func (r rounds[T]) first() T { return r[slices.Min(r.numbers())] }

func (r rounds[T]) numbers() (list []int) {
	for n := range r {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}

// all returns a figure's values, of the rounds that have one.
func (r rounds[T]) all(of func(T) *float64) (list []float64) {
	for _, n := range r.numbers() {
		if v := of(r[n]); v != nil {
			list = append(list, *v)
		}
	}
	return list
}

// over returns the ratios of one figure to another of the same round: what other programs
// did meanwhile affects both. Rounds without either, or with a base of 0, are left out.
func over[T, U any](of rounds[T], value func(T) *float64, by rounds[U], base func(U) *float64) (list []float64) {
	for _, n := range of.numbers() {
		other, there := by[n]
		if !there {
			continue
		}
		if a, b := value(of[n]), base(other); a != nil && b != nil && *b != 0 {
			list = append(list, *a / *b)
		}
	}
	return list
}

// median is the middle one of values as a table takes it; nil if there are none.
func median(values []float64) any {
	if len(values) == 0 {
		return nil
	}
	return stat.Median(values)
}

// spreadOf is the lowest and the highest of several values; nil of one or none.
func spreadOf(values []float64) (low, high any) {
	if len(values) < 2 {
		return nil, nil
	}
	return slices.Min(values), slices.Max(values)
}

// read reads the files NAME-ROUND.json of the directory.
func read[T any](dir, name string) (rounds[T], error) {
	files, err := filepath.Glob(filepath.Join(dir, name+"-*.json"))
	if err != nil {
		return nil, err
	}
	number := regexp.MustCompile(`^` + regexp.QuoteMeta(name) + `-([1-9][0-9]{0,3})\.json$`)
	all := rounds[T]{}
	for _, f := range files {
		m := number.FindStringSubmatch(filepath.Base(f))
		if m == nil {
			continue // of another name that begins alike
		}
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if len(strings.TrimSpace(string(b))) == 0 {
			return nil, fmt.Errorf("%s is empty: that run failed, see its log", f)
		}
		var v T
		if err := json.Unmarshal(b, &v); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		n, _ := strconv.Atoi(m[1])
		all[n] = v
	}
	return all, nil
}

// whole makes a figure of a count.
func whole(n int64) *float64 {
	v := float64(n)
	return &v
}

// positive makes a figure of a value that is 0 where it was not measured.
func positive(v float64) *float64 {
	if v <= 0 {
		return nil
	}
	return &v
}
