package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
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

// SoftText and HardText are the limits as /proc/PID/limits has them.
func (l Rlimit) SoftText() string { return limitText(l.Soft) }
func (l Rlimit) HardText() string { return limitText(l.Hard) }

func limitText(n int64) string {
	if n == Unlimited {
		return "unlimited"
	}
	return strconv.FormatInt(n, 10)
}

// OwnLimits are those of this process, /proc/self/limits.
func (p FS) OwnLimits() (Limits, error) { return p.Limits(self) }

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

// parseLimits reads "Max open files  20000  20000  files". A limit that is not
// there is Unlimited, but for that of files, without which it is not the file.
func parseLimits(b []byte) (l Limits, err error) {
	for _, one := range []struct {
		name string
		to   *Rlimit
	}{{"Max open files", &l.Files}, {"Max processes", &l.Tasks}} {
		*one.to, err = parseRlimit(b, one.name)
		if errors.Is(err, errNoLimit) && one.to != &l.Files {
			*one.to, err = Rlimit{Unlimited, Unlimited}, nil
		}
		if err != nil {
			return Limits{}, err
		}
	}
	return l, nil
}

var errNoLimit = errors.New("no line")

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
	return l, fmt.Errorf("%w %q", errNoLimit, name)
}
