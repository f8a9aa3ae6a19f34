package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// status is /proc/PID/status, as far as it is needed.
type status struct {
	uid     int64 // real; -1: not shown
	threads int64 // 0: not shown
	capEff  uint64
	hasCaps bool
}

func (p FS) status(pid int) (s status, err error) {
	err = p.read(of(pid)+"/status", func(b []byte) (err error) {
		s, err = parseStatus(b)
		return err
	})
	if err != nil {
		return s, fmt.Errorf("read status of process %s: %w", of(pid), err)
	}
	return s, nil
}

// parseStatus reads "Name:\tvalue ...", proc_pid_status(5). A line that is not
// there is not known; one that makes no sense is an error.
func parseStatus(b []byte) (status, error) {
	s := status{uid: -1}
	for line := range bytes.Lines(b) {
		name, rest, _ := bytes.Cut(line, []byte(":"))
		f := bytes.Fields(rest)
		if len(f) == 0 {
			continue
		}
		ok := true
		var n uint64
		switch string(name) {
		case "Uid":
			n, ok = number(f[0], 1<<33)
			s.uid = int64(n)
		case "Threads":
			n, ok = number(f[0], 1<<33)
			s.threads = int64(n)
		case "CapEff":
			n, err := strconv.ParseUint(string(f[0]), 16, 64)
			s.capEff, s.hasCaps, ok = n, true, err == nil
		}
		if !ok {
			return s, fmt.Errorf("%s: %q is not a number", name, f[0])
		}
	}
	return s, nil
}

// User is the real user of a process, which fs.epoll.max_user_watches counts by.
func (p FS) User(pid int) (uid int, err error) {
	s, err := p.status(pid)
	if err == nil && s.uid < 0 {
		err = fmt.Errorf("read status of process %s: no line Uid", of(pid))
	}
	return int(s.uid), err
}

// CapEff is the effective capabilities of a process, a bit each, capabilities(7).
func (p FS) CapEff(pid int) (uint64, error) {
	s, err := p.status(pid)
	if err == nil && !s.hasCaps {
		err = errors.New("read status of process " + of(pid) + ": no line CapEff")
	}
	return s.capEff, err
}

// OwnCapEff is CapEff of this process.
func (p FS) OwnCapEff() (uint64, error) { return p.CapEff(self) }
