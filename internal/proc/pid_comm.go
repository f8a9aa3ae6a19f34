package proc

// Name is a process's short name, /proc/PID/comm; "" where that is not shown.
func (p FS) Name(pid int) string {
	proc, err := p.fs.Proc(pid)
	if err != nil {
		return ""
	}
	name, _ := proc.Comm()
	return name
}
