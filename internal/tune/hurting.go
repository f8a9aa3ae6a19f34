package tune

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/unit"
)

// Finding is a setting that will hurt a run.
type Finding struct {
	Key  string
	Now  string
	Need string // below this the run suffers
	Why  string // what it suffers then
	Cure string // a command

	setting Setting
}

// Line is the finding in one line.
func (f Finding) Line() string {
	return fmt.Sprintf("%s is %s, this run needs %s: %s; cure: %s", f.Key, f.Now, f.Need, f.Why, f.Cure)
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
		all = append(all, Finding{Key: set.Key, Now: nowText(set.Kind, now), Need: wantText(set.Kind, need),
			Why:  set.TooLow,
			Cure: hurtCure(set, t, now), setting: set})
	}
	return all
}

// nowText is a value as it stands; a negative magnitude, of tcp_ehash_entries, is
// one that is shared with the first network namespace.
func nowText(k Kind, now string) string {
	if size, shared := strings.CutPrefix(now, "-"); k == Magnitude && shared {
		return size + " (shared with the first network namespace)"
	}
	return quoteEmpty(now)
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

// HurtingHere is Hurting on this machine. Memory and cores are this machine's. Of a
// run on Both, program own leaves out what only the other one suffers from, which
// says it itself.
func HurtingHere(t Target, own Role) []Finding {
	root := Root{Dir: "/"}
	memory, cores, err := root.Machine()
	if err != nil {
		return nil // nothing is known, so nothing is claimed
	}
	t.Memory, t.Page, t.Cores = memory, int64(os.Getpagesize()), cores
	return slices.DeleteFunc(Hurting(root, t), func(f Finding) bool { return !f.concerns(own) })
}
