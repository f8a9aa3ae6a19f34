//go:build !race

// nbio hands a connection from its listener's goroutine to its poller's through
// epoll alone, which the race detector cannot see: under it the library's own
// accesses are reported.

package main

import (
	"testing"

	"github.com/c10m/c10m/bench/internal/echotest"
)

func TestServer(t *testing.T) {
	echotest.TCP(t, server.Run)
	echotest.WS(t, server.Run)
	echotest.Usage(t, server.Run, "ws")
}
