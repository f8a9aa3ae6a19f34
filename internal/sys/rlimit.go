package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Nofile is a process's RLIMIT_NOFILE, see getrlimit(2). Soft is what the
// kernel enforces per fd table; fds number 0..Soft-1.
type Nofile struct{ Soft, Hard uint64 }

// GetNofile reads RLIMIT_NOFILE of this process.
func GetNofile() (Nofile, error) {
	var r unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &r); err != nil {
		return Nofile{}, os.NewSyscallError("prlimit", err)
	}
	return Nofile{Soft: r.Cur, Hard: r.Max}, nil
}

// setNofile sets RLIMIT_NOFILE of this process. Raising Hard needs
// CAP_SYS_RESOURCE, and neither may exceed fs.nr_open: EPERM otherwise.
func setNofile(n Nofile) error {
	r := unix.Rlimit{Cur: n.Soft, Max: n.Hard}
	return os.NewSyscallError("prlimit", unix.Prlimit(0, unix.RLIMIT_NOFILE, &r, nil))
}

// RaiseNofile lifts the soft limit towards want, and the hard limit too where
// the process may (CAP_SYS_RESOURCE). It never lowers a limit. It returns the
// limits in force afterwards; an error only if they could not even be read.
func RaiseNofile(want uint64) (Nofile, error) {
	now, err := GetNofile()
	if err != nil {
		return now, err
	}
	if now.Soft >= want {
		return now, nil
	}
	if now.Hard < want && setNofile(Nofile{Soft: want, Hard: want}) == nil {
		return GetNofile()
	}
	if err := setNofile(Nofile{Soft: min(want, now.Hard), Hard: now.Hard}); err != nil {
		return now, fmt.Errorf("raise soft fd limit to %d: %w", min(want, now.Hard), err)
	}
	return GetNofile()
}
