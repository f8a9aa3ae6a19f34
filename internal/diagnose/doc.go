// Package diagnose says what limits a run or a running server: it compares what
// was read before and after, and what was sampled in between, and names what is
// saturated, severest first, each by its code and with the facts that were seen.
// Package report has the words: what each code means, and what helps.
//
//	rec := diagnose.Start(ctx, fp, diagnose.Target{Client: true})
//	...the run...
//	findings := diagnose.Find(rec.Stop(ctx))
//
// Find is pure, a list of rules over a Window; the Recorder does the reading,
// through package proc. A new finding is a code, a rule and its line in the list of
// the subject's file (server.go, idle.go, peers.go, kernel.go, backends.go, cgroup.go,
// processors.go), and its words in package report, findings.go.
package diagnose
