package proc

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// cost is what a connection of the synthetic machine takes, bytes.
type cost struct {
	tcp, filp, small, kmalloc int
	server, client            int
	hidden                    int // in no cache that is counted
	// that went into slabs which were there already; below 0: into slabs that are not full
	roomy  int
	walked int // by a reader of /proc/PID/fd
}

const base = 500 << 20 // bytes in use before

// at is the machine while it holds n connections, of which the server has seen
// only n - lag.
func (c cost) at(n, lag int) Snapshot {
	grown := func(per int) uint64 { return uint64(n * per) }
	server := base + uint64((n-lag)*c.server)
	k := Kernel{Method: MethodSlab, Walked: grown(c.walked), Caches: []result.CacheUsage{
		{Name: "filp", Objects: uint64(2 * n), Bytes: 7<<20 + grown(c.filp)},
		{Name: "TCP", Objects: uint64(2*n) + 40, Bytes: 9<<20 + grown(c.tcp)},
		{Name: "ep_head", Bytes: 5<<20 + uint64(n*c.small/10)}, // tenths of a byte
		{Name: "tw_sock_TCP", Bytes: 3 << 20},
		{Name: kmalloc, Bytes: 8<<20 + grown(c.kmalloc)},
	}}
	for _, u := range k.Caches {
		k.Bytes += u.Bytes
	}
	k.PageBytes = k.Bytes - uint64(float64(n)*float64(c.roomy)) // full slabs, but for the room that was there
	client := base + grown(c.client)
	k.Mem = Mem{Total: 64 << 30, Free: 64<<30 - k.PageBytes - server - client - grown(c.hidden) - grown(c.walked)}
	return Snapshot{T: float64(n) / 1000, Conns: int64(n), ServerOpen: int64(n - lag), Kernel: k,
		Server: &result.ProcMemory{PSS: server}, Client: Process{PSS: client}}
}

// ramp goes to n connections in steps.
func (c cost) ramp(n, steps, lag int) Series {
	s := Series{Before: c.at(0, 0), Held: c.at(n, 0), BothEnds: true}
	for i := 1; i < steps; i++ {
		s.Ramp = append(s.Ramp, c.at(n*i/steps, lag))
	}
	return s
}

var typical = cost{tcp: 5042, filp: 390, small: 320, kmalloc: 70, server: 420, client: 28}

