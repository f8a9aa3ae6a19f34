package scenario

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

// Axis is one thing that a sweep varies: a flag of the server, a flag of the
// client, or a setting of the network.
type Axis struct {
	Kind   AxisKind
	Name   string
	Values []string
}

// AxisKind says whose an axis is.
type AxisKind uint8

// The kinds.
const (
	ServerFlag AxisKind = iota
	ClientFlag
	Sysctl
)

// Choice is one value of an axis.
type Choice struct {
	Kind        AxisKind
	Name, Value string
}

// SweepOptions say what is varied, and what is looked at.
type SweepOptions struct {
	Axes    []Axis
	Repeat  int
	Metric  result.Metric
	Less    bool // a smaller number is better
	Command []string
	Commit  string
}

// sure is how sure a win must be: noise alone would bring one forth in at most
// so many sweeps of one.
const sure = 0.05

// Grid is every combination of the axes' values, the last axis fastest.
func Grid(axes []Axis) [][]Choice {
	all := [][]Choice{nil}
	for _, a := range axes {
		var next [][]Choice
		for _, v := range all {
			for _, value := range a.Values {
				next = append(next, append(slices.Clone(v), Choice{a.Kind, a.Name, value}))
			}
		}
		all = next
	}
	return all
}

// SweepRun runs one variant once. A run that fell short has a result, too.
type SweepRun func(context.Context, []Choice) (r *result.Result, short bool, err error)

// variant is one combination of values, and what came of its runs.
type variant struct {
	choices []Choice
	values  []float64 // of the metric, by run
	errors  int64     // connects, connections and messages that failed, over all runs
	short   int       // runs that fell short
	err     error     // why it could not run, or not be measured
	last    *result.Result
}

func (v *variant) name() string { return variantName(v.choices) }

// whole says whether the variant can be judged: a server that refuses most of
// its connections is quick with the rest.
func (v *variant) whole() bool { return len(v.values) > 0 && v.short == 0 && v.err == nil }

// take takes in a run.
func (v *variant) take(r *result.Result, short bool, m result.Metric) error {
	v.last = r
	v.errors += failures(r)
	if short {
		v.short++
	}
	numbers, err := r.Numbers()
	if err != nil {
		return err
	}
	n, ok := m.Of(numbers)
	if !ok {
		return fmt.Errorf("%w: --metric %s: the run did not measure it", ErrUsage, m.Path)
	}
	v.values = append(v.values, n)
	return nil
}

// Sweep runs every variant several times, by turns, so that what changes on the
// machine meanwhile meets all of them, and says which is best and by how much. A
// variant that cannot run is said to, and not tried again; an error means that
// none can.
func Sweep(ctx context.Context, o SweepOptions, run SweepRun) (*result.Result, error) {
	r := &result.Result{Schema: result.Schema, Scenario: "sweep", Proto: "tcp", Started: time.Now().UTC(), Command: o.Command,
		Host: thisHost(o.Commit)}
	var all []*variant
	for _, choices := range Grid(o.Axes) {
		all = append(all, &variant{choices: choices})
	}
	for turn := 0; turn < o.Repeat && !r.Interrupt; turn++ {
		for k := range all {
			v := all[(k+turn)%len(all)] // nobody is always the first after a pause
			if v.err != nil {
				continue
			}
			one, short, err := run(ctx, v.choices)
			if ctx.Err() != nil {
				r.Interrupt = true
				break
			}
			if v.err = err; err == nil {
				r.Proto = one.Proto
				v.err = v.take(one, short, o.Metric)
			}
		}
	}
	failed := slices.IndexFunc(all, func(v *variant) bool { return v.err != nil })
	nothing := !slices.ContainsFunc(all, func(v *variant) bool { return len(v.values) > 0 })
	if r.Interrupt && nothing {
		return nil, ErrInterrupted
	}
	if failed >= 0 && nothing {
		return nil, fmt.Errorf("%s: %w", all[failed].name(), all[failed].err)
	}
	values := make([][]float64, len(all)) // of those that can be judged
	for i, v := range all {
		if v.whole() {
			values[i] = v.values
		}
		r.Behind = r.Behind || v.short > 0 || v.err != nil
	}
	judgement := judgeSweep(values, o.Less)
	r.Tables = []result.Table{sweepTable(o, all, judgement)}
	r.Verdict = sweepVerdict(o, all, values, judgement)
	if judgement.best >= 0 { // what would have to be cured to go on from there
		r.Findings = all[judgement.best].last.Findings
	}
	return r, nil
}

