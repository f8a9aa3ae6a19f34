package proc

import (
	"bytes"
	"fmt"
)

// slab is one cache in /proc/slabinfo.
type slab struct {
	name          []byte // of the buffer that is being parsed
	active, total uint64 // objects
	size          uint64 // of an object, bytes
	perSlab       uint64 // objects
	slabs         uint64
	pages         uint64 // of a slab
}

// taken is the bytes of all pages of the cache.
func (s slab) taken(page uint64) uint64 { return s.slabs * s.pages * page }

// share is what so many objects take, each by its share of a slab, bytes.
func (s slab) share(objects, page uint64) uint64 {
	if s.perSlab == 0 {
		return objects * s.size
	}
	return uint64(float64(objects) * float64(s.pages*page) / float64(s.perSlab))
}

// parseSlab reads /proc/slabinfo version 2.x, see slabinfo(5), and hands each
// cache to visit. procfs reads it too, but with regular expressions, at 2,000
// allocations a time, and not at all where a debugging kernel adds columns.
func parseSlab(b []byte, visit func(slab)) error {
	if !bytes.HasPrefix(b, []byte("slabinfo - version: 2.")) {
		first, _, _ := bytes.Cut(b, []byte("\n"))
		return fmt.Errorf("%q is not the head of version 2", first)
	}
	row := 0
	for line := range bytes.Lines(b) {
		row++
		line = bytes.TrimSpace(line)
		if row == 1 || len(line) == 0 || line[0] == '#' {
			continue
		}
		s, ok := parseCache(line)
		if !ok {
			return fmt.Errorf("line %d: %q is not a cache", row, line)
		}
		visit(s)
	}
	return nil
}

// parseCache reads "name active_objs num_objs objsize objperslab pagesperslab :
// tunables limit batchcount sharedfactor : slabdata active_slabs num_slabs
// sharedavail", after which debugging kernels have more. A name may hold spaces
// and colons: it is whatever stands before the numbers.
func parseCache(line []byte) (s slab, ok bool) {
	at := bytes.LastIndex(line, []byte(" : slabdata"))
	tunables := bytes.LastIndex(line, []byte(" : tunables"))
	if at < 0 || tunables < 0 || tunables > at {
		return s, false
	}
	data := line[at+len(" : slabdata"):]
	if _, data, ok = cutField(data); !ok {
		return s, false
	}
	slabs, _, ok := cutField(data)
	if !ok {
		return s, false
	}
	// Larger than any machine, and their product does not overflow.
	if s.slabs, ok = number(slabs, 1<<36); !ok {
		return s, false
	}
	rest := line[:tunables]
	for _, to := range []*uint64{&s.pages, &s.perSlab, &s.size, &s.total, &s.active} {
		rest = bytes.TrimRight(rest, " ")
		i := bytes.LastIndexByte(rest, ' ')
		if *to, ok = number(rest[i+1:], 1<<36); !ok || i < 0 {
			return s, false
		}
		rest = rest[:i]
	}
	s.name = bytes.TrimRight(rest, " ")
	return s, len(s.name) > 0 && s.pages < 1<<10 && s.size < 1<<26
}

// cutField cuts the first of the fields in b off.
func cutField(b []byte) (field, rest []byte, ok bool) {
	b = bytes.TrimLeft(b, " ")
	field, rest, _ = bytes.Cut(b, []byte(" "))
	return field, rest, len(field) > 0
}
