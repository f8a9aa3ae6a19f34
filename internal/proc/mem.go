package proc

import (
	"bytes"
	"fmt"
)

// Mem is /proc/meminfo in bytes, as far as it is needed.
type Mem struct {
	Total, Free  uint64
	PageCache    uint64 // Cached + Buffers + SwapCached - Shmem
	CleanCache   uint64 // Active(file) + Inactive(file) - Dirty - Writeback: what the kernel can drop at once
	Slab         uint64 // pages of all slab caches, and kmallocs too large for one
	SReclaimable uint64 // the part that counts as reclaimable, which open sockets' are not
	KernelStack  uint64
	PageTables   uint64
	Percpu       uint64
	VmallocUsed  uint64
	groups       []groupRoom // limited cgroups
}

// Used is MemTotal - MemFree - page cache: everything that is taken and cannot
// simply be dropped. Not MemTotal - MemAvailable: an open socket's inode and
// dentry count as reclaimable there, though they are not, which hides about 30 %
// of what sockets cost.
func (m Mem) Used() uint64 { return less(less(m.Total, m.Free), m.PageCache) }

// Room is how many bytes can still be taken when a share of all memory (reserve,
// 0..1) stays free. A cgroup's limit is all the memory there is to those in it:
// the same share of it stays free.
func (m Mem) Room(reserve float64) uint64 {
	room := less(m.Free+m.CleanCache, uint64(float64(m.Total)*reserve))
	for _, g := range m.groups {
		room = min(room, less(g.left, uint64(float64(g.limit)*reserve)))
	}
	return room
}

// Bound is the memory that Room is of, in use and in all: the machine's, or that
// of the cgroup which has the least room left.
func (m Mem) Bound(reserve float64) (used, total uint64, group bool) {
	used, total = m.Used(), m.Total
	room := less(m.Free+m.CleanCache, uint64(float64(m.Total)*reserve))
	for _, g := range m.groups {
		if left := less(g.left, uint64(float64(g.limit)*reserve)); left < room {
			used, total, group, room = less(g.limit, g.left), g.limit, true, left
		}
	}
	return used, total, group
}

// Mem reads /proc/meminfo and the cgroups' limits. It is asked ten times a
// second during a ramp.
func (p FS) Mem() (Mem, error) {
	var m Mem
	err := p.read("meminfo", func(b []byte) (err error) {
		m, err = parseMem(b)
		return err
	})
	if err != nil {
		return Mem{}, fmt.Errorf("read meminfo: %w", err)
	}
	m.groups = p.room()
	return m, nil
}

// parseMem reads the lines of /proc/meminfo, "Name: N kB", see proc_meminfo(5).
// Unknown lines are passed over; which there are differs between kernels.
func parseMem(b []byte) (Mem, error) {
	var m Mem
	var cached, buffers, swapCached, shmem, dirty, writeback, active, inactive uint64
	field := func(name []byte) *uint64 {
		switch string(name) {
		case "MemTotal":
			return &m.Total
		case "MemFree":
			return &m.Free
		case "Buffers":
			return &buffers
		case "Cached":
			return &cached
		case "SwapCached":
			return &swapCached
		case "Active(file)":
			return &active
		case "Inactive(file)":
			return &inactive
		case "Dirty":
			return &dirty
		case "Writeback":
			return &writeback
		case "Shmem":
			return &shmem
		}
		return m.kernelField(name)
	}
	for line := range bytes.Lines(b) {
		name, rest, ok := bytes.Cut(line, []byte(":"))
		to := field(name)
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
	if m.Total == 0 || m.Free > m.Total {
		return Mem{}, fmt.Errorf("MemTotal %d and MemFree %d bytes cannot be", m.Total, m.Free)
	}
	m.PageCache = less(cached+buffers+swapCached, shmem)
	m.CleanCache = less(active+inactive, dirty+writeback)
	return m, nil
}

// kernelField finds what the kernel itself takes.
func (m *Mem) kernelField(name []byte) *uint64 {
	switch string(name) {
	case "Slab":
		return &m.Slab
	case "SReclaimable":
		return &m.SReclaimable
	case "KernelStack":
		return &m.KernelStack
	case "PageTables":
		return &m.PageTables
	case "Percpu":
		return &m.Percpu
	case "VmallocUsed":
		return &m.VmallocUsed
	}
	return nil
}

// number reads a decimal number below limit. Unlike strconv.ParseUint it takes
// bytes, and leaves no garbage behind.
func number(b []byte, limit uint64) (n uint64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n >= limit/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(b) > 0
}

// less is a - b, not below 0.
func less(a, b uint64) uint64 {
	if b > a {
		return 0
	}
	return a - b
}
