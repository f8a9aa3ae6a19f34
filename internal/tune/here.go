package tune

import "os"

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
// run t, with its cure. Memory and cores are this machine's. Of a run on Both,
// program own leaves out what only the other one suffers from, which says it
// itself.
func Warnings(t Target, own Role) []string {
	root := Root{Dir: "/"}
	memory, cores, err := root.Machine()
	if err != nil {
		return nil // nothing is known, so nothing is claimed
	}
	var lines []string
	t.Memory, t.Page, t.Cores = memory, int64(os.Getpagesize()), cores
	for _, f := range Hurting(root, t) {
		if f.concerns(own) {
			lines = append(lines, f.Warning)
		}
	}
	return lines
}
