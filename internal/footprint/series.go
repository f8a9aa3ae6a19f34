package footprint

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/c10m/c10m/internal/result"
)

// Snapshot is everything at one moment of a run.
type Snapshot struct {
	T          float64 // seconds since the ramp began
	Conns      int64   // held by the client
	ServerOpen int64   // held by the server; it may lag behind. -1: not known
	Kernel     Kernel  // of this machine
	Remote     *result.KernelUsage
	Server     *result.ProcMemory // nil: not known
	Client     Process
}

// Used is the snapshot in the result file's form. Without slabinfo the kernel's
// part is what is left of all memory in use once the processes are taken off.
func (s Snapshot) Used() result.Used {
	u := result.Used{Kernel: s.Kernel.Bytes, Client: s.Client.PSS, System: s.Kernel.Mem.Used()}
	if s.Server != nil {
		u.Server = &s.Server.PSS
	}
	if s.Kernel.Method == MethodMem {
		user := s.Client.PSS
		if s.Server != nil && s.Remote == nil {
			user += s.Server.PSS
		}
		u.Kernel = less(u.Kernel, user)
	}
	if s.Remote != nil {
		u.Kernel += s.Remote.Bytes
		u.System += s.Remote.System
	}
	return u
}

func (s Snapshot) total() float64 {
	u := s.Used()
	t := float64(u.Kernel) + float64(u.Client)
	if u.Server != nil {
		t += float64(*u.Server)
	}
	return t
}

// Series is a ramp: the snapshot before it, those on the way, and the settled
// one while everything is held.
type Series struct {
	Before Snapshot
	Ramp   []Snapshot
	Held   Snapshot
	// BothEnds: the kernel memory of both ends is in the snapshots.
	BothEnds bool
}

// maxOff is how far the total may lie from what MemTotal - MemFree - page cache
// says before it is a warning.
const maxOff = 0.03

// enough connections for their memory to stand out of what else goes on in a
// machine.
const enough = 100_000

// Memory is what a connection costs: marginal, by least squares over the ramp,
// beside the plain difference between before and held.
func (s Series) Memory() (m result.Memory, warnings []string) {
	conns := float64(s.Held.Conns - s.Before.Conns)
	if conns < 1 {
		return m, []string{"memory per connection is not known: no connection was held"}
	}
	all := slices.Concat([]Snapshot{s.Before}, s.Ramp, []Snapshot{s.Held})
	m.Method, m.BothEnds = s.Held.Kernel.Method, s.BothEnds
	m.Plain = s.plain(conns)
	xs := column(all, func(p Snapshot) float64 { return float64(p.Conns) })
	fit := func(value func(Snapshot) float64, plain float64) (float64, float64, int) {
		slope, _, r2, n := Line(xs, column(all, value))
		if n < 3 || slope == 0 {
			return plain, r2, n
		}
		return slope, r2, n
	}
	m.KernelPerConn, _, _ = fit(func(p Snapshot) float64 { return float64(p.Used().Kernel) }, m.Plain.Kernel)
	m.ClientPerConn, _, _ = fit(func(p Snapshot) float64 { return float64(p.Client.PSS) }, m.Plain.Client)
	m.TotalPerConn, m.Fit.R2, m.Fit.Samples = fit(Snapshot.total, m.Plain.Total)
	m.Fit.Slope = m.TotalPerConn
	if m.Plain.Server != nil {
		v := s.serverSlope(all, *m.Plain.Server)
		m.ServerPerConn = &v
	}
	m.KernelPerSocket = m.KernelPerConn
	if s.BothEnds {
		m.KernelPerSocket /= 2
	}
	m.Caches = s.caches(xs, all, conns)
	m.At10M = m.TotalPerConn * 10e6
	outside, _, _ := fit(func(p Snapshot) float64 { return float64(p.Used().System) }, s.systemPlain(conns))
	m.Outside = &outside
	walked, _, _ := fit(func(p Snapshot) float64 { return float64(p.Kernel.Walked) },
		(float64(s.Held.Kernel.Walked)-float64(s.Before.Kernel.Walked))/conns)
	if walked >= 1 {
		m.WalkedPerConn = &walked
	}
	before, held := s.Before.Used(), s.Held.Used()
	m.Before, m.Held = &before, &held
	for _, p := range s.Ramp {
		m.Samples = append(m.Samples, result.Sample{T: p.T, Conns: p.Conns, Used: p.Used()})
	}
	return m, s.doubts(m, outside)
}

