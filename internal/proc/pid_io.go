package proc

import "fmt"

// Calls is how many calls of read(2) and write(2) and their kin a process has
// made, /proc/PID/io. The socket calls recv(2) and send(2) are not in it.
func (p FS) Calls(pid int) (int64, error) {
	proc, err := p.fs.Proc(pid)
	if gone(err) {
		return 0, fmt.Errorf("read calls of process %d: %w", pid, ErrGone)
	}
	if err != nil {
		return 0, fmt.Errorf("read calls of process %d: %w", pid, err)
	}
	io, err := proc.IO()
	if err != nil {
		return 0, fmt.Errorf("read calls of process %d: %w", pid, err)
	}
	return int64(io.SyscR + io.SyscW), nil
}
