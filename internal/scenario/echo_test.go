package scenario

import (
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

func TestEchoVerdict(t *testing.T) {
	came := &result.Latency{P50: 1e6, P90: 1e6, P99: 1e6, P999: 1e6, Max: 1e6}
	for _, tt := range []struct {
		name   string
		rate   unit.Rate // asked for
		r      result.Result
		behind bool
		says   string // first
	}{
		{"closed loop", 0, result.Result{Echo: &result.Echo{Rate: 1000, Latency: came}}, false, "1,000 echoes a second"},
		{"keeps up", 1000, result.Result{Echo: &result.Echo{Rate: 1000, Latency: came}}, false, "It keeps up with 1,000"},
		{"does not", 1000, result.Result{Echo: &result.Echo{Rate: 500, Latency: came}}, true, "It does not keep up"},
		{"nothing came back", 0, result.Result{Conns: result.Conns{Established: 20},
			Echo: &result.Echo{Sent: 20, Lost: 20}}, true, "Nothing came back: 20 messages were sent over 20 connections"},
		{"nothing came back at a rate", 1000, result.Result{Echo: &result.Echo{}}, true, "Nothing came back: 0 messages"},
		{"interrupted at once", 0, result.Result{Interrupt: true, Echo: &result.Echo{Sent: 20}}, false, ""},
		{"interrupted before", 0, result.Result{}, false, ""},
	} {
		h := &hold{Prepared: &Prepared{Plan: plan.Plan{Target: plan.Target{Scenario: "echo"},
			Asked: plan.Asked{MessageRate: tt.rate}}}, res: &tt.r}
		h.settleEcho()
		tt.r.Scenario, tt.r.Plan.MessageRate = "echo", tt.rate
		if said := report.Verdict(&tt.r); !strings.HasPrefix(said, tt.says) || tt.says == "" && said != "" ||
			tt.r.Behind != tt.behind {
			t.Errorf("%s: %q, behind %v; want %q, %v", tt.name, said, tt.r.Behind, tt.says, tt.behind)
		}
	}
}
