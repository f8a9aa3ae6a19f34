package proc

import (
	"bytes"
	"fmt"
)

// The two ways of counting kernel memory.
const (
	MethodSlab = "slabinfo"
	MethodMem  = "meminfo"
)

// CacheUse is one slab cache, from /proc/slabinfo.
type CacheUse struct {
	Name    string
	Objects uint64 // in use; SLUB takes all of a slab a processor works on for used
	Total   uint64 // there is room for, in use or not
	ObjSize uint64 // bytes
	Bytes   uint64 // num_slabs x pagesperslab x page size: in pages actually taken
}

// Kernel is the kernel memory that connections take, at one moment.
type Kernel struct {
	Method string // MethodSlab or MethodMem
	Why    string // why not slabinfo
	Caches []CacheUse
	Bytes  uint64 // the sum of Caches, or Mem.Used
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
		return Kernel{Method: MethodMem, Why: fmt.Sprintf("slabinfo cannot be read: %v", err), Bytes: mem.Used(), Mem: mem}, nil
	}
	k := Kernel{Method: MethodSlab, Mem: mem, Walked: s.tellApart()}
	k.Caches = append(s.counted, s.general, CacheUse{Name: kmallocLarge, Bytes: less(mem.Slab, s.bytes)})
	for _, c := range k.Caches {
		k.Bytes += c.Bytes
	}
	return k, nil
}

// slabs are the caches in /proc/slabinfo, sorted by what they are to us.
type slabs struct {
	counted []CacheUse
	general CacheUse // kmalloc
	inodes  CacheUse // of /proc
	bytes   uint64   // all caches of the machine together
}

func (p FS) countSlabs(b []byte) (slabs, error) {
	s := slabs{counted: make([]CacheUse, 0, len(counted)+2), general: CacheUse{Name: kmalloc}}
	err := parseSlab(b, func(c slab) {
		use := CacheUse{Objects: c.active, Total: c.total, ObjSize: c.size, Bytes: c.slabs * c.pages * p.page}
		s.bytes += use.Bytes
		name, isCounted := p.cache[string(c.name)]
		switch {
		case isCounted:
			use.Name = name
			s.counted = append(s.counted, use)
		case bytes.HasPrefix(c.name, []byte("kmalloc-")):
			s.general.Objects += use.Objects
			s.general.Total += use.Total
			s.general.Bytes += use.Bytes
		case string(c.name) == procInode:
			s.inodes = use
		}
	})
	return s, err
}

// tellApart takes from the caches of which each inode of /proc has an object
// that inode's share. It returns the bytes taken, and those of the inodes.
func (s *slabs) tellApart() (walked uint64) {
	walked = s.inodes.Bytes
	for i := range s.counted {
		c := &s.counted[i]
		if !perProcInode[c.Name] || c.Total == 0 {
			continue
		}
		share := float64(min(s.inodes.Objects, c.Total)) / float64(c.Total)
		taken := uint64(share * float64(c.Bytes))
		walked += taken
		c.Bytes -= taken
		c.Objects = less(c.Objects, s.inodes.Objects)
		c.Total = less(c.Total, s.inodes.Objects)
	}
	return walked
}
