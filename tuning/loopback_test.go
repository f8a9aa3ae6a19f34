package main

import (
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
)

func TestLoopback(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	runtime.LockOSThread() // and its thread ends with it
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
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
