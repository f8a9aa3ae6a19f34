package tune

import (
	"slices"
	"strconv"
)

// Kind says how two values of a setting compare, and so what it means to raise one.
type Kind int

// The kinds. Raise has a case for each.
const (
	AtLeast   Kind = iota // one number; more is enough
	Magnitude             // one number whose sign has another meaning; more is enough
	Triple                // three numbers, each raised for itself
	Range                 // "low high" of ports, widened
	PortSet               // "80,10000-10199", united
	Choice                // "1|2": any of these will do, the first is written
	AtMost                // one number; less is enough. Never written
	AsIs                  // nothing is wanted. Never written
)

// Scope is what a setting applies to.
type Scope string

// The scopes.
const (
	Global    Scope = "global"    // the whole machine
	Namespace Scope = "namespace" // one network namespace, see network_namespaces(7)
	Process   Scope = "process"   // a process and its children, see getrlimit(2)
	Boot      Scope = "boot"      // decided when the kernel starts, or outside /proc/sys
)

// Setting is one row of the table: which value is wanted, why, and where that is
// documented.
type Setting struct {
	Key   string
	Scope Scope
	Kind  Kind
	// Want is the value wanted for a target; false: it does not matter to that target.
	Want func(Target) (string, bool)
	// Need is the value below which this one run suffers, less than Want. It may read
	// other settings. Nil, or false: the run does not suffer from any value.
	Need func(Target, Reader) (string, bool)
	// Advice is reported with its cure, but never written, and makes no check fail.
	Advice bool
	// Optional: on a kernel without the setting nothing has to be raised.
	Optional bool
	// Floor: the value in force is usually far above what is wanted. A file that is
	// written without knowing it leaves the setting out, so as not to lower it.
	Floor bool

	Why    string // in one sentence
	TooLow string // what happens when it is too low (or wrong)
	Source string // kernel documentation
	// Cure is the command that helps where "sysctl -w" does not.
	Cure func(Target) string
}

// Reader gives the value of another setting, or "" if it cannot be read.
type Reader func(key string) string

// Writable says whether Apply may write the setting.
func (s Setting) Writable() bool {
	return !s.Advice && s.Scope != Process && s.Scope != Boot && s.Kind != AsIs && s.Kind != AtMost
}

// Settings is the table, in the order in which values are written: the ceiling of a
// limit before the limit, and reserved ports before the local port range is widened over
// them.
func Settings() []Setting {
	var all []Setting
	for _, part := range [][]Setting{
		ofSockets(fileSettings(), listenSettings(), portSettings(), closeSettings(), keepaliveSettings(), memorySettings()),
		conntrackSettings(), ofSockets(hashSettings(), machineSettings()), packetSettings()} {
		all = append(all, part...)
	}
	return all
}

// ofSockets narrows settings to the roles whose kernel has sockets.
func ofSockets(parts ...[]Setting) []Setting {
	all := slices.Concat(parts...)
	for i, s := range all {
		all[i] = s.ofSockets()
	}
	return all
}

func (s Setting) ofSockets() Setting {
	want, need := s.Want, s.Need
	s.Want = func(t Target) (string, bool) {
		if t.Role == Packets {
			return "", false
		}
		return want(t)
	}
	if need != nil {
		s.Need = func(t Target, get Reader) (string, bool) {
			if t.Role == Packets {
				return "", false
			}
			return need(t, get)
		}
	}
	return s
}

// Lookup finds a setting by its key.
func Lookup(key string) (Setting, bool) {
	for _, s := range Settings() {
		if s.Key == key {
			return s, true
		}
	}
	return Setting{}, false
}

// number makes a Want for all roles from a number.
func number(f func(Target) int64) func(Target) (string, bool) {
	return func(t Target) (string, bool) { return strconv.FormatInt(f(t), 10), true }
}

// on narrows a Want to targets that have this end, so to r and Both.
func on(r Role, f func(Target) (string, bool)) func(Target) (string, bool) {
	return func(t Target) (string, bool) {
		if !t.has(r) {
			return "", false
		}
		return f(t)
	}
}

// constant makes a Want that does not depend on the target.
func constant(v string) func(Target) (string, bool) {
	return func(Target) (string, bool) { return v, true }
}

// needNumber makes a Need from a number.
func needNumber(f func(Target) int64) func(Target, Reader) (string, bool) {
	return func(t Target, _ Reader) (string, bool) { return strconv.FormatInt(f(t), 10), true }
}
