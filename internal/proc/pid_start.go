package proc

import (
	"bytes"
	"fmt"
)

// StartTime is when a process began, in clock ticks since the machine did: field 22
// of /proc/PID/stat, proc_pid_stat(5). Together with its number it tells a process
// from a later one that got the same number. ErrGone if there is none.
func (p FS) StartTime(pid int) (ticks uint64, err error) {
	err = p.read(of(pid)+"/stat", func(b []byte) error {
		f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		const at = 22 - 3 // the state is field 3, and the first one here
		if len(f) <= at {
			return errNoStat
		}
		if f[0][0] == 'Z' || f[0][0] == 'X' {
			return ErrGone // it has ended, and nobody has asked how
		}
		var ok bool
		if ticks, ok = number(f[at], 1<<62); !ok {
			return errNoStat
		}
		return nil
	})
	if gone(err) {
		err = ErrGone
	}
	if err != nil {
		return 0, fmt.Errorf("look for process %s: %w", of(pid), err)
	}
	return ticks, nil
}
