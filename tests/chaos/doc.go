// Package chaos is the fault suite: what one connection suffers may cost no
// other, no input may crash either program, and nothing may be reported that
// did not happen. `make chaos` runs it (go test -tags chaos ./tests/chaos);
// without the tag it is empty, so that `go test ./...` passes over it.
//
// As root the suite moves into a network namespace of its own: then nobody else
// is on its loopback, and the kernel's socket counts are exactly ours.
package chaos