func TestSeries(t *testing.T) {
	const kernel = 5042 + 390 + 32 + 70
	m, warnings := typical.ramp(1_000_000, 50, 0).Memory()
	if len(warnings) > 0 {
		t.Errorf("warnings %v", warnings)
	}
	for _, tt := range []struct {
		name      string
		got, want float64
	}{
		{"kernel", m.KernelPerConn, kernel},
		{"kernel of a socket", m.KernelPerSocket, kernel / 2},
		{"server", *m.ServerPerConn, 420},
		{"client", *m.ClientPerConn, 28},
		{"total", m.TotalPerConn, kernel + 448},
		{"10 M", *m.At10M, (kernel + 448) * 1e7},
		{"outside", *m.Outside, kernel + 448},
		{"pages", *m.PagesPerConn, kernel},
		{"sockets", *m.SocketsPerConn, 2},
		{"slope", m.Fit.Slope, kernel + 448},
		{"r2", m.Fit.R2, 1},
		{"plain kernel", m.Plain.Kernel, kernel},
		{"plain server", *m.Plain.Server, 420},
		{"plain client", *m.Plain.Client, 28},
		{"plain total", m.Plain.Total, kernel + 448},
		{"samples of the fit", float64(m.Fit.Samples), 51},
		{"connections of the fit", float64(m.Fit.Conns), 1e6},
		{"samples", float64(len(m.Samples)), 49},
		{"before", float64(m.Before.Kernel), 32 << 20},
		{"held", float64(m.Held.Kernel), 32<<20 + kernel*1e6},
		{"server held", float64(*m.Held.Server), base + 420e6},
		{"system held", float64(m.Held.System), 32<<20 + 2*base + (kernel+448)*1e6},
	} {
		if math.Abs(tt.got-tt.want) > 1e-6*tt.want {
			t.Errorf("%s = %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if m.Method != MethodSlab || !m.BothEnds || m.WalkedPerConn != nil || m.After != nil {
		t.Errorf("Method %q, BothEnds %v, Walked %v, After %v", m.Method, m.BothEnds, m.WalkedPerConn, m.After)
	}
	want := "TCP 2.00 5042.0, filp 2.00 390.0, kmalloc-* 0.00 70.0, ep_head 0.00 32.0"
	if got := listed(m.Caches); got != want {
		t.Errorf("caches %q, want %q", got, want)
	}
}

func listed(caches []result.Cache) string {
	var all []string
	for _, c := range caches {
		all = append(all, fmt.Sprintf("%s %.2f %.1f", c.Name, c.ObjectsPerConn, c.BytesPerConn))
	}
	return strings.Join(all, ", ")
}

// TestSeriesSum: whatever is too small to be listed, the lines add up to the
// kernel's total.
func TestSeriesSum(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*Snapshot)
		want string
	}{
		{"all listed", func(*Snapshot) {}, "TCP 2.00 5042.0, filp 2.00 390.0, kmalloc-* 0.00 70.0, ep_head 0.00 32.0"},
		{"two too small", func(s *Snapshot) {
			s.Kernel.Caches[2].Bytes = uint64(s.Conns * 4 / 10)
			s.Kernel.Caches[3].Bytes = uint64(s.Conns * 3 / 10)
		}, "TCP 2.00 5042.0, filp 2.00 390.0, kmalloc-* 0.00 70.0, other 0.00 0.7"},
		{"together too small", func(s *Snapshot) {
			s.Kernel.Caches[2].Bytes = uint64(s.Conns * 2 / 10)
			s.Kernel.Caches[3].Bytes = uint64(s.Conns * 2 / 10)
		}, "TCP 2.00 5042.0, filp 2.00 390.0, kmalloc-* 0.00 70.0"},
		{"one shrinks", func(s *Snapshot) {
			s.Kernel.Caches[3].Bytes = uint64(3_000_000 - s.Conns)
		}, "TCP 2.00 5042.0, filp 2.00 390.0, kmalloc-* 0.00 70.0, ep_head 0.00 32.0, tw_sock_TCP 0.00 -1.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := typical.ramp(1_000_000, 20, 0)
			each(&s, func(p *Snapshot) {
				tt.edit(p)
				p.Kernel.Bytes = 0
				for _, c := range p.Kernel.Caches {
					p.Kernel.Bytes += c.Bytes
				}
			})
			m, _ := s.Memory()
			if got := listed(m.Caches); got != tt.want {
				t.Errorf("caches %q, want %q", got, tt.want)
			}
			var sum float64
			for _, c := range m.Caches {
				sum += c.BytesPerConn
			}
			if math.Abs(sum-m.KernelPerConn) > minCache {
				t.Errorf("caches sum up to %v, the kernel's total is %v", sum, m.KernelPerConn)
			}
		})
	}
}

func each(s *Series, edit func(*Snapshot)) {
	edit(&s.Before)
	for i := range s.Ramp {
		edit(&s.Ramp[i])
	}
	edit(&s.Held)
}

// TestSeriesLag: a server that is behind by a steady number of connections
// costs what it costs by its own count.
func TestSeriesLag(t *testing.T) {
	m, _ := typical.ramp(1_000_000, 20, 30_000).Memory()
	if math.Abs(*m.ServerPerConn-420) > 1e-6 {
		t.Errorf("server %v B a connection, want 420", *m.ServerPerConn)
	}
	if math.Abs(m.TotalPerConn/(5534+448)-1) > 0.01 {
		t.Errorf("total %v B a connection, want %d within 1 %%", m.TotalPerConn, 5534+448)
	}
}

// TestSeriesMarginal: what is spent once, at the start, is no connection's
// cost; the plain difference shows it, the fit does not.
func TestSeriesMarginal(t *testing.T) {
	s := typical.ramp(1_000_000, 100, 0)
	for i := range s.Ramp {
		s.Ramp[i].Client.PSS += 50 << 20
	}
	s.Held.Client.PSS += 50 << 20
	m, _ := s.Memory()
	if *m.ClientPerConn < 28 || *m.ClientPerConn > 33 || *m.Plain.Client < 80 {
		t.Errorf("client %v by fit, %v plain; want about 28 and 80", *m.ClientPerConn, *m.Plain.Client)
	}
}

