package report

import (
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/result"
)

// A peak that outlived its server claims nothing of what it could not try.
func TestVerdictOfPeakThatWasGivenUp(t *testing.T) {
	users, more, rate := int64(20), int64(40), 5.0
	for _, tt := range []struct {
		name string
		peak result.Peak
		gone bool
		want string
	}{
		{"it goes on", result.Peak{Users: &users, Rate: &rate, LowerBound: true}, false,
			"It carries 20 users, the most that was tried, at 5 transactions a second; its limit is above that."},
		{"the server ends between two steps", result.Peak{Users: &users, Rate: &rate, LowerBound: true}, true,
			"It carries 20 users, the most that was tried, at 5 transactions a second; of more nothing is known, as the " +
				"run was given up: no route."},
		{"it breaks", result.Peak{Users: &users, Rate: &rate, BreaksAt: &more, Broke: "errors>1%"}, false,
			"It carries 20 users at 5 transactions a second; with 40 the limit errors>1% is passed. What broke first: "},
		{"the server ends within a step",
			result.Peak{Users: &users, Rate: &rate, BreaksAt: &more, Broke: "errors>1%"}, true,
			"It carries 20 users at 5 transactions a second; with 40 the limit errors>1% is passed, and then the " +
				"run was given up: no route."},
		{"within the first", result.Peak{BreaksAt: &more, Broke: "errors>1%"}, true,
			"It does not even carry 40 users: errors>1%, and then the run was given up: no route."},
	} {
		r := &result.Result{Peak: &tt.peak,
			Findings: []result.Finding{result.Found(diagnose.AcceptQueue, 99)}}
		if tt.gone {
			r.Warnings = []result.Warning{result.Warn("given_up").Word("why", "no route")}
		}
		if got := peakVerdict(r); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
