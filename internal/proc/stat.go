package proc

import (
	"fmt"
	"slices"

	"github.com/prometheus/procfs"
)

// Core is what one processor has spent its time on since boot, seconds.
type Core struct {
	ID      int64
	Busy    float64 // all but idle, waiting for a disk and stolen
	Softirq float64 // the part of Busy in soft interrupts: the network's work
	Stolen  float64 // a hypervisor gave it to somebody else
}

// Cores is /proc/stat: every processor, and who waits for one.
type Cores struct {
	Each     []Core // by ID
	Runnable int64  // threads that run or want to, now
	Blocked  int64  // threads that wait for a disk, now
	Switches uint64 // context switches since boot
}

// Cores reads /proc/stat.
func (p FS) Cores() (Cores, error) {
	s, err := p.fs.Stat()
	if err != nil {
		return Cores{}, fmt.Errorf("read stat: %w", err)
	}
	c := Cores{Runnable: int64(s.ProcessesRunning), Blocked: int64(s.ProcessesBlocked), Switches: s.ContextSwitches}
	for id, one := range s.CPU {
		c.Each = append(c.Each, newCore(id, one))
	}
	slices.SortFunc(c.Each, func(a, b Core) int { return int(a.ID - b.ID) })
	return c, nil
}

// newCore leaves guest time out: the kernel counts it in user and nice already.
func newCore(id int64, s procfs.CPUStat) Core {
	return Core{ID: id, Busy: s.User + s.Nice + s.System + s.IRQ + s.SoftIRQ, Softirq: s.SoftIRQ, Stolen: s.Steal}
}

// Softirq is the machine's time in soft interrupts since boot, seconds.
func (p FS) Softirq() (float64, error) {
	s, err := p.fs.Stat()
	if err != nil {
		return 0, fmt.Errorf("read stat: %w", err)
	}
	return s.CPUTotal.SoftIRQ, nil
}