func TestSeriesWarns(t *testing.T) {
	with := func(edit func(*cost)) Series {
		c := typical
		edit(&c)
		return c.ramp(1_000_000, 20, 0)
	}
	for _, tt := range []struct {
		name string
		in   Series
		want []string
	}{
		{"nothing to say", typical.ramp(1_000_000, 20, 0), nil},
		{"2 % unaccounted for", with(func(c *cost) { c.hidden = 120 }), nil},
		{"5 % unaccounted for", with(func(c *cost) { c.hidden = 300 }),
			[]string{"memory_unexplained explained_bytes_per_conn 5982.0 machine_bytes_per_conn 6282.0"}},
		{"5 % given back by somebody", with(func(c *cost) { c.hidden = -300 }),
			[]string{"machine_bytes_per_conn 5682.0"}},
		{"as much of few connections is a bystander's",
			func() Series { c := typical; c.hidden = 300; return c.ramp(50_000, 20, 0) }(), nil},
		{"somebody reads /proc/PID/fd", with(func(c *cost) { c.walked = 900 }),
			[]string{"memory_of_readers walked_bytes_per_conn 900.0"}},
		{"three points make a fit", typical.ramp(1_000_000, 2, 0), nil},
		{"two do not", typical.ramp(1_000_000, 1, 0), []string{"memory_not_fitted samples 2"}},
		{"nor do many at the same count",
			Series{Before: typical.at(0, 0), Ramp: []Snapshot{typical.at(0, 0), typical.at(9, 0), typical.at(9, 0)},
				Held: typical.at(9, 0), BothEnds: true},
			[]string{"memory_not_fitted samples 2"}},
		{"no connection", Series{Before: typical.at(5, 0), Held: typical.at(5, 0)}, []string{"memory_of_nothing"}},
		{"fewer than before", Series{Before: typical.at(5, 0), Held: typical.at(3, 0)}, []string{"memory_of_nothing"}},
		{"room in slabs from before", with(func(c *cost) { c.roomy = 2000 }),
			[]string{"memory_slabs_had_room object_bytes_per_conn 5534.0 page_bytes_per_conn 3534.0"}},
		{"slabs that are not full", with(func(c *cost) { c.roomy = -2000 }),
			[]string{"memory_slabs_not_full object_bytes_per_conn 5534.0 page_bytes_per_conn 7534.0"}},
		{"a little room", with(func(c *cost) { c.roomy = 100 }), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, doubts := tt.in.Memory()
			got := facts(doubts...)
			if len(got) != len(tt.want) {
				t.Fatalf("warnings %v, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("warning %q, want %q in it", got[i], tt.want[i])
				}
			}
			for name, v := range map[string]float64{"kernel": m.KernelPerConn, "client": figure(m.ClientPerConn),
				"total": m.TotalPerConn, "r2": m.Fit.R2} {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%s = %v, which JSON cannot hold", name, v)
				}
			}
		})
	}
}

// noisy is a ramp of a thousand connections on a machine that breathes.
func noisy() Series {
	s := typical.ramp(1000, 20, 0)
	for i := range s.Ramp {
		s.Ramp[i].Kernel.Bytes += uint64(i%2) * (64 << 20)
	}
	return s
}

