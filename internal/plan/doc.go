// Package plan decides a run before the first socket: how many connections,
// over which 4-tuples, at which rate. It is pure: it touches no kernel.
package plan
