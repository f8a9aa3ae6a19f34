package proc

import (
	"bytes"
	"fmt"
)

// Unlimited is a limit that does not bind.
const Unlimited = -1

// Rlimit is one limit of getrlimit(2): Unlimited, or a number.
type Rlimit struct{ Soft, Hard int64 }

// Limits are limits of a process, /proc/PID/limits.
type Limits struct {
	Files Rlimit // RLIMIT_NOFILE
	Tasks Rlimit // RLIMIT_NPROC, threads of the same real user
}

// Limits reads /proc/PID/limits.
func (p FS) Limits(pid int) (l Limits, err error) {
	err = p.read(of(pid)+"/limits", func(b []byte) (err error) {
		l, err = parseLimits(b)
		return err
	})
	if gone(err) && pid != self {
		err = ErrGone
	}
	if err != nil {
		return l, fmt.Errorf("read limits of process %s: %w", of(pid), err)
	}
	return l, nil
}

// parseLimits reads "Max open files  20000  20000  files". Both limits must be
// there.
func parseLimits(b []byte) (l Limits, err error) {
	for _, one := range []struct {
		name string
		to   *Rlimit
	}{{"Max open files", &l.Files}, {"Max processes", &l.Tasks}} {
		if *one.to, err = parseRlimit(b, one.name); err != nil {
			return Limits{}, err
		}
	}
	return l, nil
}

func parseRlimit(b []byte, name string) (l Rlimit, err error) {
	for line := range bytes.Lines(b) {
		rest, ok := bytes.CutPrefix(line, []byte(name+" "))
		if !ok {
			continue
		}
		f := bytes.Fields(rest)
		if len(f) < 2 {
			return l, fmt.Errorf("%s: %q is not two limits", name, bytes.TrimSpace(rest))
		}
		for i, to := range []*int64{&l.Soft, &l.Hard} {
			if string(f[i]) == "unlimited" {
				*to = Unlimited
				continue
			}
			n, ok := number(f[i], 1<<62)
			if !ok {
				return l, fmt.Errorf("%s: %q is not a limit", name, f[i])
			}
			*to = int64(n)
		}
		return l, nil
	}
	return l, fmt.Errorf("no line %q", name)
}
