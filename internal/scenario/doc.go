// Package scenario holds the runs that a user can ask for, one file each: hold,
// echo, churn (and stress, which is churn with a mix of users), peak, soak, sweep,
// diagnose. All drive the same client engine (package loadgen) and fill a
// result.Result.
//
//	p, err := scenario.Prepare(ctx, o, fp)     // decides every "auto", checks every limit
//	r, err := scenario.Hold(ctx, p, o, fp, watch)
//
// Prepare reads this machine's limits and the server's report and settles the
// plan before the first socket is opened; what bounded it is in the plan. A
// Watch is told five times a second how the run goes. A result is returned even
// if the run fell short or was interrupted.
//
// A server that is not ours is watched by package foreign (foreign.go), and the parts
// of a fleet's run wait at gates (gate.go).
//
// The package prints nothing and writes no sentence, which the test of package arch
// sees to: outcomes are types of package result, doubts are result.Warning codes,
// errors result.Fault codes, and package report words them all (report.Error). What a
// client offers of the scenarios stands in client/scenarios.go.
package scenario
