// Package tornado holds a peer in another language; only its test is Go.
package tornado

import (
	"testing"

	"github.com/c10m/c10m/bench/internal/echotest"
)

func TestServer(t *testing.T) {
	run := echotest.Command("./echo.py")
	echotest.TCP(t, run)
	echotest.Careful(t, run)
	echotest.WS(t, run)
	echotest.Usage(t, run, "tcp")
}
