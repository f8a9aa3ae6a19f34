package main

import (
	"testing"

	"github.com/c10m/c10m/peers/internal/echotest"
)

func TestServer(t *testing.T) {
	echotest.WS(t, server.Run)
	echotest.Usage(t, server.Run, "ws")
}