// TestSeriesPlain: without a fit the plain difference is the figure.
func TestSeriesPlain(t *testing.T) {
	m, _ := typical.ramp(1_000_000, 1, 0).Memory()
	if m.KernelPerConn != 5534 || *m.ServerPerConn != 420 || *m.ClientPerConn != 28 || m.TotalPerConn != 5982 {
		t.Errorf("kernel %v, server %v, client %v, total %v", m.KernelPerConn, *m.ServerPerConn, *m.ClientPerConn,
			m.TotalPerConn)
	}
	if m.Fit != (result.Fit{Slope: 5982, R2: 0, Samples: 2, Conns: 1_000_000}) {
		t.Errorf("fit %+v, want 2 samples and no r2", m.Fit)
	}
	// The sockets of others that came meanwhile make no third sample.
	s := typical.ramp(1_000_000, 1, 0)
	more := s.Held
	more.Kernel.Caches = slices.Clone(more.Kernel.Caches)
	for i := range more.Kernel.Caches {
		more.Kernel.Caches[i].Objects = more.Kernel.Caches[i].Objects * 11 / 10
		more.Kernel.Caches[i].Bytes = more.Kernel.Caches[i].Bytes * 11 / 10
	}
	s.Ramp, s.Held = []Snapshot{s.Held}, more
	s.Before.Sockets, s.Ramp[0].Sockets, s.Held.Sockets = 100, 100+2_000_000, 100+2_200_000
	if m, _ := s.Memory(); m.Fit.R2 != 0 || m.Fit.Samples != 2 || m.At10M != nil {
		t.Errorf("with sockets of others: fit %+v, at 10M %v; want 2 samples and no r2", m.Fit, m.At10M)
	}
}

// TestSeriesGaps: an answer of the server that was lost is a sample less, not
// memory that came back; a server never heard of is told from one that takes
// nothing.
func TestSeriesGaps(t *testing.T) {
	s := typical.ramp(1_000_000, 20, 0)
	s.Ramp[7].Server, s.Ramp[7].ServerOpen = nil, -1
	s.Ramp[9].Kernel = Kernel{Method: MethodMem, Bytes: s.Ramp[9].Kernel.Mem.Used(), Mem: s.Ramp[9].Kernel.Mem}
	m, warnings := s.Memory()
	if math.Abs(m.TotalPerConn-5982) > 1e-3 || m.Fit.Samples != 19 || len(m.Samples) != 17 || len(warnings) > 0 {
		t.Errorf("total %v of %d samples, warnings %v, want 5982 of 19", m.TotalPerConn, m.Fit.Samples, warnings)
	}
	for _, where := range []string{"before", "held"} {
		s := typical.ramp(1_000_000, 20, 0)
		if where == "before" {
			s.Before.Server = nil
		} else {
			s.Held.Server = nil
		}
		m, warnings := s.Memory()
		if m.ServerPerConn != nil || m.Plain.Server != nil || m.Held.Server != nil ||
			math.Abs(m.TotalPerConn-5562) > 1e-3 ||
			len(warnings) != 1 || warnings[0].Code != "memory_without_server" {
			t.Errorf("server not known %s: server %v, total %v, warnings %v", where, m.ServerPerConn, m.TotalPerConn,
				warnings)
		}
	}
}

// TestSeriesMeminfo: without slabinfo the kernel's part is all that is neither
// page cache nor the processes'.
func TestSeriesMeminfo(t *testing.T) {
	s := typical.ramp(1_000_000, 20, 0)
	each(&s, func(p *Snapshot) {
		p.Kernel = Kernel{Method: MethodMem, Why: "slabinfo cannot be read", Bytes: p.Kernel.Mem.Used(),
			Mem: p.Kernel.Mem}
	})
	m, warnings := s.Memory()
	if m.Method != MethodMem || math.Abs(m.KernelPerConn-5534) > 1e-3 || math.Abs(m.TotalPerConn-5982) > 1e-3 ||
		m.Caches != nil {
		t.Errorf("Method %q, kernel %v, total %v, caches %v", m.Method, m.KernelPerConn, m.TotalPerConn, m.Caches)
	}
	if len(warnings) != 1 || facts(warnings...)[0] != "memory_without_slabs why slabinfo cannot be read" {
		t.Errorf("warnings %v", warnings)
	}
}

