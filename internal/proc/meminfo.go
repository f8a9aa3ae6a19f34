package proc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// Mem is the memory of the machine, /proc/meminfo in bytes as far as it is
// needed, and of the control groups that bind this process.
type Mem struct {
	Total, Free uint64 // 0: not known
	PageCache   uint64 // Cached + Buffers + SwapCached - Shmem
	CleanCache  uint64 // Active(file) + Inactive(file) - Dirty - Writeback: what the kernel can drop at once
	Slab        uint64 // pages of all slab caches, and kmallocs too large for one
	// Doubts are bounds that were left out, each with its cause.
	Doubts []string
	groups []groupRoom // limited cgroups
}

// Boundless is the room where nothing is known that bounds it.
const Boundless = math.MaxInt64

// Used is MemTotal - MemFree - page cache: everything that is taken and cannot
// simply be dropped. Not MemTotal - MemAvailable: an open socket's inode and
// dentry count as reclaimable there, though they are not, which hides about 30 %
// of what sockets cost.
func (m Mem) Used() uint64 { return less(less(m.Total, m.Free), m.PageCache) }

// machineRoom is what can still be taken of the machine's memory: never more than
// there is.
func (m Mem) machineRoom(reserve float64) uint64 {
	if m.Total == 0 {
		return Boundless
	}
	return less(min(m.Total, m.Free+m.CleanCache), uint64(float64(m.Total)*reserve))
}

// Room is how many bytes can still be taken when a share of all memory (reserve,
// 0..1) stays free; Boundless where nothing is known. A cgroup's limit is all the
// memory there is to those in it: the same share of it stays free.
func (m Mem) Room(reserve float64) uint64 {
	room := m.machineRoom(reserve)
	for _, g := range m.groups {
		room = min(room, less(g.left, uint64(float64(g.limit)*reserve)))
	}
	return room
}

// Bound is the memory that Room is of, in use and in all: the machine's, or that
// of the cgroup which has the least room left. total is 0 where nothing is known.
func (m Mem) Bound(reserve float64) (used, total uint64, group bool) {
	if g := m.tightest(reserve); g != nil {
		return less(g.limit, g.left), g.limit, true
	}
	return m.Used(), m.Total, false
}

// BoundName says what Bound is of, as a user would look for it.
func (m Mem) BoundName(reserve float64) string {
	if g := m.tightest(reserve); g != nil {
		return g.name
	}
	return "this machine's memory"
}

// tightest is the cgroup that has less room than the machine and all others.
func (m Mem) tightest(reserve float64) (tightest *groupRoom) {
	room := m.machineRoom(reserve)
	for i, g := range m.groups {
		if left := less(g.left, uint64(float64(g.limit)*reserve)); left < room {
			tightest, room = &m.groups[i], left
		}
	}
	return tightest
}

// Mem reads /proc/meminfo and the cgroups' limits. Where meminfo is hidden or
// makes no sense it asks sysinfo(2), and failing that the cgroups alone count; an
// error only where none of them is known. It is asked ten times a second during a
// ramp.
func (p FS) Mem() (Mem, error) {
	var m Mem
	err := p.read("meminfo", func(b []byte) (err error) {
		m, err = parseMem(b)
		return err
	})
	if err != nil {
		m = p.sysinfoMem(err)
	}
	groups, doubts := p.room()
	m.groups, m.Doubts = groups, append(m.Doubts, doubts...)
	if m.Total == 0 && len(groups) == 0 {
		return Mem{}, fmt.Errorf("read meminfo: %w", err)
	}
	return m, nil
}

// sysinfoMem is what sysinfo(2) knows, which is nothing of the page cache but
// buffers: the room is smaller than it is, never larger.
func (p FS) sysinfoMem(why error) (m Mem) {
	m.Doubts = []string{fmt.Sprintf("the machine's memory is left out: read meminfo: %v", why)}
	if p.sysinfo == nil {
		return m
	}
	s, err := p.sysinfo()
	if err != nil || s.Total == 0 || s.Free > s.Total || s.Buffers > s.Total-s.Free {
		return m
	}
	m.Total, m.Free, m.PageCache, m.CleanCache = s.Total, s.Free, s.Buffers, s.Buffers
	m.Doubts = []string{fmt.Sprintf("memory is that of sysinfo(2), the page cache counts as taken: read meminfo: %v", why)}
	return m
}