func (s Series) systemPlain(conns float64) float64 {
	return (float64(s.Held.Used().System) - float64(s.Before.Used().System)) / conns
}

// plain is the difference between before and held, per connection.
func (s Series) plain(conns float64) result.Parts {
	b, h := s.Before.Used(), s.Held.Used()
	per := func(after, before uint64) float64 { return (float64(after) - float64(before)) / conns }
	p := result.Parts{Kernel: per(h.Kernel, b.Kernel), Client: per(h.Client, b.Client)}
	p.Total = p.Kernel + p.Client
	if h.Server != nil && b.Server != nil {
		v := per(*h.Server, *b.Server)
		p.Server = &v
		p.Total += v
	}
	return p
}

// serverSlope fits the server's memory over the server's own count.
func (s Series) serverSlope(all []Snapshot, plain float64) float64 {
	var xs, ys []float64
	for _, p := range all {
		if p.Server == nil {
			continue
		}
		x := p.Conns
		if p.ServerOpen >= 0 {
			x = p.ServerOpen
		}
		xs, ys = append(xs, float64(x)), append(ys, float64(p.Server.PSS))
	}
	slope, _, _, n := Line(xs, ys)
	if n < 3 || slope == 0 {
		return plain
	}
	return slope
}

// caches fits each slab cache, largest first; those below half a byte are left
// out.
func (s Series) caches(xs []float64, all []Snapshot, conns float64) (list []result.Cache) {
	for _, c := range s.Held.Kernel.Caches {
		of := func(p Snapshot) CacheUse { return p.Kernel.cache(c.Name) }
		bytes, _, _, n := Line(xs, column(all, func(p Snapshot) float64 { return float64(of(p).Bytes) }))
		objects, _, _, _ := Line(xs, column(all, func(p Snapshot) float64 { return float64(of(p).Objects) }))
		if n < 3 {
			b := s.Before.Kernel.cache(c.Name)
			bytes = (float64(c.Bytes) - float64(b.Bytes)) / conns
			objects = (float64(c.Objects) - float64(b.Objects)) / conns
		}
		if math.Abs(bytes) >= 0.5 {
			list = append(list, result.Cache{Name: c.Name, ObjectsPerConn: objects, BytesPerConn: bytes})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].BytesPerConn > list[j].BytesPerConn })
	return list
}

// cache finds a cache by name; a zero one where it is not there.
func (k Kernel) cache(name string) CacheUse {
	for _, c := range k.Caches {
		if c.Name == name {
			return c
		}
	}
	return CacheUse{Name: name}
}

func (s Series) doubts(m result.Memory, outside float64) (w []string) {
	if s.Held.Kernel.Why != "" {
		w = append(w, s.Held.Kernel.Why+": kernel memory is MemTotal - MemFree - page cache less the processes'")
	}
	if m.Plain.Server == nil {
		w = append(w, "the server's user memory is not known: the total is without it")
	}
	if m.Fit.Samples < 3 || m.Fit.R2 < 0.9 {
		w = append(w, fmt.Sprintf("the memory of so few connections (%d) does not stand out from the machine's noise: %d samples, r² %.3f; take more", s.Held.Conns, m.Fit.Samples, m.Fit.R2))
		return w
	}
	explained := m.TotalPerConn
	if m.WalkedPerConn != nil {
		explained += *m.WalkedPerConn
		w = append(w, fmt.Sprintf("something on this machine reads /proc/PID/fd of these processes (a monitoring agent, lsof): that alone took %.0f B of kernel memory a connection, not counted as the connections' cost", *m.WalkedPerConn))
	}
	if s.Held.Conns >= enough && m.Plain.Server != nil && math.Abs(explained/outside-1) > maxOff {
		w = append(w, fmt.Sprintf("the machine's memory grew by %.0f B a connection, the accounts say %.0f B: something else took or gave memory, or a cache is not counted", outside, explained))
	}
	return w
}

func column(all []Snapshot, value func(Snapshot) float64) []float64 {
	col := make([]float64, len(all))
	for i, p := range all {
		col[i] = value(p)
	}
	return col
}
