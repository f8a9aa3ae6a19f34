// Package netstack tests our own TCP against one that is not Linux's: gVisor's
// netstack. It is a module of its own, so that nobody else needs gVisor.
package netstack
