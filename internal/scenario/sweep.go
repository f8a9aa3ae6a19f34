package scenario

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
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

// Sweep runs every variant several times, by turns, so that what changes on the
// machine meanwhile meets all of them, and says which is best and by how much.
func Sweep(ctx context.Context, o SweepOptions, run func(context.Context, []Choice) (*result.Result, error)) (*result.Result, error) {
	r := &result.Result{Schema: result.Schema, Scenario: "sweep", Proto: "tcp", Started: time.Now().UTC(), Command: o.Command,
		Host: result.Host{Kernel: sys.Kernel(), CPUs: runtime.NumCPU(), MemoryBytes: sys.TotalMemory(), Go: runtime.Version(), Commit: o.Commit}}
	grid := Grid(o.Axes)
	values := make([][]float64, len(grid))
	last := make([]*result.Result, len(grid))
	for turn := range o.Repeat {
		for k := range grid {
			i := (k + turn) % len(grid) // nobody is always the first after a pause
			one, err := run(ctx, grid[i])
			if ctx.Err() != nil {
				r.Interrupt = true
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", variantName(grid[i]), err)
			}
			r.Proto, last[i] = one.Proto, one
			numbers, err := one.Numbers()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", variantName(grid[i]), err)
			}
			v, ok := o.Metric.Of(numbers)
			if !ok {
				return nil, fmt.Errorf("%w: --metric %s: the run with %s did not measure it", ErrUsage, o.Metric.Path, variantName(grid[i]))
			}
			values[i] = append(values[i], v)
		}
		if r.Interrupt {
			break
		}
	}
	judgement := judgeSweep(values, o.Less)
	r.Tables = []result.Table{sweepTable(o, grid, values, judgement)}
	r.Verdict = sweepVerdict(o, grid, values, judgement)
	if judgement.best >= 0 { // what would have to be cured to go on from there
		r.Findings = last[judgement.best].Findings
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
		if j.best < 0 || less == (median(v) < median(values[j.best])) && median(v) != median(values[j.best]) {
			j.best = i
		}
	}
	if j.best < 0 {
		return j
	}
	for i, v := range values {
		j.p[i] = 1
		if i != j.best && len(v) > 0 {
			j.p[i] = min(1, differ(v, values[j.best])*float64(len(values)-1))
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

// unitOf is the unit of a metric in a table.
func unitOf(m result.Metric) result.Unit {
	switch {
	case strings.HasSuffix(m.Path, "rate"):
		return result.InPerSecond
	case m.Dim == result.Nanos:
		return result.InNanos
	case m.Dim == result.Seconds:
		return result.InSeconds
	case m.Dim == result.Octets:
		return result.InBytes
	case m.Dim == result.Share:
		return result.InShare
	}
	return result.InFloat
}

func sweepTable(o SweepOptions, grid [][]Choice, values [][]float64, j sweepJudgement) result.Table {
	t := result.Table{Title: fmt.Sprintf("%s, %d runs each", o.Metric.Path, o.Repeat), Plot: "median",
		Note: "against first: the median as a multiple of the first variant's. chance: how often noise alone would set it as far from the best; below 5 % it is worse than the best, above nobody can tell."}
	for _, a := range o.Axes {
		t.Columns = append(t.Columns, result.Column{Name: a.Name, Unit: result.InText})
	}
	unit := unitOf(o.Metric)
	t.Columns = append(t.Columns, result.Column{Name: "median", Unit: unit}, result.Column{Name: "lowest", Unit: unit}, result.Column{Name: "highest", Unit: unit},
		result.Column{Name: "against first", Unit: result.InFloat}, result.Column{Name: "chance", Unit: result.InShare}, result.Column{Name: "runs", Unit: result.InNumber})
	for i, v := range grid {
		var row []any
		for _, c := range v {
			row = append(row, c.Value)
		}
		row = append(row, nil, nil, nil, nil, nil, float64(len(values[i])))
		if at := len(v); len(values[i]) > 0 {
			row[at], row[at+1], row[at+2] = median(values[i]), slices.Min(values[i]), slices.Max(values[i])
			if len(values[0]) > 0 && median(values[0]) != 0 {
				row[at+3] = median(values[i]) / median(values[0])
			}
			if i != j.best {
				row[at+4] = j.p[i]
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func sweepVerdict(o SweepOptions, grid [][]Choice, values [][]float64, j sweepJudgement) string {
	if j.best < 0 {
		return "Nothing was measured."
	}
	if len(grid) == 1 {
		return fmt.Sprintf("%s: there is only one variant, nothing to choose.", variantName(grid[0]))
	}
	equal := 0
	for _, e := range j.equal {
		if e {
			equal++
		}
	}
	best := median(values[j.best])
	switch {
	case equal == len(grid):
		said := fmt.Sprintf("No difference that noise could not make: the best median, with %s, is no sure win. Take the simplest, %s.", variantName(grid[j.best]), variantName(grid[0]))
		if !canTell(o.Repeat, len(grid)) {
			said += fmt.Sprintf(" %s could not have told %d variants apart: --repeat %d could.", runsEach(o.Repeat), len(grid), RepeatsNeeded(len(grid)))
		}
		return said
	case equal > 1:
		return fmt.Sprintf("Best by its median is %s, but %d of %d variants cannot be told from it; the first of them is %s. %s.", variantName(grid[j.best]), equal, len(grid), variantName(grid[j.pick]), byHowMuch(grid, values, j, best))
	}
	return fmt.Sprintf("Best is %s. %s.", variantName(grid[j.best]), byHowMuch(grid, values, j, best))
}

func runsEach(n int) string {
	if n == 1 {
		return "One run each"
	}
	return fmt.Sprintf("%d runs each", n)
}

// byHowMuch sets the best beside the first variant and the worst.
func byHowMuch(grid [][]Choice, values [][]float64, j sweepJudgement, best float64) string {
	worst := j.best
	for i, v := range values {
		if len(v) > 0 && math.Abs(median(v)-best) > math.Abs(median(values[worst])-best) {
			worst = i
		}
	}
	change := func(i int) string {
		m := median(values[i])
		if m == 0 {
			return "no number"
		}
		return fmt.Sprintf("%+.0f %%", 100*(best/m-1))
	}
	said := fmt.Sprintf("Its median is %s against the worst, %s", change(worst), variantName(grid[worst]))
	if len(values[0]) > 0 && worst != 0 && j.best != 0 {
		said += fmt.Sprintf(", and %s against the first, %s", change(0), variantName(grid[0]))
	}
	return said
}
