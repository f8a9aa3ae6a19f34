package nettest

import (
	"os"
	"testing"
	"time"
)

// Patience bounds every wait of a test. What is waited for takes moments, but seconds on
// a busy machine. C10M_TEST_PATIENCE is a shorter one, for a test that is expected to
// fail.
var Patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("C10M_TEST_PATIENCE")); err == nil {
		return d
	}
	return 2 * time.Minute
}()

// Await polls cond until it holds, and fails the test if that takes longer than
// Patience. what completes the sentence "waited 2m0s for ...".
func Await(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	pause := time.Millisecond
	for end := time.Now().Add(Patience); !cond(); time.Sleep(pause) {
		if time.Now().After(end) {
			tb.Fatalf("waited %v for %s", Patience, what)
		}
		pause = min(2*pause, 10*time.Millisecond)
	}
}
