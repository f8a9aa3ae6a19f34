// Package heap measures the Go heap of tests: what a call allocates, and what is live.
// The race detector has a heap of its own, so such tests are built without it.
package heap

import "runtime"

// Mallocs is how many objects are allocated while f runs, by f and by whatever else runs
// then.
func Mallocs(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// Live is how many bytes of heap are in use after a garbage collection. It collects more
// than once, because a sync.Pool gives up what it keeps only at the second collection.
func Live() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