// sweepJudgement says which variant is best, and how sure that is.
type sweepJudgement struct {
	best  int       // by its median; -1: nothing was measured
	equal []bool    // cannot be told from the best
	p     []float64 // against the best, corrected for the number of variants
	pick  int       // the first that cannot be told from the best
}

// judgeSweep compares every variant with the one of the best median. With many
// variants one is far off by chance: p is multiplied by the comparisons made
// (Bonferroni).
func judgeSweep(values [][]float64, less bool) sweepJudgement {
	j := sweepJudgement{best: -1, equal: make([]bool, len(values)), p: make([]float64, len(values)), pick: -1}
	for i, v := range values {
		if len(v) == 0 {
			continue
		}
		if j.best < 0 || less == (stat.Median(v) < stat.Median(values[j.best])) && stat.Median(v) != stat.Median(values[j.best]) {
			j.best = i
		}
	}
	if j.best < 0 {
		return j
	}
	for i, v := range values {
		j.p[i] = 1
		if i != j.best && len(v) > 0 {
			j.p[i] = min(1, stat.Differ(v, values[j.best])*float64(len(values)-1))
		}
		j.equal[i] = len(v) > 0 && j.p[i] >= sure
		if j.equal[i] && j.pick < 0 {
			j.pick = i
		}
	}
	return j
}

// canTell says whether so many repeats can tell so many variants apart at all.
func canTell(repeat, variants int) bool {
	ways := 1.0 // repeat out of 2 repeat
	for i := range repeat {
		ways = ways * float64(2*repeat-i) / float64(i+1)
	}
	return 2/ways*float64(max(1, variants-1)) < sure
}

// RepeatsNeeded is how often so many variants must run to be told apart.
func RepeatsNeeded(variants int) int {
	n := 2
	for !canTell(n, variants) {
		n++
	}
	return n
}

func variantName(v []Choice) string {
	var parts []string
	for _, c := range v {
		parts = append(parts, c.Name+"="+c.Value)
	}
	return strings.Join(parts, " ")
}

