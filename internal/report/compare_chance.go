package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

const (
	// sure is the chance below which a difference is taken for one: noise alone
	// would bring it forth in one row of twenty.
	sure = 0.05
	// mostValues bounds what the exact test has to count.
	mostValues = 20
)

// judge says how often noise alone would set two groups as far apart, and, where
// that is seldom, which way they differ.
func (c *cell) judge(path string, own, base []float64) {
	if len(own) < 2 || len(base) < 2 {
		return
	}
	chance := stat.Differ(spaced(own), spaced(base))
	c.chance = &chance
	if chance >= sure {
		return
	}
	m, _ := result.ParseMetric(path) // of a file's number, which has a path
	better := stat.Median(own) > stat.Median(base)
	switch m.Better() {
	case result.Neither:
		c.word = wordDiffers
	case result.Less:
		better = !better
		fallthrough
	default:
		c.word = map[bool]string{true: wordBetter, false: wordWorse}[better]
	}
}

// The words for a sure difference.
const (
	wordBetter  = "better"
	wordWorse   = "worse"
	wordDiffers = "differs"
)

// wordClass is how a word looks.
var wordClass = map[string]string{wordBetter: "good", wordWorse: "bad", wordDiffers: "doubt"}

// spaced are at most mostValues of the values, evenly spaced.
func spaced(values []float64) []float64 {
	if len(values) <= mostValues {
		return values
	}
	few := make([]float64, mostValues)
	for i := range few {
		few[i] = values[i*len(values)/mostValues]
	}
	return few
}

// against is the ratio to the baseline, and what it is worth: × 1.085 better 0.8 %,
// or a ~ where noise alone may have made it.
func (c cell) against() string {
	ratio := strings.TrimRight(c.times(), " ~")
	switch {
	case ratio == "" && c.word == "":
		return ""
	case c.chance == nil:
		return c.times()
	case c.word == "" && *c.chance == 1 && c.ratio == 1 && c.lo == c.hi:
		return c.times() // all runs are the same
	case c.word == "":
		return ratio + " ~"
	}
	return strings.TrimSpace(ratio + " " + c.word + " " + chanceWords(*c.chance))
}

func chanceWords(p float64) string {
	return strings.ReplaceAll(unit.Percent(p), " ", "")
}

// repeated says whether two groups have several runs each.
func (c *Comparison) repeated(group int) bool {
	return len(c.groups[0].Runs) > 1 && len(c.groups[group].Runs) > 1
}

// judgementTable says what the numbers come to, a row for each group but the first.
func (c *Comparison) judgementTable() table {
	t := table{Title: "Verdict", First: "group", Words: "against " + c.groups[0].Name}
	for g := 1; g < len(c.groups); g++ {
		t.name = max(t.name, min(columns(c.groups[g].Name)+4, compareName))
		name, n, m := c.groups[g].Name, len(c.groups[0].Runs), len(c.groups[g].Runs)
		switch {
		case !c.repeated(g):
			t.say(name, "one pair proves nothing (%s of %s, %s of %s): whatever differs may be noise. Repeat both; "+
				"4 runs of each can tell.", Plural(n, "run"), c.groups[0].Name, Plural(m, "run"), name)
		case stat.LeastChance(n, m) >= sure:
			t.say(name, "%d and %d runs cannot be told from noise, however far apart they are: 4 of each can.", n, m)
		default:
			t.say(name, "%s", c.judgement(g))
		}
	}
	return t
}

// judgement is of a group that is repeated often enough.
func (c *Comparison) judgement(group int) string {
	found := map[string][]string{}
	rows := 0
	for _, p := range c.parts() {
		for _, row := range p.rows {
			one := c.cellOf(row.path, group)
			if one.chance == nil {
				continue
			}
			rows++
			if one.word != "" {
				found[one.word] = append(found[one.word],
					row.path+one.change()+" (chance "+unit.Percent(*one.chance)+")")
			}
		}
	}
	var parts []string
	for _, word := range []string{wordBetter, wordWorse, wordDiffers} {
		switch list := found[word]; {
		case len(list) > 0 && word == wordDiffers:
			parts = append(parts, "differs in "+strings.Join(list, ", "))
		case len(list) > 0:
			parts = append(parts, word+" in "+strings.Join(list, ", "))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("no difference in %s that noise could not make", Plural(rows, "figure"))
	}
	return strings.Join(parts, "; ") + ". Of twenty figures one differs by chance."
}

// change is by how much a group's number differs from the baseline's.
func (c cell) change() string {
	if c.ratio == 0 || math.IsInf(c.ratio, 0) {
		return ""
	}
	return " " + unit.Change(c.ratio-1)
}
