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
	Need string // the least value with which the run does not suffer
	Why  string // what happens below it
	Cure string // a command

	setting Setting
}

// Line is the finding in one line.
func (f Finding) Line() string {
	return fmt.Sprintf("%s is %s, this run needs %s: %s; cure: %s", f.Key, f.Now, f.Need, f.Why, f.Cure)
}

// concerns says whether the setting matters to that end.
func (f Finding) concerns(end Role) bool {
	_, ok := f.setting.Want(Target{Conns: 1, Ports: []unit.Ports{{First: 1, N: 1}}, Memory: MinMemory, Cores: 1,
		Role: end})
	return ok
}

// Hurting returns the settings that are too low for this one run: fewer than Check
// finds, since a small run is fine with most defaults. It reads each setting once and
// writes nothing. Settings that cannot be read are not reported.
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

// nowText is a value as people read it. tcp_ehash_entries is negative where the table is
// shared with the first network namespace (Kind Magnitude).
func nowText(k Kind, now string) string {
	if size, shared := strings.CutPrefix(now, "-"); k == Magnitude && shared {
		return size + " (shared with the first network namespace)"
	}
	return quoteEmpty(now)
}

// hurtCure is the command that raises a setting to what t wants, which is more than the
// run needs.
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

// InForce is the values of the table's settings on this machine, by key.
func InForce() map[string]string { return current(Root{Dir: "/"}) }

// current is the values of the table's settings, by key, as far as they can be read. It
// leaves out the limits of a process.
func current(st State) map[string]string {
	all := map[string]string{}
	for _, s := range Settings() {
		if v := readerOf(st)(s.Key); v != "" && s.Scope != Process {
			all[s.Key] = v
		}
	}
	return all
}

// HurtingHere is Hurting on this machine, with its memory and cores. own is the end that
// asks: where t.Role is Both, settings that matter only to the other end are left out,
// because that end reports them.
func HurtingHere(t Target, own Role) []Finding {
	root := Root{Dir: "/"}
	memory, cores, err := root.Machine()
	if err != nil {
		return nil // nothing is known, so nothing is claimed
	}
	t.Memory, t.Page, t.Cores = memory, int64(os.Getpagesize()), cores
	return slices.DeleteFunc(Hurting(root, t), func(f Finding) bool { return !f.concerns(own) })
}
