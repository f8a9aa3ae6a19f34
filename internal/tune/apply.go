package tune

import (
	"errors"
	"fmt"
	"io/fs"
)

// Change is one value that was written, or should have been.
type Change struct {
	Key    string `json:"setting"`
	Old    string `json:"old"`
	New    string `json:"new"`
	Reason string `json:"reason,omitempty"` // why it could not be done
	Cure   string `json:"cure,omitempty"`
}

// Report is what Apply or Revert did.
type Report struct {
	Done    []Change `json:"done"`
	NotDone []Change `json:"not_done"`
	Advice  []Change `json:"advice,omitempty"` // for a person to decide
	Notes   []string `json:"notes,omitempty"`

	limits bool // new logins will have the fd limits wanted, by the files that Persist wrote
}

// Keeper saves old values before they are overwritten. *Store is one.
type Keeper interface {
	Remember(st State, values []SavedValue) error
}

// runAsRoot is the reason why nothing is written when the old values cannot be saved.
const runAsRoot = "run as root: the old values cannot be kept, so nothing is changed"

// Apply raises the settings that are too low, in the table's order, and changes nothing
// else. The old values go to keep first (nil: they are not saved); if that fails nothing
// is written. Settings that cannot be raised are in the report with the reason.
func Apply(st State, t Target, sel Select, keep Keeper) (Report, error) {
	if err := t.Check(); err != nil {
		return Report{}, fmt.Errorf("apply: %w", err)
	}
	rep, todo := Pending(Check(st, t, sel))
	if len(todo) == 0 {
		return rep, nil
	}
	if keep != nil {
		err := keep.Remember(st, savedValues(st, todo))
		if errors.Is(err, fs.ErrPermission) { // nor could anything be written
			for _, c := range todo {
				c.Reason = runAsRoot
				rep.NotDone = append(rep.NotDone, c)
			}
			return rep, nil
		}
		if err != nil {
			return rep, fmt.Errorf("save old values: %w", err)
		}
	}
	for _, c := range todo {
		if err := write(st, c.Key, c.New); err != nil && !(errors.Is(err, errRounded) && enoughNow(st, t, c.Key)) {
			c.Reason = err.Error()
			rep.NotDone = append(rep.NotDone, c)
			continue
		}
		rep.Done = append(rep.Done, c)
	}
	return rep, nil
}

// Pending sorts rows: what Apply would write, what it cannot, and advice.
func Pending(rows []Row) (rep Report, todo []Change) {
	for _, r := range rows {
		c := Change{Key: r.Key, Old: r.Now, New: r.next, Reason: r.Note, Cure: r.Cure}
		switch {
		case r.Status == Advised:
			c.New = r.Want
			rep.Advice = append(rep.Advice, c)
		case r.setting.Advice || r.Status == OK || r.Status == Absent:
		case r.Status == Unreadable:
			c.New = r.Want
			rep.NotDone = append(rep.NotDone, c)
		case r.setting.Scope == Boot:
			c.Reason = "cannot be written"
			rep.NotDone = append(rep.NotDone, c)
		case !r.setting.Writable():
			c.Reason = "a limit of your shell, which no child process can raise"
			rep.NotDone = append(rep.NotDone, c)
		default:
			c.Reason, c.Cure = "", ""
			todo = append(todo, c)
		}
	}
	return rep, todo
}

// errRounded: the kernel has changed the value that was written.
var errRounded = errors.New("the kernel kept another value")

// write sets a value and reads it back.
func write(st State, key, value string) error {
	if err := st.Set(key, value); err != nil {
		return err
	}
	got, err := st.Get(key)
	if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	if clean(got) != clean(value) && !samePorts(key, got, value) {
		return fmt.Errorf("%w: %s", errRounded, quoteEmpty(clean(got)))
	}
	return nil
}

// enoughNow says whether the value that the kernel has kept is enough for t.
func enoughNow(st State, t Target, key string) bool {
	set, ok := Lookup(key)
	if !ok {
		return false
	}
	want, _ := set.Want(t)
	_, enough, err := Raise(set.Kind, readerOf(st)(key), want)
	return err == nil && enough
}

// samePorts compares two lists of ports, which the kernel may write in another way.
func samePorts(key, a, b string) bool {
	if set, ok := Lookup(key); !ok || set.Kind != PortSet {
		return false
	}
	x, err1 := ParsePorts(a)
	y, err2 := ParsePorts(b)
	return err1 == nil && err2 == nil && FormatPorts(x) == FormatPorts(y)
}

// savedValues are the old values of the changes that are about to be made.
func savedValues(st State, todo []Change) []SavedValue {
	ns := namespaceOf(st)
	var all []SavedValue
	for _, c := range todo {
		v := SavedValue{Key: c.Key, Old: c.Old, New: c.New}
		if set, ok := Lookup(c.Key); ok && set.Scope == Namespace {
			v.NetNS, v.Cookie = ns.name, ns.cookie
		}
		all = append(all, v)
	}
	return all
}