// fields of /proc/meminfo by name, in bytes.
type memFields struct {
	total, free, buffers, cached, swapCached, active, inactive, dirty, writeback, shmem, slab uint64
	hasFree                                                                                   bool
}

func (f *memFields) field(name []byte) *uint64 {
	switch string(name) {
	case "MemTotal":
		return &f.total
	case "MemFree":
		f.hasFree = true
		return &f.free
	case "Buffers":
		return &f.buffers
	case "Cached":
		return &f.cached
	case "SwapCached":
		return &f.swapCached
	case "Active(file)":
		return &f.active
	case "Inactive(file)":
		return &f.inactive
	case "Dirty":
		return &f.dirty
	case "Writeback":
		return &f.writeback
	case "Shmem":
		return &f.shmem
	case "Slab":
		return &f.slab
	}
	return nil
}

// parseMem reads the lines of /proc/meminfo, "Name: N kB", see proc_meminfo(5).
// Unknown lines are passed over; which there are differs between kernels. A
// container may be shown figures of its own beside the host's (lxcfs): those that
// cannot be are left out, with a doubt.
func parseMem(b []byte) (Mem, error) {
	var f memFields
	for line := range bytes.Lines(b) {
		name, rest, ok := bytes.Cut(line, []byte(":"))
		to := f.field(name)
		if !ok || to == nil {
			continue
		}
		value := bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))
		n, ok := number(value, 1<<50)
		if !ok {
			return Mem{}, fmt.Errorf("%s: %q is not a number of kB", name, value)
		}
		*to = n * 1024
	}
	if !f.hasFree && f.total > 0 {
		return Mem{}, errors.New("no line MemFree")
	}
	if f.total == 0 || f.free > f.total {
		return Mem{}, fmt.Errorf("MemTotal %d and MemFree %d bytes cannot be", f.total, f.free)
	}
	return f.mem(), nil
}

// mem works out what cannot be read off.
func (f *memFields) mem() Mem {
	m := Mem{Total: f.total, Free: f.free, Slab: f.slab}
	taken := f.total - f.free
	m.PageCache = less(f.cached+f.buffers+f.swapCached, f.shmem)
	m.CleanCache = less(f.active+f.inactive, f.dirty+f.writeback)
	if m.PageCache > taken {
		m.Doubts = append(m.Doubts, fmt.Sprintf("a page cache of %d bytes is left out: only %d of %d are taken",
			m.PageCache, taken, m.Total))
		m.PageCache = 0
	}
	if m.CleanCache > taken {
		m.Doubts = append(m.Doubts,
			fmt.Sprintf("Active(file) + Inactive(file), %d bytes, are left out: only %d of %d are taken", m.CleanCache,
				taken, m.Total))
		m.CleanCache = less(m.PageCache, f.dirty+f.writeback)
	}
	if m.Slab > taken {
		m.Doubts = append(m.Doubts, fmt.Sprintf("Slab, %d bytes, is left out: only %d of %d are taken", m.Slab, taken,
			m.Total))
		m.Slab = 0
	}
	return m
}

// MemTotal is the machine's memory, MemTotal of /proc/meminfo, or that of
// sysinfo(2) where this is hidden.
func (p FS) MemTotal() (total uint64, err error) {
	err = p.read("meminfo", func(b []byte) error {
		for line := range bytes.Lines(b) {
			if rest, ok := bytes.CutPrefix(line, []byte("MemTotal:")); ok {
				value := bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))
				n, ok := number(value, 1<<50)
				if !ok || n == 0 {
					return fmt.Errorf("MemTotal: %q is not a size", value)
				}
				total = n * 1024
				return nil
			}
		}
		return errors.New("no line MemTotal")
	})
	if err != nil && p.sysinfo != nil {
		if s, sysErr := p.sysinfo(); sysErr == nil && s.Total > 0 {
			return s.Total, nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("read /proc/meminfo: %w", err)
	}
	return total, nil
}
