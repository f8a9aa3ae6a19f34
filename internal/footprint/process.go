package footprint

import (
	"fmt"

	"github.com/prometheus/procfs"
)

// Process is user memory and processor time of one or more processes.
type Process struct {
	RSS     uint64 // bytes; shared pages count in each process
	PSS     uint64 // bytes; shared pages count by their share
	Private uint64 // bytes
	CPU     float64
	Pids    int // processes that were there to be read
}

// Process sums up the processes: /proc/PID/smaps_rollup, and /proc/PID/stat for
// the time. A process that has ended meanwhile is left out. It never lists
// /proc/PID/fd, which would itself take kernel memory for each socket.
func (p Proc) Process(pids ...int) (Process, error) {
	var sum Process
	for _, pid := range pids {
		proc, err := p.fs.Proc(pid)
		if err != nil {
			continue // ended
		}
		one, err := readProcess(proc)
		if err != nil {
			continue
		}
		sum.RSS += one.RSS
		sum.PSS += one.PSS
		sum.Private += one.Private
		sum.CPU += one.CPU
		sum.Pids++
	}
	if sum.Pids == 0 && len(pids) > 0 {
		return sum, fmt.Errorf("read memory of processes %v: none can be read", pids)
	}
	return sum, nil
}

func readProcess(proc procfs.Proc) (Process, error) {
	stat, err := proc.Stat()
	if err != nil {
		return Process{}, err
	}
	one := Process{CPU: stat.CPUTime(), RSS: uint64(max(0, stat.ResidentMemory()))}
	if m, err := proc.ProcSMapsRollup(); err == nil {
		one.RSS, one.PSS, one.Private = m.Rss, m.Pss, m.PrivateClean+m.PrivateDirty
		return one, nil
	}
	// Another user's process: its resident size is all that may be seen.
	one.PSS, one.Private = one.RSS, one.RSS
	return one, nil
}
