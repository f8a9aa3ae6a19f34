package proc

import "fmt"

// Conntrack is the table of tracked connections of this network namespace.
type Conntrack struct {
	Count, Max int64
	// Dropped are packets of new connections that were dropped because the
	// table was full, or because their entry could not be made.
	Dropped int64
}

// Conntrack reads nf_conntrack_count and _max, and /proc/net/stat/nf_conntrack.
// Without the module there is an error.
func (p FS) Conntrack() (c Conntrack, err error) {
	if c.Count, err = p.SysctlInt("net.netfilter.nf_conntrack_count"); err != nil {
		return c, err
	}
	if c.Max, err = p.SysctlInt("net.netfilter.nf_conntrack_max"); err != nil {
		return c, err
	}
	if c.Count < 0 || c.Max < 1 {
		return Conntrack{}, fmt.Errorf("read net.netfilter.nf_conntrack_count and _max: %d of %d cannot be", c.Count, c.Max)
	}
	each, err := p.net("stat/nf_conntrack").ConntrackStat()
	if err != nil {
		return c, fmt.Errorf("read net/stat/nf_conntrack: %w", err)
	}
	for _, cpu := range each {
		// Each is a 32-bit counter of one processor.
		c.Dropped += int64(uint32(cpu.Drop)) + int64(uint32(cpu.EarlyDrop)) + int64(uint32(cpu.InsertFailed))
	}
	return c, nil
}
