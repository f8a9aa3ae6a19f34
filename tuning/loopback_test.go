package main

import (
	"net"
	"testing"

	"github.com/c10m/c10m/tests/nettest"
)

func TestLoopback(t *testing.T) {
	nettest.InNetns(t)
	up := func() bool {
		lo, err := net.InterfaceByName("lo")
		if err != nil {
			t.Fatal(err)
		}
		return lo.Flags&net.FlagUp != 0
	}
	before := up()
	code, stdout, stderr := call("loopback")
	if before || code != 0 || stdout+stderr != "" || !up() {
		t.Errorf("lo was up: %v, is up: %v; exit %d, %q, %q", before, up(), code, stdout, stderr)
	}
}
