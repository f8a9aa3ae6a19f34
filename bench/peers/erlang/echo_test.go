// Package erlang holds a peer in another language; only its test is Go.
package erlang

import (
	"testing"

	"github.com/c10m/c10m/bench/internal/echotest"
)

func TestServer(t *testing.T) {
	run := echotest.Command("./echo.escript")
	echotest.TCP(t, run)
	echotest.Careful(t, run)
	echotest.Usage(t, run, "tcp")
}
