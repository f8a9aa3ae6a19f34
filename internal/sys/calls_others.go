//go:build !amd64

package sys

// oldCalls are those that younger architectures do without.
var oldCalls map[int64]SystemCall
