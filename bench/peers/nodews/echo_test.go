// Package nodews holds a peer in another language; only its test is Go.
package nodews

import (
	"testing"

	"github.com/c10m/c10m/bench/internal/echotest"
)

func TestServer(t *testing.T) {
	run := echotest.Command("./echo.js")
	echotest.WS(t, run)
	echotest.Usage(t, run, "ws")
}
