package proc

import "github.com/c10m/c10m/internal/result"

// Snapshot is everything at one moment of a run.
type Snapshot struct {
	T          float64 // seconds since the ramp began
	Conns      int64   // held by the client
	ServerOpen int64   // held by the server; it may lag behind. -1: not known
	Kernel     Kernel  // of this machine
	Sockets    int64   // TCP sockets of the kernels in Kernel and Remote, whosever; 0: not known
	// Remote is the kernel of the server's machine, where that is another one.
	Remote *result.KernelUsage
	Server *result.ProcMemory // nil: not known
	Client Process
}

// Used is the snapshot in the result file's form. Without slabinfo the kernel's
// part is what is left of all memory in use once the processes are taken off.
func (s Snapshot) Used() result.Used {
	u := result.Used{Kernel: s.Kernel.Bytes, Client: s.Client.PSS, System: s.Kernel.Mem.Used()}
	var server uint64
	if s.Server != nil {
		server = s.Server.PSS
		u.Server = &server
	}
	if s.Kernel.Method == MethodMem {
		u.Kernel = less(u.Kernel, s.Client.PSS)
		if s.Remote == nil {
			u.Kernel = less(u.Kernel, server)
		}
	}
	if s.Remote != nil {
		remote := s.Remote.Bytes
		if s.Remote.Method == MethodMem {
			remote = less(remote, server)
		}
		u.Kernel += remote
		u.System += s.Remote.System
	}
	return u
}

// serverCount is what the server's memory is a function of: its own count of
// connections, as it lags behind the client's.
func (s Snapshot) serverCount() int64 {
	if s.ServerOpen < 0 {
		return s.Conns
	}
	return s.ServerOpen
}

// total is all that connections take at both ends, as far as it is known.
func (s Snapshot) total() float64 {
	u := s.Used()
	t := float64(u.Kernel) + float64(u.Client)
	if u.Server != nil {
		t += float64(*u.Server)
	}
	return t
}

// PageBytes is what the kernel's caches take in pages, at both machines; 0 where
// that is not known.
func (s Snapshot) PageBytes() uint64 {
	if s.Remote == nil {
		return s.Kernel.PageBytes
	}
	if s.Kernel.PageBytes == 0 || s.Remote.PageBytes == 0 {
		return 0
	}
	return s.Kernel.PageBytes + s.Remote.PageBytes
}

// cache finds a cache by name, summed over the machines; a zero one where it is
// not there.
func (s Snapshot) cache(name string) result.CacheUsage {
	sum := result.CacheUsage{Name: name}
	for _, c := range s.Kernel.Caches {
		if c.Name == name {
			sum = c
		}
	}
	if s.Remote != nil {
		for _, c := range s.Remote.Caches {
			if c.Name == name {
				sum.Objects += c.Objects
				sum.Bytes += c.Bytes
				sum.PageBytes += c.PageBytes
			}
		}
	}
	return sum
}

// slabSockets is how many TCP sockets of both families the caches hold.
func (s Snapshot) slabSockets() uint64 { return s.cache("TCP").Objects + s.cache("TCPv6").Objects }

// cacheNames are the names of all caches of the machines, each once.
func (s Snapshot) cacheNames() (names []string) {
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, c := range s.Kernel.Caches {
		add(c.Name)
	}
	if s.Remote != nil {
		for _, c := range s.Remote.Caches {
			add(c.Name)
		}
	}
	return names
}

// Growth is the difference between two snapshots, bytes; memory given back
// counts negative.
type Growth struct {
	Conns                         int64
	Kernel, Client, Total, System float64
	Server                        *float64 // nil: not known in both
}

// Sub is what came on top since before.
func (s Snapshot) Sub(before Snapshot) Growth {
	b, u := before.Used(), s.Used()
	g := Growth{
		Conns:  s.Conns - before.Conns,
		Kernel: float64(u.Kernel) - float64(b.Kernel),
		Client: float64(u.Client) - float64(b.Client),
		System: float64(u.System) - float64(b.System),
	}
	g.Total = g.Kernel + g.Client
	if u.Server != nil && b.Server != nil {
		server := float64(*u.Server) - float64(*b.Server)
		g.Server = &server
		g.Total += server
	}
	return g
}

// PerConn divides the growth by the connections that came on top; zero where
// none did.
func (g Growth) PerConn() (p result.Parts) {
	if g.Conns <= 0 {
		return p
	}
	n := float64(g.Conns)
	client := g.Client / n
	p = result.Parts{Kernel: g.Kernel / n, Client: &client, Total: g.Total / n}
	if g.Server != nil {
		server := *g.Server / n
		p.Server = &server
	}
	return p
}
