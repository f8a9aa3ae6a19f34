package proc

import (
	"fmt"
	"strconv"
	"strings"
)

// Files is fs.file-nr: files open on the whole system, and the most there may
// be (fs.file-max).
func (p FS) Files() (open, limit int64, err error) {
	s, err := p.Sysctl("fs.file-nr")
	if err != nil {
		return 0, 0, err
	}
	f := strings.Fields(s)
	if len(f) != 3 {
		return 0, 0, fmt.Errorf("read sysctl fs.file-nr: %q is not three numbers", s)
	}
	open, err1 := strconv.ParseInt(f[0], 10, 64)
	limit, err2 := strconv.ParseInt(f[2], 10, 64)
	if err1 != nil || err2 != nil || open < 0 || limit < 0 {
		return 0, 0, fmt.Errorf("read sysctl fs.file-nr: %q is not three numbers", s)
	}
	return open, limit, nil
}

// defaultNrOpen is what fs.nr_open is unless somebody has set it.
const defaultNrOpen = 1 << 20

// NrOpen is fs.nr_open, the most that RLIMIT_NOFILE can be raised to; the
// kernel's default where it cannot be read, or cannot be.
func (p FS) NrOpen() uint64 {
	n, err := p.SysctlInt("fs.nr_open")
	if err != nil || n < 1 {
		return defaultNrOpen
	}
	return uint64(n)
}
