package main

import (
	"testing"

	"github.com/c10m/c10m/bench/internal/echotest"
)

func TestServer(t *testing.T) {
	echotest.WS(t, server.Run)
	echotest.Usage(t, server.Run, "ws")
}
