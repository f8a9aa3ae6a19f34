// Package result is what a run leaves behind: the numbers, their doubts, and the
// JSON file they are kept in (schema c10m/result/2).
//
// Numbers are in base units: bytes, nanoseconds or seconds as their names say, per
// second. What was not measured is absent, never 0; a figure that is doubtful has
// its doubt beside it. Every scenario's outcome is a type (Churn, Peak, Soak ...),
// so that each figure that a report shows can be held to a threshold and compared:
//
//	t, err := result.ParseThreshold("peak.users<1000")
//	failed, err := r.Judge([]result.Threshold{t})
//
// Why a run cannot be is a code with facts, like a doubt, and an error (Fault).
//
// The package writes no sentence and no table: package report makes them.
package result
