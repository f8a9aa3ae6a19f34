package proc

import (
	"bytes"
	"fmt"

	"github.com/c10m/c10m/internal/result"
)

// The two ways of counting kernel memory.
const (
	MethodSlab = "slabinfo"
	MethodMem  = "meminfo"
)

// Kernel is the kernel memory that connections take, at one moment.
type Kernel struct {
	Method string // MethodSlab or MethodMem
	Why    string // why not slabinfo
	Caches []result.CacheUsage
	Bytes  uint64 // the sum of Caches by their objects, or Mem.Used
	// PageBytes is the sum of Caches in pages actually taken; 0 by MethodMem. It
	// is more than Bytes by the room that is in slabs already.
	PageBytes uint64
	// Walked is what somebody's reading of /proc/PID/fd has left behind: an
	// inode, a dentry and a security blob for each fd it saw. It is in no
	// cache above, because it is not the connections' cost.
	Walked uint64
	Mem    Mem
}

// Kernel counts the named caches in /proc/slabinfo, which root may read, and
// what fd tables take outside them. Without permission it falls back to all
// memory that is not page cache.
func (p FS) Kernel() (Kernel, error) {
	var s slabs
	err := p.read("slabinfo", func(b []byte) (err error) {
		s, err = p.countSlabs(b)
		return err
	})
	// Right after slabinfo, so that the two are of one moment.
	mem, memErr := p.Mem()
	if memErr != nil {
		return Kernel{}, memErr
	}
	if err != nil {
		return Kernel{Method: MethodMem, Why: fmt.Sprintf("slabinfo cannot be read: %v", err), Bytes: mem.Used(),
			Mem: mem}, nil
	}
	k := Kernel{Method: MethodSlab, Mem: mem}
	k.Caches, k.Walked = s.usage(p.page)
	large := less(mem.Slab, s.bytes)
	k.Caches = append(k.Caches, result.CacheUsage{Name: kmallocLarge, Bytes: large, PageBytes: large})
	for _, c := range k.Caches {
		k.Bytes += c.Bytes
		k.PageBytes += c.PageBytes
	}
	return k, nil
}

// Usage is what the kernel of this machine spends, with the number of TCP sockets
// that it has, as one end of a connection reports it to the other.
func (p FS) Usage() (*result.KernelUsage, error) {
	k, err := p.Kernel()
	if err != nil {
		return nil, err
	}
	u := &result.KernelUsage{Method: k.Method, Bytes: k.Bytes, PageBytes: k.PageBytes, System: k.Mem.Used(),
		Total: k.Mem.Total, Caches: k.Caches}
	if n, err := p.Sockets(); err == nil {
		u.Sockets = n.Alloc
	}
	return u, nil
}

// slabs are the caches in /proc/slabinfo, sorted by what they are to us.
type slabs struct {
	counted []slab // with the names of counted, not of the buffer
	names   []string
	general result.CacheUsage // kmalloc
	inodes  slab              // of /proc
	bytes   uint64            // all caches of the machine together, in pages
}

func (p FS) countSlabs(b []byte) (slabs, error) {
	p.slabs.read()
	s := slabs{general: result.CacheUsage{Name: kmalloc}}
	err := parseSlab(b, func(c slab) {
		s.bytes += c.taken(p.page)
		name, isCounted := p.slabs.cache[string(c.name)]
		switch {
		case isCounted:
			c.active = p.objects(p.slabs.files[string(c.name)], c.active)
			s.counted, s.names = append(s.counted, c), append(s.names, name)
		case bytes.HasPrefix(c.name, []byte("kmalloc-")):
			s.general.Objects += c.active
			s.general.Bytes += c.share(c.active, p.page)
			s.general.PageBytes += c.taken(p.page)
		case string(c.name) == procInode:
			s.inodes = c
		}
	})
	return s, err
}

// usage is what the named caches have in use, less the share of the inodes of
// /proc in the caches of which each of them has an object; and what those inodes
// and their share take.
func (s *slabs) usage(page uint64) (list []result.CacheUsage, walked uint64) {
	list = make([]result.CacheUsage, 0, len(s.counted)+2)
	walked = s.inodes.taken(page)
	for i, c := range s.counted {
		use := result.CacheUsage{Name: s.names[i], Objects: c.active, PageBytes: c.taken(page)}
		if perProcInode[use.Name] && c.total > 0 {
			share := float64(min(s.inodes.active, c.total)) / float64(c.total)
			taken := uint64(share * float64(use.PageBytes))
			walked += taken
			use.PageBytes -= taken
			use.Objects = less(use.Objects, s.inodes.active)
		}
		use.Bytes = c.share(use.Objects, page)
		list = append(list, use)
	}
	return append(list, s.general), walked
}

// objects is how many objects of a cache are in use: /sys/kernel/slab/NAME/objects,
// "N N0=n ...". It is exact where slabinfo's active_objs, since Linux 6.10, is
// worked out from 10,000 of the slabs that are partly full (count_partial_free_approx
// of mm/slub.c): a few per cent off once a large run has left more of them. Both take
// all of the few slabs a processor works on for used. Without that file it is as
// slabinfo says.
func (p FS) objects(file string, active uint64) uint64 {
	if file == "" {
		return active
	}
	_ = readFile(file, func(b []byte) error {
		first, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte(" "))
		if n, ok := number(first, 1<<36); ok {
			active = n
		}
		return nil
	})
	return active
}
