// Package diagnose says what limits a run or a running server: it compares what
// was read before and after, and what was sampled in between, and names what is
// saturated, severest first, each with its evidence, its meaning and its cure.
//
//	rec := diagnose.Start(ctx, fp, diagnose.Target{Client: true})
//	...the run...
//	findings := diagnose.Find(rec.Stop(ctx))
//
// Find is pure, a list of rules over a Window; the Recorder does the reading,
// through package proc. A new finding is a rule in find.go's list, and its code in
// the file of its subject: processors.go, kernel.go, cgroup.go, server.go, peers.go,
// idle.go, backends.go.
package diagnose
