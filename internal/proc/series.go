package proc

import (
	"fmt"
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
}

const (
	// minPoints is how many different counts of connections a fit takes.
	// Through two any line goes.
	minPoints = 3
	// minR2 is how well the line must fit to be told from noise.
	minR2 = 0.9
	// maxOff is how far the total may lie from what MemTotal - MemFree - page
	// cache says before it is a warning.
	maxOff = 0.03
	// minCache is the least a cache takes per connection to be listed, bytes.
	minCache = 0.5
	// other is the line for what the listed caches leave of the kernel's total.
	other = "other"
)

// Memory is what a connection costs: marginal, by least squares over the ramp,
// beside the plain difference between before and held. With too few samples the
// plain difference stands for both, and a warning says so.
func (s Series) Memory() (m result.Memory, warnings []string) {
	s = s.alike()
	grown := s.Held.Sub(s.Before)
	if grown.Conns < 1 {
		return m, []string{"memory per connection is not known: no connection was held"}
	}
	f := newFitter(slices.Concat([]Snapshot{s.Before}, s.Ramp, []Snapshot{s.Held}))
	m.Method, m.BothEnds, m.Plain = s.Held.Kernel.Method, s.BothEnds, grown.PerConn()
	m.Fit.Samples = f.samples
	kernel, strangers := f, s.strangers()
	if strangers > 0 {
		if s.Held.Kernel.Method == MethodMem {
			return result.Memory{}, []string{fmt.Sprintf("memory per connection is not known: %d TCP sockets of this machine were not this run's, and without /proc/slabinfo their part cannot be told from its own", strangers)}
		}
		kernel = f.over(s.pairs)
		if pairs := s.pairs(s.Held); pairs > 0 {
			m.Plain.Total -= m.Plain.Kernel
			m.Plain.Kernel = grown.Kernel / pairs
			m.Plain.Total += m.Plain.Kernel
		}
	}
	var kernelFit float64
	m.KernelPerConn, kernelFit = kernel.slope(func(p Snapshot) float64 { return float64(p.Used().Kernel) })
	m.ClientPerConn, _ = f.slope(func(p Snapshot) float64 { return float64(p.Client.PSS) })
	m.TotalPerConn, m.Fit.R2 = f.slope(Snapshot.total)
	m.Fit.Slope = m.TotalPerConn
	if m.Plain.Server != nil {
		server := s.serverSlope(f, *m.Plain.Server)
		m.ServerPerConn = &server
	}
	if strangers > 0 { // all of it together grew by theirs as well
		m.TotalPerConn, m.Fit.R2 = m.KernelPerConn+m.ClientPerConn, kernelFit
		if m.ServerPerConn != nil {
			m.TotalPerConn += *m.ServerPerConn
		}
		m.Fit.Slope = m.TotalPerConn
	}
	m.KernelPerSocket = m.KernelPerConn
	if s.BothEnds {
		m.KernelPerSocket /= 2
	}
	if m.Method == MethodSlab {
		m.Caches = s.caches(kernel, m.KernelPerConn)
	}
	m.At10M = m.TotalPerConn * 10e6
	outside, _ := f.slope(func(p Snapshot) float64 { return float64(p.Used().System) })
	if strangers == 0 { // what their processes take is not known
		m.Outside = &outside
	}
	if walked, _ := f.slope(func(p Snapshot) float64 { return float64(p.Kernel.Walked) }); walked >= 1 {
		m.WalkedPerConn = &walked
	}
	before, held := s.Before.Used(), s.Held.Used()
	m.Before, m.Held = &before, &held
	for _, p := range s.Ramp {
		m.Samples = append(m.Samples, result.Sample{T: p.T, Conns: p.Conns, Used: p.Used()})
	}
	return m, s.doubts(m, outside, strangers)
}

// ends is how many sockets of a connection are in the counted kernels.
func (s Series) ends() float64 {
	if s.BothEnds {
		return 2
	}
	return 1
}

// pairs is how many connections the sockets that came since the beginning make,
// whosever they are.
func (s Series) pairs(p Snapshot) float64 { return float64(p.Sockets-s.Before.Sockets) / s.ends() }

