package tune

import (
	"errors"
	"slices"
)

// Status is the verdict on one setting.
type Status string

// The verdicts. Only Low and Unreadable mean that not all is well.
const (
	OK         Status = "ok"
	Low        Status = "low"
	Advised    Status = "advice" // could be better; left to you
	Absent     Status = "absent" // this kernel has no such limit
	Unreadable Status = "cannot read"
)

// Row is one setting as it is and as it should be.
type Row struct {
	Key    string `json:"setting"`
	Scope  Scope  `json:"scope"`
	Now    string `json:"now"`
	Want   string `json:"wanted"`
	Status Status `json:"status"`
	Note   string `json:"note,omitempty"` // why its status is what it is on this machine
	Why    string `json:"why"`
	TooLow string `json:"too_low"`
	Cure   string `json:"cure,omitempty"`
	Source string `json:"source"`

	// The line of a file that sets it too low at the next boot, and the sentence about
	// it, see AddBoot.
	AtBoot *Assignment `json:"at_boot,omitempty"`
	Boot   string      `json:"boot,omitempty"`

	next    string // what Apply would write
	setting Setting
}

// Select selects settings by scope ("" is all) and by key (none is all).
type Select struct {
	Scope Scope
	Only  []string
}

func (s Select) takes(set Setting) bool {
	return (s.Scope == "" || s.Scope == set.Scope) && (len(s.Only) == 0 || slices.Contains(s.Only, set.Key))
}

// Check compares every setting that matters to t with st. It changes nothing.
func Check(st State, t Target, sel Select) []Row {
	var rows []Row
	for _, set := range Settings() {
		want, ok := set.Want(t)
		if !ok || !sel.takes(set) {
			continue
		}
		rows = append(rows, checkOne(st, t, set, want))
	}
	return rows
}

func checkOne(st State, t Target, set Setting, want string) Row {
	row := Row{Key: set.Key, Scope: set.Scope, Want: want, Why: set.Why, TooLow: set.TooLow, Source: set.Source,
		setting: set}
	raw, err := st.Get(set.Key)
	if err != nil {
		return row.unread(st, set, err)
	}
	row.Now = clean(raw)
	next, enough, err := Raise(set.Kind, raw, want)
	switch {
	case err != nil:
		row.Status, row.Note = Unreadable, err.Error()
	case enough:
		row.Status = OK
	case set.Advice:
		row.Status = Advised
	default:
		row.Status = Low
	}
	row.next = next
	if row.Status == Low || row.Status == Advised {
		row.Cure = cureOf(set, t, next)
	}
	if set.Scope == Process && row.Status == Low {
		row.excuse(st, want)
	}
	return row
}

// unread is the row of a setting that cannot be read: absent, which is no fault, or
// unreadable.
func (row Row) unread(st State, set Setting, err error) Row {
	row.Status, row.Note = Unreadable, err.Error()
	if set.Kind == AsIs {
		row.Status = Absent
		return row
	}
	if !errors.Is(err, ErrAbsent) {
		return row
	}
	if set.Optional {
		row.Status = Absent
		return row
	}
	if ns, err := st.Get(KeyNetNS); err == nil && ns != InitialNetNS && set.Scope == Global {
		row.Note = "not visible in this network namespace"
	}
	return row
}

// excuse turns a low fd limit into OK where server and client can raise it by
// themselves.
func (row *Row) excuse(st State, want string) {
	get := readerOf(st)
	if _, enough, err := Raise(AtLeast, get(KeyNofileHard), want); err == nil && enough {
		row.Status, row.Note, row.Cure = OK, "the hard limit is enough: server and client lift the soft one", ""
		return
	}
	if hasCap(get(KeyCaps), capSysResource) {
		row.Status, row.Note, row.Cure = OK, "server and client raise it by themselves (CAP_SYS_RESOURCE)", ""
	}
}

// cureOf is the command that raises one setting.
func cureOf(set Setting, t Target, next string) string {
	if set.Cure != nil {
		return set.Cure(t)
	}
	return "sysctl -w " + assignment(set.Key, next)
}

// assignment is key=value as a shell takes it.
func assignment(key, value string) string {
	for _, r := range value {
		if r == ' ' {
			return key + "='" + value + "'"
		}
	}
	return key + "=" + value
}

// Well says whether no row is Low or Unreadable.
func Well(rows []Row) bool {
	for _, r := range rows {
		if (r.Status == Low || r.Status == Unreadable) && !r.setting.Advice {
			return false
		}
	}
	return true
}
