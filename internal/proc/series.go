package proc

import (
	"math"
	"slices"
	"sort"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
)

// Series is a ramp: the snapshot before it, those on the way, and the settled
// one while everything is held.
type Series struct {
	Before Snapshot
	Ramp   []Snapshot
	Held   Snapshot
	// BothEnds: the kernel memory of both ends is in the snapshots.
	BothEnds bool
	// NoSockets: the client has none, so what the kernel takes is the server's.
	NoSockets bool
}

const (
	// minPoints is how many different counts of connections a fit takes.
	// Through two any line goes.
	minPoints = 3
	// maxOff is how far two ways of counting may lie apart before it is a warning.
	maxOff = 0.03
	// minCache is the least a cache takes per connection to be listed, bytes.
	minCache = 0.5
	// other is the line for what the listed caches leave of the kernel's total.
	other = "other"
)

// Memory is what a connection costs: marginal, by least squares over the ramp,
// beside the plain difference between before and held. With too few samples the
// plain difference stands for both, and a warning says so. Where the cost does not
// stand out from the noise it is withheld, with the reason; where a process's part
// does not, it is said what it is less than.
func (s Series) Memory() (m result.Memory, doubts []result.Warning) {
	s = s.alike()
	grown := s.Held.Sub(s.Before)
	if grown.Conns < 1 {
		return m, []result.Warning{result.Warn("memory_of_nothing")}
	}
	f := newFitter(slices.Concat([]Snapshot{s.Before}, s.Ramp, []Snapshot{s.Held}))
	m = s.cost(f, grown)
	before, held := s.Before.Used(), s.Held.Used()
	seen := result.Memory{Method: m.Method, BothEnds: m.BothEnds, ServerEnd: m.ServerEnd, Before: &before, Held: &held}
	for _, p := range s.Ramp {
		seen.Samples = append(seen.Samples, result.Sample{T: p.T, Conns: p.Conns, Used: p.Used()})
	}
	if seen.Withheld = s.noise(f, m); seen.Withheld != nil {
		return seen, s.doubtMethod(nil)
	}
	s.tell(&m)
	m.Before, m.Held, m.Samples = seen.Before, seen.Held, seen.Samples
	return m, s.doubts(m)
}

// cost is what a connection takes, whether or not that stands out from the noise.
func (s Series) cost(f fitter, grown Growth) (m result.Memory) {
	m.Method, m.BothEnds, m.ServerEnd, m.Plain = s.method(), s.BothEnds, s.NoSockets, grown.PerConn()
	m.Fit.Samples, m.Fit.Conns = f.samples, f.span()
	m.Fit.Slope, m.Fit.R2 = f.slope(Snapshot.total)
	kernel, kernelFit := f, 0.0
	if m.Method == MethodSlab {
		kernel = s.perSocket(f, grown, &m)
	}
	m.KernelPerConn, kernelFit = kernel.slope(func(p Snapshot) float64 { return float64(p.Used().Kernel) })
	client, _ := f.slope(func(p Snapshot) float64 { return float64(p.Client.PSS) })
	m.ClientPerConn = &client
	if s.Held.Kernel.Method == MethodSlab {
		m.Caches = s.caches(kernel, m.KernelPerConn)
	}
	m.KernelPerSocket = m.KernelPerConn / s.ends()
	m.TotalPerConn = m.KernelPerConn + client
	if m.Plain.Server != nil {
		server := s.serverSlope(f, *m.Plain.Server)
		m.ServerPerConn = &server
		m.TotalPerConn += server
	}
	foreign := s.foreignSockets()
	if foreign > 0 { // all of it together grew by theirs as well
		m.Fit.Slope, m.Fit.R2 = m.TotalPerConn, kernelFit
	}
	// By meminfo the total would be checked with itself, and what the processes of
	// foreign sockets take is not known.
	if m.Method == MethodSlab && foreign == 0 {
		outside, fits := f.slope(func(p Snapshot) float64 { return float64(p.Used().System) })
		// Otherwise it is the machine's noise that would be compared.
		if outside > 0 && (fits >= minR2 || f.samples < minPoints) {
			m.Outside = &outside
		}
	}
	if walked, _ := f.slope(func(p Snapshot) float64 { return float64(p.Kernel.Walked) }); walked >= 1 {
		m.WalkedPerConn = &walked
	}
	return m
}

