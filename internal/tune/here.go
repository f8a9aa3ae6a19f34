package tune

import (
	"os"

	"github.com/c10m/c10m/internal/plan"
)

// InForce is current on this machine.
func InForce() map[string]string { return current(Root{Dir: "/"}) }

// current is the values of the table's settings by their keys, as far as they can
// be read. A process's limits are no setting of the machine.
func current(st State) map[string]string {
	all := map[string]string{}
	for _, s := range Settings() {
		if v := readerOf(st)(s.Key); v != "" && s.Scope != Process {
			all[s.Key] = v
		}
	}
	return all
}

// Warnings is Hurting on this machine: one line for each setting that will hurt
// a run of conns connections to the listening ports given, with its cure.
func Warnings(conns int64, ports []plan.PortRange, role Role) []string {
	root := Root{Dir: "/"}
	memory, cores, err := root.Machine()
	if err != nil {
		return nil // nothing is known, so nothing is claimed
	}
	var lines []string
	for _, f := range Hurting(root, Target{Conns: conns, Ports: ports, Memory: memory, Page: int64(os.Getpagesize()), Cores: cores, Role: role}) {
		lines = append(lines, f.Warning)
	}
	return lines
}
