package foreign

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// Server is a server of this machine that is not ours. Its methods may be called
// from several goroutines.
type Server struct {
	fp    proc.FS
	mu    sync.Mutex
	who   *processes
	socks sockets
	name  string
	pids  []int     // as they were ...
	seen  time.Time // ... then
}

// newWorkers is how often the processes are listed where counts alone are asked
// for: a server of many forks none in between.
const newWorkers = 200 * time.Millisecond

// Find looks for a server. An error says, in words that follow what the user gave,
// why it cannot be watched: it does not exist, or may not be looked at.
func Find(fp proc.FS, who Who) (*Server, error) {
	its, err := find(fp, who)
	if err != nil {
		return nil, err
	}
	s := &Server{fp: fp, who: its}
	if err := s.list(); err != nil {
		return nil, err
	}
	first := s.pids[0]
	s.name = fp.Name(first)
	if err := fp.ReadsFDs(first); errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("process %d (%s) is another user's, and may not be looked at: run this as root or as "+
			"that user", first, s.name)
	}
	s.socks = sockets{fp: fp, net: netOf(fp, first), inodes: map[uint32]bool{}}
	return s, s.socks.listeners(s.pids)
}

// list reads which processes there are. Where there are none any more, the last
// ones stay known.
func (s *Server) list() error {
	pids, err := s.who.now()
	if err != nil {
		return err
	}
	s.pids, s.seen = pids, time.Now()
	return nil
}

// Alive is nil as long as the server's processes are there.
func (s *Server) Alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

// String names it: "node (process 123) and 3 more".
func (s *Server) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("%s (process %d)", s.name, s.pids[0])
	if more := len(s.pids) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// PIDs are its processes, the first one first.
func (s *Server) PIDs() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pids)
}

// Listens are the ports that it listens on, in words; "" for none.
func (s *Server) Listens() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var said []string
	for _, p := range s.ports(tally{}) {
		said = append(said, fmt.Sprint(p.Port))
	}
	const most = 10
	if len(said) > most {
		said = append(said[:most], fmt.Sprintf("and %d more", len(said)-most))
	}
	return strings.Join(said, ", ")
}

// Counts is a report of what it holds, and nothing that is expensive to read.
func (s *Server) Counts() (result.ServerReport, error) { return s.report(nil, false) }

// Resident is a report with the memory of its processes as it is cheap to read, and
// with the kernel's.
func (s *Server) Resident() (result.ServerReport, error) { return s.report(s.fp.Resident, false) }

// Exact is a whole report.
func (s *Server) Exact() (result.ServerReport, error) { return s.report(s.fp.Process, true) }

// reader sums up processes.
type reader func(pids ...int) (proc.Process, error)

// report reads memory with read, where that is not nil; whole says that it reads
// processor time as well, and counts anew.
func (s *Server) report(read reader, whole bool) (result.ServerReport, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if read != nil || now.Sub(s.seen) > newWorkers {
		if err := s.list(); err != nil {
			return result.ServerReport{}, err
		}
		if err := s.socks.listeners(s.pids); err != nil {
			return result.ServerReport{}, err
		}
	}
	r := s.identity()
	times := time.Duration(forCounts)
	if read != nil {
		times = forMemory
	}
	var t tally
	young := false
	if !whole {
		t, young = s.socks.recent(s.pids, now, times)
	}
	if !young {
		var err error
		if t, err = s.socks.count(s.pids, now); err != nil {
			return r, err
		}
	}
	r.Open, r.Ports = t.open, s.ports(t)
	if read == nil {
		return r, nil
	}
	return r, s.measure(&r, read, whole)
}

// identity is what does not change.
func (s *Server) identity() result.ServerReport {
	first := s.pids[0]
	r := result.ServerReport{Schema: result.ServerSchema, PID: first, State: "ready",
		Foreign: &result.Foreign{Name: s.name, PID: first, Group: s.who.group, Processes: len(s.pids)}}
	r.BootID, _ = s.fp.BootID()
	// Its processes go by the numbers that they have here.
	in := s.fp.Namespaces()
	in.Net = s.fp.NetNamespace(first)
	r.In, r.Cgroup = &in, s.fp.Quota(first)
	if uid, err := s.fp.User(first); err == nil {
		r.UID = &uid
	}
	if l, err := s.fp.Limits(first); err == nil && l.Files.Soft > 0 {
		r.Nofile = uint64(l.Files.Soft)
	}
	if at := s.socks.bind(); at.IsValid() {
		r.Bind = at.String()
	}
	for i, pid := range s.pids {
		r.Shards = append(r.Shards, result.Shard{Number: i, PID: pid, State: r.State})
	}
	return r
}

// ports are those it listens on, in order, each with what t counted there.
func (s *Server) ports(t tally) (list []result.PortCount) {
	for port := range s.socks.ports {
		list = append(list, result.PortCount{Port: int(port), Proto: "tcp", Open: t.ports[port]})
	}
	slices.SortFunc(list, func(a, b result.PortCount) int { return a.Port - b.Port })
	return list
}

// measure adds memory and processor time. A process that has just ended is left
// out; an error only where all have.
func (s *Server) measure(r *result.ServerReport, read reader, timed bool) error {
	var sum proc.Process
	for i := range r.Shards {
		p, err := read(r.Shards[i].PID)
		if errors.Is(err, proc.ErrGone) {
			continue
		}
		if err != nil {
			return err
		}
		r.Shards[i].Memory = p.Memory()
		sum.Add(p)
	}
	if sum.Pids == 0 {
		return fmt.Errorf("read memory of %s: %w", s.name, proc.ErrGone)
	}
	r.Memory = sum.Memory()
	if timed { // a young process may have used less than a tick of it
		r.CPU = &sum.CPU
	}
	var err error
	r.Kernel, err = s.fp.Usage()
	return err
}