func sweepTable(o SweepOptions, all []*variant, j sweepJudgement) result.Table {
	t := result.Table{Title: o.Metric.Path + ", " + strings.ToLower(runsEach(o.Repeat)), Plot: "median",
		Note: "against first: the median as a multiple of the first variant's. chance: how often noise alone would set it as far from the best; below 5 % it is worse than the best, above nobody can tell. " +
			"short: runs that fell short; with one, or an error, a variant cannot be best. errors: connects, connections and messages that failed, over all runs."}
	for _, a := range o.Axes {
		t.Columns = append(t.Columns, result.Column{Name: a.Name, Unit: unit.InText})
	}
	of := o.Metric.Kind
	t.Columns = append(t.Columns, result.Column{Name: "median", Unit: of}, result.Column{Name: "lowest", Unit: of}, result.Column{Name: "highest", Unit: of},
		result.Column{Name: "against first", Unit: unit.InNumber}, result.Column{Name: "chance", Unit: unit.InShare},
		result.Column{Name: "runs", Unit: unit.InCount}, result.Column{Name: "short", Unit: unit.InCount}, result.Column{Name: "errors", Unit: unit.InCount})
	failed := slices.ContainsFunc(all, func(v *variant) bool { return v.err != nil })
	if failed {
		t.Columns = append(t.Columns, result.Column{Name: "could not run", Unit: unit.InText})
	}
	for i, v := range all {
		var row []any
		for _, c := range v.choices {
			row = append(row, c.Value)
		}
		at := len(row)
		row = append(row, nil, nil, nil, nil, nil, float64(len(v.values)), float64(v.short), float64(v.errors))
		if first := all[0].values; len(v.values) > 0 {
			row[at], row[at+1], row[at+2] = stat.Median(v.values), slices.Min(v.values), slices.Max(v.values)
			if len(first) > 0 && stat.Median(first) != 0 {
				row[at+3] = stat.Median(v.values) / stat.Median(first)
			}
			if i != j.best && v.whole() {
				row[at+4] = j.p[i]
			}
		}
		if failed {
			row = append(row, "")
		}
		if v.err != nil {
			row[len(row)-1] = v.err.Error()
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// sweepVerdict says which is best, and which could not be.
func sweepVerdict(o SweepOptions, all []*variant, values [][]float64, j sweepJudgement) string {
	said := bestOf(o, all, values, j)
	var not []string
	for _, v := range all {
		switch {
		case v.err != nil:
			not = append(not, v.name()+" could not run")
		case v.short > 0:
			not = append(not, fmt.Sprintf("%s fell short in %d of %d runs", v.name(), v.short, len(v.values)))
		}
	}
	const most = 3
	switch {
	case len(not) > most:
		said += fmt.Sprintf(" Not judged: %s and %d more.", strings.Join(not[:most], ", "), len(not)-most)
	case len(not) > 0:
		said += fmt.Sprintf(" Not judged: %s.", strings.Join(not, ", "))
	}
	return said
}

// bestOf is about those that were judged.
func bestOf(o SweepOptions, all []*variant, values [][]float64, j sweepJudgement) string {
	equal, judged := 0, 0
	for i, v := range values {
		if len(v) > 0 {
			judged++
		}
		if j.equal[i] {
			equal++
		}
	}
	switch {
	case judged == 0 && slices.ContainsFunc(all, func(v *variant) bool { return v.short > 0 }):
		return "No variant did what was asked of it, so none is best."
	case judged == 0:
		return "Nothing was measured."
	case len(all) == 1:
		return fmt.Sprintf("%s: there is only one variant, nothing to choose.", all[0].name())
	case judged == 1:
		return fmt.Sprintf("Only %s did what was asked of it.", all[j.best].name())
	case equal == judged:
		said := fmt.Sprintf("No difference that noise could not make: the best median, with %s, is no sure win. Take the simplest, %s.", all[j.best].name(), all[j.pick].name())
		if !canTell(o.Repeat, len(all)) {
			said += fmt.Sprintf(" %s could not have told %d variants apart: --repeat %d could.", runsEach(o.Repeat), len(all), RepeatsNeeded(len(all)))
		}
		return said
	}
	how := byHowMuch(all, values, j)
	if equal > 1 {
		return fmt.Sprintf("Best by its median is %s, but %d of %d variants cannot be told from it; the first of them is %s. %s.", all[j.best].name(), equal, judged, all[j.pick].name(), how)
	}
	return fmt.Sprintf("Best is %s. %s.", all[j.best].name(), how)
}

func runsEach(n int) string {
	if n == 1 {
		return "One run each"
	}
	return fmt.Sprintf("%d runs each", n)
}

// byHowMuch sets the best beside the first variant and the worst.
func byHowMuch(all []*variant, values [][]float64, j sweepJudgement) string {
	worst, best := j.best, stat.Median(values[j.best])
	for i, v := range values {
		if len(v) > 0 && math.Abs(stat.Median(v)-best) > math.Abs(stat.Median(values[worst])-best) {
			worst = i
		}
	}
	change := func(i int) string {
		m := stat.Median(values[i])
		if m == 0 {
			return "no number"
		}
		return fmt.Sprintf("%+.0f %%", 100*(best/m-1))
	}
	said := fmt.Sprintf("Its median is %s against the worst, %s", change(worst), all[worst].name())
	if len(values[0]) > 0 && worst != 0 && j.best != 0 {
		said += fmt.Sprintf(", and %s against the first, %s", change(0), all[0].name())
	}
	return said
}
