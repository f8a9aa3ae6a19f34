package shard

import (
	"testing"
	"time"
)

// The heap of a worker is told only while the worker is quiet: a figure from before the
// last connections came would be taken for theirs.
func TestSettleForgetsTheHeapOfABusyWorker(t *testing.T) {
	ctr := Alone().Slots[0]
	go Settle(t.Context(), ctr)
	for round := range 2 {
		ctr.Accepted.Add(1)
		for _, known := range []bool{false, true} {
			for end := time.Now().Add(time.Minute); (ctr.Heap.Load() > 0) != known; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("round %d: heap %d, want it known: %v", round, ctr.Heap.Load(), known)
				}
			}
		}
	}
}
