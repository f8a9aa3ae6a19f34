package tune

import (
	"fmt"
	"os"

	"github.com/c10m/c10m/internal/unit"
)

// Finding is a setting that will hurt a run.
type Finding struct {
	Key     string
	Now     string
	Need    string // below this the run suffers
	Warning string // one line, with the cure

	setting Setting
}

// concerns says whether the setting is wanted where only that end is.
func (f Finding) concerns(end Role) bool {
	_, ok := f.setting.Want(Target{Conns: 1, Ports: []unit.Ports{{First: 1, N: 1}}, Memory: MinMemory, Cores: 1,
		Role: end})
	return ok
}

// Hurting returns only those settings that will hurt this very run, most of
// which fit a small run as they are. It reads each setting once and writes
// nothing. What cannot be read is not reported: nothing is known about it.
func Hurting(st State, t Target) []Finding {
	get := readerOf(st)
	var all []Finding
	for _, set := range Settings() {
		if set.Need == nil {
			continue
		}
		need, ok := set.Need(t, get)
		if !ok {
			continue
		}
		raw, err := st.Get(set.Key)
		if err != nil {
			continue
		}
		now := clean(raw)
		if _, enough, err := Raise(set.Kind, now, need); err != nil || enough {
			continue
		}
		f := Finding{Key: set.Key, Now: now, Need: need, setting: set}
		f.Warning = fmt.Sprintf("%s is %s, this run needs %s: %s; cure: %s",
			set.Key, quoteEmpty(now), wantText(set.Kind, need), set.TooLow, hurtCure(set, t, now))
		all = append(all, f)
	}
	return all
}

// hurtCure raises to what is wanted, not just to what is needed.
func hurtCure(set Setting, t Target, now string) string {
	want, ok := set.Want(t)
	if !ok {
		return t.ApplyCommand()
	}
	next, _, err := Raise(set.Kind, now, want)
	if err != nil {
		return t.ApplyCommand()
	}
	return cureOf(set, t, next)
}

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
