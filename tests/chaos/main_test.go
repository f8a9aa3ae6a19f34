//go:build chaos

package chaos

import (
	"os"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// Environment of the suite's own processes.
const (
	moved  = "C10M_CHAOS_MOVED"  // already in a namespace of its own
	attack = "C10M_CHAOS_ATTACK" // be this attacker, not the suite
)

// long is whether the faults last as long as the promise says (a minute of
// storm, 30 s without a network) instead of seconds.
var long = os.Getenv("C10M_CHAOS_LONG") != ""

// lasting is how long a fault lasts.
func lasting(short, full time.Duration) time.Duration {
	if long {
		return full
	}
	return short
}

func TestMain(m *testing.M) {
	if name := os.Getenv(attack); name != "" {
		os.Exit(attacker(name))
	}
	if os.Getuid() == 0 && os.Getenv(moved) == "" {
		os.Exit(rig.InOwnNetwork(os.Stdout, moved+"=1"))
	}
	os.Exit(rig.Main(m, "../..", false, func() {}))
}

// ownNetwork is whether this loopback is ours alone.
func ownNetwork() bool { return os.Getenv(moved) != "" }
