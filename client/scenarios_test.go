package main

import "testing"

// A row is whole: what another process can do it can also be judged by, and what
// agents share is such a run.
func TestKinds(t *testing.T) {
	for _, k := range kinds() {
		if c := k.command(); c.Name != k.name {
			t.Errorf("%s is the command %s", k.name, c.Name)
		}
		if k.isJob() != (k.run != nil) || k.isJob() != (k.short != nil) || k.isShared() && !k.isJob() {
			t.Errorf("%s: read %v, run %v, judged %v, shared %v", k.name, k.isJob(), k.run != nil, k.short != nil,
				k.isShared())
		}
		if !k.isJob() {
			continue
		}
		if j, _, err := parseJob(t.Context(), []string{k.name}, nil); err != nil || j.Run.Scenario != k.name {
			t.Errorf("%s: a run of %q, %v", k.name, j.Run.Scenario, err)
		}
	}
	if none := kindNamed("soup"); none.isJob() || none.isShared() {
		t.Errorf("%+v", none)
	}
	if got := anyOf(kind.isShared); got != "hold, echo, churn or stress" {
		t.Errorf("agents share %s", got)
	}
}