// strangers is how many sockets that are not this run's there were while
// everything was held, or usually on the way; 0 if they are of no account, or not
// known. A second client doubles what the kernel takes.
func (s Series) strangers() int64 {
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

// alike makes the snapshots comparable. What was not known both before and while
// held is left out of all of them, and a sample that lacks something the others
// have, because one answer of the server was lost, is dropped: a gap would count
// as memory given back.
func (s Series) alike() Series {
	server := s.Before.Server != nil && s.Held.Server != nil
	remote := s.Before.Remote != nil && s.Held.Remote != nil
	slab := s.Before.Kernel.Method == s.Held.Kernel.Method && s.Held.Kernel.Method == MethodSlab
	trim := func(p Snapshot) Snapshot {
		if !server {
			p.Server = nil
		}
		if !remote {
			p.Remote = nil
		}
		if !slab && p.Kernel.Method == MethodSlab {
			p.Kernel = Kernel{Method: MethodMem, Why: "slabinfo could not be read each time", Bytes: p.Kernel.Mem.Used(), Mem: p.Kernel.Mem}
		}
		return p
	}
	whole := Series{Before: trim(s.Before), Held: trim(s.Held), BothEnds: s.BothEnds}
	for _, p := range s.Ramp {
		p = trim(p)
		if (p.Server != nil) == server && (p.Remote != nil) == remote && p.Kernel.Method == whole.Held.Kernel.Method {
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

// bystanders is what a machine's other processes may take or give back during a
// run without being worth a word, bytes.
const bystanders = 128 << 20

func (s Series) doubts(m result.Memory, outside float64, strangers int64) (w []string) {
	if why := s.Held.Kernel.Why; why != "" {
		w = append(w, why+": kernel memory is MemTotal - MemFree - page cache less the processes'")
	}
	if strangers > 0 {
		w = append(w, fmt.Sprintf("%d TCP sockets of this machine were not this run's: the kernel's cost is that of all sockets, the server's goes by its own count, and there is no cross-check", strangers))
	}
	if m.Plain.Server == nil {
		w = append(w, "the server's user memory is not known: the total is without it")
	}
	if m.Fit.Samples < minPoints {
		return append(w, fmt.Sprintf("memory was sampled at only %d different counts of connections: the figures are the plain difference, not a fit; take more connections or a lower --rate", m.Fit.Samples))
	}
	if m.Fit.R2 < minR2 {
		return append(w, fmt.Sprintf("the memory of so few connections (%d) does not stand out from the machine's noise: %d samples, r² %.3f; take more", s.Held.Conns, m.Fit.Samples, m.Fit.R2))
	}
	explained := m.TotalPerConn
	if m.WalkedPerConn != nil {
		explained += *m.WalkedPerConn
		w = append(w, fmt.Sprintf("something on this machine reads /proc/PID/fd of these processes (a monitoring agent, lsof): that alone took %.0f B of kernel memory a connection, not counted as the connections' cost", *m.WalkedPerConn))
	}
	off := math.Abs(explained - outside)
	if strangers == 0 && m.Plain.Server != nil && off > maxOff*math.Abs(outside) && off*float64(s.Held.Conns) > bystanders {
		w = append(w, fmt.Sprintf("the machine's memory grew by %.0f B a connection, the accounts say %.0f B: something else took or gave memory, or a cache is not counted", outside, explained))
	}
	return w
}

// fitter fits values of the snapshots over the client's count of connections.
type fitter struct {
	all     []Snapshot // at least two: before and held
	xs      []float64
	samples int // different counts
}

func newFitter(all []Snapshot) fitter {
	f := fitter{all: all}
	for _, p := range all {
		f.xs = append(f.xs, float64(p.Conns))
	}
	f.samples = stat.Distinct(f.xs)
	return f
}

// over is the same with another count of connections.
func (f fitter) over(count func(Snapshot) float64) fitter {
	g := fitter{all: f.all}
	for _, p := range f.all {
		g.xs = append(g.xs, count(p))
	}
	g.samples = stat.Distinct(g.xs)
	return g
}

// slope is the value's growth per connection and how well a line fits it; with
// too few samples the plain difference, and 0.
func (f fitter) slope(value func(Snapshot) float64) (slope, r2 float64) {
	last := len(f.all) - 1
	if f.samples < minPoints {
		return (value(f.all[last]) - value(f.all[0])) / (f.xs[last] - f.xs[0]), 0
	}
	ys := make([]float64, len(f.all))
	for i, p := range f.all {
		ys[i] = value(p)
	}
	slope, _, r2, _ = stat.Line(f.xs, ys)
	return slope, r2
}
