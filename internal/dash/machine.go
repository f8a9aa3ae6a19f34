package dash

import (
	"cmp"
	"slices"

	"github.com/c10m/c10m/internal/footprint"
)

// shown is how many slab caches are shown by name; the rest is summed up.
const shown = 6

// others is the sum of the caches that are not shown by name.
const others = "other caches"

// LookAtMemory divides the machine's memory. Who adds up processes fills in
// Server and Client.
func LookAtMemory(fp footprint.Proc) (*Memory, error) {
	k, err := fp.Kernel()
	if err != nil {
		return nil, err
	}
	m := &Memory{Total: k.Mem.Total, Used: k.Mem.Used()}
	for _, c := range k.Caches {
		m.Kernel = append(m.Kernel, Cache{c.Name, c.Bytes})
	}
	slices.SortStableFunc(m.Kernel, func(a, b Cache) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return m, nil
}

// fold keeps the largest caches and sums up the rest.
func fold(all []Cache) []Cache {
	if len(all) <= shown {
		return all
	}
	folded := append(slices.Clone(all[:shown]), Cache{Name: others})
	for _, c := range all[shown:] {
		folded[shown].Bytes += c.Bytes
	}
	return folded
}

// LookAtNet reads the kernel's counts of sockets and of what it dropped; nil if
// it does not tell.
func LookAtNet(fp footprint.Proc) *Net {
	s, err := fp.Sockets()
	if err != nil {
		return nil
	}
	d, err := fp.ListenDrops()
	if err != nil {
		return nil
	}
	return &Net{Sockets: s.TCP, TimeWait: s.TimeWait, Orphans: s.Orphan, BufferPages: s.MemPages,
		ListenOverflows: d.ListenOverflows, ListenDrops: d.ListenDrops, SYNQueueFull: d.RequestQueue,
		SYNCookies: d.Cookies, BacklogDrops: d.Backlog, MemoryPressure: d.MemoryPressure}
}
