package report

import (
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// Ending is the last line of a run's output: how it ended, its exit status and the
// reason. Losses are in it for those who read nothing else.
func Ending(r *result.Result, status int) string {
	word, said := verdict(r)
	why := []string{said}
	if r.Plan.Conns == 0 && r.Conns.Attempted == 0 { // it opened none
		why = nil
	}
	if status != 0 && word == wordDone {
		word = wordFellShort
		why = append(why, shortOf(r)...)
	}
	why = append(why, FailedThresholds(r)...)
	line := fmt.Sprintf("%s, exit status %d", word, status)
	if len(why) > 0 {
		line += ": " + strings.Join(why, "; ")
	}
	return line
}

// shortOf is why a run that did what it was to do has failed all the same.
func shortOf(r *result.Result) (why []string) {
	c := r.Conns
	if r.Leak {
		why = append(why, "what the server holds grows with time")
	}
	if c.Failed > 0 && c.Established <= r.Plan.Conns { // else it is said already
		why = append(why, Plural(c.Failed, "connect")+" failed")
	}
	if n := c.Errors["close_timeout"]; n > 0 {
		why = append(why, unit.Commas(n)+" were not closed by the server, which was to close first")
	}
	if r.Behind && c.Attempted == 0 {
		why = append(why, "a run fell short, or could not be made")
	}
	if len(why) == 0 && len(r.Findings) > 0 && r.Findings[0].Severity >= result.Limits {
		why = append(why, "what limits is: "+Finding(r.Findings[0]).Name)
	}
	return why
}

// FailedThresholds says of each condition that held what it met, a line each.
func FailedThresholds(r *result.Result) []string { return failedLines(verdictsOf(r)) }
