package tune

import (
	"errors"
	"strconv"
)

// State reads and writes settings. Root is that of a real kernel.
type State interface {
	// Get returns the value of a key, ErrAbsent if this kernel has no such
	// key, or another error if it cannot be read.
	Get(key string) (string, error)
	// Set writes a value, which the kernel may round.
	Set(key, value string) error
}

// Linux capabilities, capabilities(7), as bits of CapEff in /proc/self/status.
const (
	capSysAdmin    = 21
	capSysResource = 24
)

// Keys that are no sysctl.
const (
	KeyNofileSoft = "RLIMIT_NOFILE.soft"
	KeyNofileHard = "RLIMIT_NOFILE.hard"
	KeyTHP        = "transparent_hugepage"
	KeySlabWaste  = "slab.TCP.waste_permille"
	KeyTun        = "/dev/net/tun"
	KeyCaps       = "process.cap_eff"
	KeyNetNS      = "process.net_namespace"
	KeyNetCookie  = "process.net_cookie"
	KeyBootID     = "kernel.random.boot_id"
)

// ErrAbsent: this kernel (or this network namespace) has no such setting.
var ErrAbsent = errors.New("not on this kernel")

// ErrFixed: the setting cannot be written while the system runs.
var ErrFixed = errors.New("cannot be changed from here")

// InitialNetNS is the value of KeyNetNS in the network namespace that the
// machine booted with.
const InitialNetNS = "initial"

// readerOf reads settings of st, "" where they cannot be read.
func readerOf(st State) Reader {
	return func(key string) string {
		v, err := st.Get(key)
		if err != nil {
			return ""
		}
		return clean(v)
	}
}

// hasCap says whether a bit of CapEff, as /proc/self/status prints it, is set.
func hasCap(capEff string, bit uint) bool {
	v, err := strconv.ParseUint(capEff, 16, 64)
	return err == nil && v>>bit&1 == 1
}