// ends is how many ends of a connection are in the snapshots.
func (s Series) ends() float64 {
	if s.BothEnds {
		return 2
	}
	return 1
}

// perSocket says over what the kernel's part is fitted: the TCP sockets that the
// caches held, in connections. Others on the same machine, like a second client,
// open some of their own meanwhile, and close some, and the caches are those of
// all. What it is divided by comes from the same file as what is divided, so that
// the two are of one moment, and the plain difference is put right as well.
func (s Series) perSocket(f fitter, grown Growth, m *result.Memory) fitter {
	came := float64(s.Held.slabSockets()) - float64(s.Before.slabSockets())
	perConn := came / float64(grown.Conns)
	m.SocketsPerConn = &perConn
	if perConn < leastSockets*s.ends() {
		return f // and whyNoise withholds it
	}
	m.Plain.Total -= m.Plain.Kernel
	m.Plain.Kernel = grown.Kernel * s.ends() / came
	m.Plain.Total += m.Plain.Kernel
	kernel := f.over(func(p Snapshot) float64 { return float64(p.slabSockets()) / s.ends() })
	if s.Before.PageBytes() > 0 && s.Held.PageBytes() > 0 {
		pages, _ := kernel.slope(func(p Snapshot) float64 { return float64(p.PageBytes()) })
		m.PagesPerConn = &pages
	}
	return kernel
}

// foreignSockets is how many sockets that are not this run's there were while
// everything was held, or usually on the way; 0 if they are of no account, or not
// known. A second client doubles what the kernel takes.
func (s Series) foreignSockets() int64 {
	const some, share = 200, 0.02
	off := func(p Snapshot) float64 {
		return math.Abs(float64(p.Sockets-s.Before.Sockets) - s.ends()*float64(p.Conns-s.Before.Conns))
	}
	var ramp []float64
	for _, p := range slices.Concat(s.Ramp, []Snapshot{s.Held}) {
		if p.Sockets == 0 || s.Before.Sockets == 0 {
			return 0
		}
		ramp = append(ramp, off(p))
	}
	slices.Sort(ramp) // one of them may have been read late, on a busy machine
	most := max(off(s.Held), ramp[len(ramp)/2])
	if most < max(some, share*s.ends()*float64(s.Held.Conns)) {
		return 0
	}
	return int64(most)
}

// method is the weaker of both machines'.
func (s Series) method() string {
	if s.Held.Remote != nil && s.Held.Remote.Method != MethodSlab {
		return MethodMem
	}
	return s.Held.Kernel.Method
}

// alike makes the snapshots comparable. What was not known both before and while
// held is left out of all of them, and a sample that lacks something the others
// have, because one answer of the server was lost, is dropped: a gap would count
// as memory given back.
func (s Series) alike() Series {
	server := s.Before.Server != nil && s.Held.Server != nil
	remote := s.Before.Remote != nil && s.Held.Remote != nil
	slab := s.Before.Kernel.Method == s.Held.Kernel.Method && s.Held.Kernel.Method == MethodSlab
	far := remote && s.Before.Remote.Method == MethodSlab && s.Held.Remote.Method == MethodSlab
	trim := func(p Snapshot) Snapshot {
		if !server {
			p.Server = nil
		}
		if !remote {
			p.Remote = nil
		}
		if p.Remote != nil && !far && p.Remote.Method == MethodSlab {
			p.Remote = &result.KernelUsage{Method: MethodMem, Bytes: p.Remote.System, System: p.Remote.System,
				Total: p.Remote.Total}
		}
		if !slab && p.Kernel.Method == MethodSlab {
			p.Kernel = Kernel{Method: MethodMem, Why: "slabinfo could not be read each time",
				Bytes: p.Kernel.Mem.Used(), Mem: p.Kernel.Mem}
		}
		return p
	}
	whole := Series{Before: trim(s.Before), Held: trim(s.Held), BothEnds: s.BothEnds, NoSockets: s.NoSockets}
	for _, p := range s.Ramp {
		p = trim(p)
		same := (p.Server != nil) == server && (p.Remote != nil) == remote &&
			p.Kernel.Method == whole.Held.Kernel.Method
		if same && (!remote || p.Remote.Method == whole.Held.Remote.Method) {
			whole.Ramp = append(whole.Ramp, p)
		}
	}
	return whole
}