// TestSeriesRemote: the server on another machine, which counts the kernel's
// memory there either way.
func TestSeriesRemote(t *testing.T) {
	for _, method := range []string{MethodSlab, MethodMem} {
		t.Run(method, func(t *testing.T) {
			s := typical.ramp(1_000_000, 20, 0)
			each(&s, func(p *Snapshot) {
				// Here is the client's end; the other end is like it, but for
				// one cache that this kernel does not have.
				far := uint64(2<<30) + uint64(p.Conns)*(5042+16)
				p.Remote = &result.KernelUsage{Method: MethodSlab, Bytes: far, PageBytes: far,
					System: far + p.Server.PSS,
					Caches: []result.CacheUsage{{Name: "TCP", Objects: uint64(p.Conns),
						Bytes: 1<<30 + uint64(p.Conns)*5042},
						{Name: "lsm_file_cache", Bytes: 1<<30 + uint64(p.Conns)*16}}}
				if method == MethodMem {
					p.Remote.Method, p.Remote.Bytes, p.Remote.PageBytes, p.Remote.Caches = MethodMem, far+p.Server.PSS,
						0, nil
				}
				p.Kernel.Mem.Free += p.Server.PSS // which is not here
				p.Kernel.Caches[1].Objects -= uint64(p.Conns)
			})
			m, warnings := s.Memory()
			want := 5534.0 + 5042 + 16
			if math.Abs(m.KernelPerConn-want) > 1e-3 || math.Abs(m.TotalPerConn-want-448) > 1e-3 {
				t.Errorf("kernel %v, total %v, want %v, %v", m.KernelPerConn, m.TotalPerConn, want, want+448)
			}
			if m.Method != method || (m.Outside != nil) != (method == MethodSlab) || m.Outside != nil &&
				math.Abs(*m.Outside-want-448) > 1e-3 {
				t.Errorf("method %q, outside %v, want %q, and %v by slabinfo alone", m.Method, m.Outside, method,
					want+448)
			}
			if said := strings.Join(facts(warnings...), "; "); (said != "") != (method == MethodMem) ||
				method == MethodMem && !strings.HasPrefix(said, "memory_without_slabs_there") {
				t.Errorf("warnings %v", said)
			}
			lines := "TCP 2.00 10084.0, filp 2.00 390.0, kmalloc-* 0.00 70.0, ep_head 0.00 32.0, lsm_file_cache " +
				"0.00 16.0"
			if method == MethodMem {
				lines = "TCP 1.00 5042.0, filp 2.00 390.0, kmalloc-* 0.00 70.0, ep_head 0.00 32.0, other 0.00 5058.0"
			}
			if got := listed(m.Caches); got != lines {
				t.Errorf("caches %q, want %q", got, lines)
			}
		})
	}
}

// TestSeriesStrangers: sockets that others open meanwhile, or close, are not the
// client's connections, and take nothing from their cost nor add to it.
func TestSeriesStrangers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		times float64 // as many sockets as the client's
		want  string  // warning; "": none
	}{
		{"a second client, as large", 2, "memory_of_foreign_sockets foreign 2000000"},
		{"some more", 1.1, "memory_of_foreign_sockets foreign 200000"},
		{"a few more", 1.01, ""},
		{"some close theirs", 0.8, "memory_of_foreign_sockets foreign 400000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := typical.ramp(1_000_000, 20, 0)
			each(&s, func(p *Snapshot) {
				was := p.Kernel.Bytes
				p.Kernel.Bytes = 0
				for i, c := range p.Kernel.Caches {
					at0 := typical.at(0, 0).Kernel.Caches[i]
					c.Objects = at0.Objects + uint64(tt.times*float64(c.Objects-at0.Objects))
					c.Bytes = at0.Bytes + uint64(tt.times*float64(c.Bytes-at0.Bytes))
					p.Kernel.Caches[i] = c
					p.Kernel.Bytes += c.Bytes
				}
				p.Kernel.PageBytes = p.Kernel.Bytes
				p.Sockets = 100 + int64(tt.times*float64(2*p.Conns))
				p.Kernel.Mem.Free -= p.Kernel.Bytes - was
			})
			m, warnings := s.Memory()
			if math.Abs(m.KernelPerConn-5534) > 0.01 || math.Abs(m.TotalPerConn-5982) > 0.01 ||
				math.Abs(m.Plain.Total-5982) > 0.01 ||
				math.Abs(*m.PagesPerConn-5534) > 0.01 || math.Abs(m.KernelPerSocket-2767) > 0.01 {
				t.Errorf("kernel %v, total %v, plain %v, pages %v, socket %v; want 5534, 5982, 5982, 5534, 2767",
					m.KernelPerConn, m.TotalPerConn, m.Plain.Total, *m.PagesPerConn, m.KernelPerSocket)
			}
			if got := listed(m.Caches); got != "TCP 2.00 5042.0, filp 2.00 390.0, kmalloc-* 0.00 70.0, ep_head "+
				"0.00 32.0" {
				t.Errorf("caches %q", got)
			}
			if said := strings.Join(facts(warnings...), "; "); (said != "") != (tt.want != "") ||
				!strings.Contains(said, tt.want) {
				t.Errorf("warnings %v, want %q", said, tt.want)
			}
		})
	}
	s := typical.ramp(1_000_000, 20, 0)
	each(&s, func(p *Snapshot) {
		p.Kernel = Kernel{Method: MethodMem, Why: "slabinfo cannot be read", Bytes: p.Kernel.Mem.Used(),
			Mem: p.Kernel.Mem}
		p.Sockets = 100 + 3*p.Conns
	})
	if m, _ := s.Memory(); m.Withheld == nil || m.Withheld.Code != "noisy_foreign_sockets" ||
		m.Withheld.Numbers["foreign"] != 1_000_000 {
		t.Errorf("withheld %v, although meminfo cannot tell whose memory it is", m.Withheld)
	}
	s = typical.ramp(1_000_000, 20, 0)
	each(&s, func(p *Snapshot) { p.Kernel.Caches[1].Objects = uint64(2_000_000 - p.Conns) })
	if m, _ := s.Memory(); m.Withheld == nil || m.Withheld.Code != "noisy_sockets_unseen" {
		t.Errorf("withheld %v, although others closed more than the client opened", m.Withheld)
	}
}

