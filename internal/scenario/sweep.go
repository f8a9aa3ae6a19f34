package scenario

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
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

// String is the kind in a result.
func (k AxisKind) String() string { return [...]string{"server", "client", "sysctl"}[k] }

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

// sure is the significance level: noise alone brings forth a winner in at most
// this share of sweeps.
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
	result.Variant
	choices []Choice
	numbers []map[string]float64 // of each run
	err     error                // why it could not run, or not be measured
	last    *result.Result
}

// newVariant has not run yet.
func newVariant(choices []Choice) *variant {
	v := &variant{choices: choices}
	for _, c := range choices {
		v.Choices = append(v.Choices, result.Choice{Of: c.Kind.String(), Name: c.Name, Value: c.Value})
	}
	return v
}

// take adds a run.
func (v *variant) take(r *result.Result, short bool, m result.Metric) error {
	v.last = r
	v.Errors += r.Failures()
	if short {
		v.Short++
	}
	numbers, err := r.Numbers()
	if err != nil {
		return err
	}
	n, ok := m.Of(numbers)
	if !ok || math.IsInf(n, 0) {
		return usage(result.Warn("metric_not_measured").Word("metric", m.Path))
	}
	v.Values, v.numbers = append(v.Values, n), append(v.numbers, numbers)
	return nil
}

// Sweep runs every variant several times, in turns, so that changes on the machine
// affect all of them alike, and says which is best and by how much. A variant that
// cannot run is reported and not tried again; an error means that none can.
func Sweep(ctx context.Context, o SweepOptions, run SweepRun) (*result.Result, error) {
	r := &result.Result{Schema: result.Schema, Scenario: "sweep", Proto: "tcp", Started: time.Now().UTC(),
		Command: o.Command,
		Host:    thisHost(o.Commit)}
	var all []*variant
	for _, choices := range Grid(o.Axes) {
		all = append(all, newVariant(choices))
	}
	for turn := 0; turn < o.Repeat && !r.Interrupt; turn++ {
		for k := range all {
			v := all[(k+turn)%len(all)] // so that no variant is always the first after a pause
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
	if err := nothing(all, r.Interrupt); err != nil {
		return nil, err
	}
	r.Sweep = o.outcome(all)
	for _, v := range all {
		r.Behind = r.Behind || v.Short > 0 || v.err != nil
	}
	if best := r.Sweep.BestVariant; best != nil { // what limits the best variant
		r.Findings = all[*best].last.Findings
	}
	return r, nil
}

// nothing is the error of a sweep that measured no variant.
func nothing(all []*variant, interrupted bool) error {
	if slices.ContainsFunc(all, func(v *variant) bool { return len(v.Values) > 0 }) {
		return nil
	}
	if interrupted {
		return ErrInterrupted
	}
	for _, v := range all {
		if v.err != nil {
			return fault(result.Warn("variant_failed").Word("variant", v.Name()), v.err)
		}
	}
	return nil
}

// outcome says which variant is best, as far as the runs can tell.
func (o SweepOptions) outcome(all []*variant) *result.Sweep {
	s := &result.Sweep{Metric: o.Metric.Path, Kind: o.Metric.Kind, Less: o.Less, Repeat: o.Repeat,
		CanTell: canTell(o.Repeat, len(all)), Needed: RepeatsNeeded(len(all))}
	values := make([][]float64, len(all)) // of those that can be judged
	for i, v := range all {
		if v.err != nil {
			why := result.AsWarning(v.err)
			v.Error = &why
		}
		if v.Whole() {
			values[i] = v.Values
		}
	}
	j := judgeSweep(values, o.Less)
	judged := 0
	for i, v := range all {
		if len(v.Values) > 0 {
			median := stat.Median(v.Values)
			v.Median = &median
		}
		if v.Whole() {
			judged++
			if i != j.best {
				v.Chance = &j.p[i]
			}
		}
		if j.equal[i] {
			s.Equal = append(s.Equal, i)
		}
		s.Variants = append(s.Variants, v.Variant)
	}
	if j.best >= 0 {
		s.BestVariant, s.Pick, s.Best = &j.best, &j.pick, result.MediansOf(all[j.best].numbers)
		maps.DeleteFunc(s.Best, func(_ string, v float64) bool {
			return math.IsInf(v, 0) // what never comes; a file holds no such number
		})
		s.Sure = judged > 1 && len(s.Equal) == 1
	}
	return s
}

// sweepJudgement says which variant is best, and how sure that is.
type sweepJudgement struct {
	best  int       // by its median; -1: nothing was measured
	equal []bool    // not significantly different from the best
	p     []float64 // against the best, corrected for the number of variants
	pick  int       // the first that is not significantly different
}

// judgeSweep compares every variant with the one of the best median. With many
// variants one is far off by chance, and the best is chosen for being so: any pair
// may be the one that is compared. So p is multiplied by the number of all pairs
// (Bonferroni), not only of those with the best.
func judgeSweep(values [][]float64, less bool) sweepJudgement {
	j := sweepJudgement{best: -1, equal: make([]bool, len(values)), p: make([]float64, len(values)), pick: -1}
	for i, v := range values {
		if len(v) == 0 {
			continue
		}
		if j.best < 0 || less == (stat.Median(v) < stat.Median(values[j.best])) &&
			stat.Median(v) != stat.Median(values[j.best]) {
			j.best = i
		}
	}
	if j.best < 0 {
		return j
	}
	for i, v := range values {
		j.p[i] = 1
		if i != j.best && len(v) > 0 {
			j.p[i] = min(1, stat.Differ(v, values[j.best])*pairs(len(values)))
		}
		j.equal[i] = len(v) > 0 && j.p[i] >= sure
		if j.equal[i] && j.pick < 0 {
			j.pick = i
		}
	}
	return j
}

// canTell says whether this many repeats can distinguish this many variants at
// all.
func canTell(repeat, variants int) bool {
	return stat.LeastChance(repeat, repeat)*pairs(variants) < sure
}

// pairs is how many pairs of so many variants there are; 1 at least.
func pairs(n int) float64 { return max(1, float64(n*(n-1)/2)) }

// RepeatsNeeded is how often each of so many variants must run for a difference to
// be significant.
func RepeatsNeeded(variants int) int {
	n := 2
	for !canTell(n, variants) {
		n++
	}
	return n
}