// serverSlope fits the server's memory over the server's own count.
func (s Series) serverSlope(f fitter, plain float64) float64 {
	var xs, ys []float64
	for _, p := range f.all {
		xs, ys = append(xs, float64(p.serverCount())), append(ys, float64(p.Server.PSS))
	}
	if stat.Distinct(xs) < minPoints {
		return plain
	}
	slope, _, _, _ := stat.Line(xs, ys)
	return slope
}

// caches fits each slab cache, largest first. Those below minCache are gathered
// in a line of their own if together they reach it: the lines sum up to kernel.
func (s Series) caches(f fitter, kernel float64) (list []result.Cache) {
	rest := kernel
	for _, name := range s.Held.cacheNames() {
		bytes, _ := f.slope(func(p Snapshot) float64 { return float64(p.cache(name).Bytes) })
		objects, _ := f.slope(func(p Snapshot) float64 { return float64(p.cache(name).Objects) })
		if math.Abs(bytes) >= minCache {
			list = append(list, result.Cache{Name: name, ObjectsPerConn: objects, BytesPerConn: bytes})
			rest -= bytes
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].BytesPerConn > list[j].BytesPerConn })
	if math.Abs(rest) >= minCache {
		list = append(list, result.Cache{Name: other, BytesPerConn: rest})
	}
	return list
}

// otherProcesses is what a machine's other processes may take or give back during a
// run without being worth a word, bytes. slack is that of slabs which are not yet
// full, or no longer.
const (
	otherProcesses = 128 << 20
	slack          = 8 << 20
)

// doubts are what is to be known about a cost that is given.
func (s Series) doubts(m result.Memory) (w []result.Warning) {
	w = s.doubtMethod(w)
	if s.Held.Server == nil {
		w = append(w, result.Warn("memory_without_server"))
	}
	if m.Fit.Samples < minPoints {
		w = append(w, result.Warn("memory_not_fitted").Count("samples", int64(m.Fit.Samples)))
	}
	if m.WalkedPerConn != nil {
		w = append(w, result.Warn("memory_of_readers").Number("walked_bytes_per_conn", *m.WalkedPerConn))
	}
	if foreign := s.foreignSockets(); foreign > 0 {
		w = append(w, result.Warn("memory_of_foreign_sockets").Count("foreign", foreign))
	}
	w = s.doubtPages(w, m)
	explained, known := m.InPages()
	if !known || s.Held.Server == nil || m.Fit.Samples < minPoints {
		return w
	}
	off := math.Abs(explained - *m.Outside)
	if off > maxOff*math.Abs(*m.Outside) && off*float64(s.Held.Conns) > otherProcesses {
		w = append(w, result.Warn("memory_unexplained").Number("machine_bytes_per_conn", *m.Outside).
			Number("explained_bytes_per_conn", explained))
	}
	return w
}

// doubtMethod says why kernel memory was not counted by slab cache, and where.
func (s Series) doubtMethod(w []result.Warning) []result.Warning {
	if why := s.Held.Kernel.Why; why != "" {
		w = append(w, result.Warn("memory_without_slabs").Word("why", why))
	}
	if r := s.Held.Remote; r != nil && r.Method != MethodSlab {
		w = append(w, result.Warn("memory_without_slabs_there"))
	}
	return w
}

// doubtPages compares objects with the pages that came for them.
func (s Series) doubtPages(w []result.Warning, m result.Memory) []result.Warning {
	if m.PagesPerConn == nil {
		return w
	}
	off := *m.PagesPerConn - m.KernelPerConn
	if math.Abs(off) <= maxOff*m.KernelPerConn || math.Abs(off)*float64(s.Held.Conns) <= slack {
		return w
	}
	code := "memory_slabs_not_full"
	if off < 0 {
		code = "memory_slabs_had_room"
	}
	return append(w, result.Warn(code).Number("page_bytes_per_conn", *m.PagesPerConn).
		Number("object_bytes_per_conn", m.KernelPerConn))
}