// TestSeriesOneEnd: with only one end in the snapshots a connection is a socket.
func TestSeriesOneEnd(t *testing.T) {
	s := typical.ramp(1_000_000, 20, 0)
	s.BothEnds = false
	each(&s, func(p *Snapshot) { p.Kernel.Caches[1].Objects -= uint64(p.Conns) })
	if m, _ := s.Memory(); m.KernelPerSocket != m.KernelPerConn || m.BothEnds {
		t.Errorf("a socket takes %v, a connection %v", m.KernelPerSocket, m.KernelPerConn)
	}
}

// A second client on the machine takes kernel memory as well, and the server's:
// each is counted over what it is a function of, and not over our connections.
func TestSeriesOfTwoClients(t *testing.T) {
	alone := typical.ramp(20_000, 20, 0)
	sockets := func(s Series, of func(conns int64) int64) Series {
		s.Ramp = slices.Clone(s.Ramp)
		for _, p := range []*Snapshot{&s.Before, &s.Held} {
			p.Sockets = 1000 + of(p.Conns)
		}
		for i := range s.Ramp {
			s.Ramp[i].Sockets = 1000 + of(s.Ramp[i].Conns)
		}
		return s
	}
	halve := func(p *Snapshot) { // as seen by one of two that have done half of it each
		p.ServerOpen, p.Conns = p.Conns, p.Conns/2
	}
	both := sockets(alone, func(conns int64) int64 { return 2 * conns })
	m, warnings := both.Memory()
	want, _ := alone.Memory()
	if m.TotalPerConn != want.TotalPerConn || len(warnings) > 0 || m.Outside == nil {
		t.Fatalf("alone: %v B, warnings %v, want %v and none", m.TotalPerConn, warnings, want.TotalPerConn)
	}
	halve(&both.Before)
	halve(&both.Held)
	for i := range both.Ramp {
		halve(&both.Ramp[i])
	}
	m, warnings = both.Memory()
	if math.Abs(m.KernelPerConn-want.KernelPerConn) > 1 || math.Abs(*m.ServerPerConn-*want.ServerPerConn) > 1 ||
		math.Abs(m.Plain.Kernel-want.Plain.Kernel) > 1 {
		t.Errorf("kernel %v (plain %v), server %v B a connection, want %v (%v), %v", m.KernelPerConn, m.Plain.Kernel,
			*m.ServerPerConn, want.KernelPerConn, want.Plain.Kernel, *want.ServerPerConn)
	}
	if m.Outside != nil || len(warnings) != 1 || facts(warnings...)[0] != "memory_of_foreign_sockets foreign 20000" {
		t.Errorf("cross-check %v, warnings %v, want none, and the reason", m.Outside, warnings)
	}
}
