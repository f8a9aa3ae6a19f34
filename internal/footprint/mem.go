package footprint

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Mem is /proc/meminfo in bytes, as far as it is needed.
type Mem struct {
	Total, Free   uint64
	PageCache     uint64 // Cached + Buffers + SwapCached - Shmem
	CleanCache    uint64 // Active(file) + Inactive(file) - Dirty - Writeback: what the kernel can drop at once
	Slab          uint64
	KernelStack   uint64
	PageTables    uint64
	Percpu        uint64
	groupHeadroom uint64 // what the cgroup still allows; ^0 without a limit
}

// Used is MemTotal - MemFree - page cache: everything that is taken and cannot
// simply be dropped. Not MemTotal - MemAvailable: an open socket's inode and
// dentry count as reclaimable there, though they are not, which hides about 30 %
// of what sockets cost.
func (m Mem) Used() uint64 { return m.Total - m.Free - min(m.PageCache, m.Total-m.Free) }

// Room is how many bytes can still be taken when a share of all memory (reserve,
// 0..1) stays free; at most what the cgroup allows.
func (m Mem) Room(reserve float64) uint64 {
	keep := uint64(float64(m.Total) * reserve)
	have := m.Free + m.CleanCache
	if have <= keep {
		return 0
	}
	room := have - keep
	if m.groupHeadroom != ^uint64(0) {
		room = min(room, uint64(float64(m.groupHeadroom)*(1-reserve)))
	}
	return room
}

// Mem reads /proc/meminfo and the cgroup's limit. One read and no allocation
// per line: it is asked ten times a second during a ramp.
func (p Proc) Mem() (Mem, error) {
	b, err := os.ReadFile(filepath.Join(p.root, "meminfo"))
	if err != nil {
		return Mem{}, fmt.Errorf("read meminfo: %w", err)
	}
	m, err := parseMem(b)
	m.groupHeadroom = p.groupHeadroom()
	return m, err
}

// parseMem reads the lines of /proc/meminfo, "Name: N kB". Unknown lines are
// passed over; which there are differs between kernels.
func parseMem(b []byte) (Mem, error) {
	var m Mem
	var cached, buffers, swapCached, shmem, dirty, writeback, active, inactive uint64
	fields := map[string]*uint64{
		"MemTotal": &m.Total, "MemFree": &m.Free, "Slab": &m.Slab, "KernelStack": &m.KernelStack,
		"PageTables": &m.PageTables, "Percpu": &m.Percpu, "Cached": &cached, "Buffers": &buffers,
		"SwapCached": &swapCached, "Shmem": &shmem, "Dirty": &dirty, "Writeback": &writeback,
		"Active(file)": &active, "Inactive(file)": &inactive,
	}
	for line := range bytes.Lines(b) {
		name, rest, ok := bytes.Cut(line, []byte(":"))
		to := fields[string(name)]
		if !ok || to == nil {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte(" kB"))), 10, 54)
		if err != nil {
			return Mem{}, fmt.Errorf("read meminfo: %s: %q is not a number of kB", name, bytes.TrimSpace(rest))
		}
		*to = n * 1024
	}
	if m.Total == 0 || m.Free > m.Total {
		return Mem{}, fmt.Errorf("read meminfo: MemTotal %d and MemFree %d cannot be", m.Total, m.Free)
	}
	m.PageCache = less(cached+buffers+swapCached, shmem)
	m.CleanCache = less(active+inactive, dirty+writeback)
	return m, nil
}

// less is a - b, not below 0.
func less(a, b uint64) uint64 {
	if b > a {
		return 0
	}
	return a - b
}

// groupHeadroom is memory.max - memory.current of this process's cgroup (v2) or
// of the v1 memory controller; ^0 where there is no limit. In a container the
// file at the root of the mount is the container's own.
func (p Proc) groupHeadroom() uint64 {
	dirs := []string{filepath.Join(p.cgroup, p.groupPath()), p.cgroup}
	for _, dir := range dirs {
		if h, ok := headroom(filepath.Join(dir, "memory.max"), filepath.Join(dir, "memory.current")); ok {
			return h
		}
	}
	v1 := filepath.Join(p.cgroup, "memory")
	if h, ok := headroom(filepath.Join(v1, "memory.limit_in_bytes"), filepath.Join(v1, "memory.usage_in_bytes")); ok {
		return h
	}
	return ^uint64(0)
}

// groupPath is this process's place in the v2 hierarchy, /proc/self/cgroup.
func (p Proc) groupPath() string {
	b, err := os.ReadFile(filepath.Join(p.root, "self", "cgroup"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	return ""
}

// headroom is limit - usage; not ok without a limit.
func headroom(limitFile, usageFile string) (uint64, bool) {
	limit, err1 := readUint(limitFile)
	usage, err2 := readUint(usageFile)
	if err1 != nil || err2 != nil || limit >= 1<<62 { // "max", or v1's huge number
		return 0, false
	}
	return less(limit, usage), true
}

func readUint(file string) (uint64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}
