//go:build !linux

// The name of this package is the message: elsewhere than on Linux the go
// command stops at it with one line, before it compiles anything, instead of
// with pages about missing system calls.
package c10m_runs_on_Linux_only
