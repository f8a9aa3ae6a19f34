// Package interop runs our client against servers and through proxies that are not
// ours, in the clear and over TLS: what works is to work, and what cannot is to be
// named with the cure.
package interop

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/tests/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m, "../..", true, func() {})) }

// conns is how many connections each run has.
const conns = 40

// run runs the client against a target.
func run(t *testing.T, target string, flags ...string) rig.Outcome {
	t.Helper()
	args := append([]string{"hold", target, "--server-control", "none", "--conns", fmt.Sprint(conns)}, flags...)
	o := rig.Client(t, nil, nil, args...)
	o.HasResult(t)
	return o
}

// works checks that a run held all connections and got all answers.
func works(t *testing.T, o rig.Outcome, answers int64) {
	t.Helper()
	c, e := o.Result.Conns, o.Result.Echo
	if o.Status != 0 || c.Established != conns || c.Lost != 0 || len(c.Errors) > 0 {
		t.Fatalf("status %d, conns %+v: %s\n%s", o.Status, c, o.Stderr, said(t, o))
	}
	if e == nil || e.Lost != 0 || e.Received < answers {
		t.Errorf("messages %+v, want %d answers and none lost", e, answers)
	}
}

// said is the report as text, on one line.
func said(t *testing.T, o rig.Outcome) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteText(&b, o.Result); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// fails checks that all connections of a run failed for one cause, and that its report
// names the cure.
func fails(t *testing.T, o rig.Outcome, cause, cure string) {
	t.Helper()
	if errs := o.Result.Conns.Errors; o.Status != 1 || errs[cause] != conns {
		t.Errorf("status %d, causes %v, want 1 and %s", o.Status, errs, cause)
	}
	if text := said(t, o); !strings.Contains(text, cure) {
		t.Errorf("%q is not in the report: %s", cure, text)
	}
}
