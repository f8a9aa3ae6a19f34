package foreign

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/sys"
)

// sockets counts the connections that a server has accepted and not closed.
type sockets struct {
	fp     proc.FS
	net    netspace
	looked []int // processes whose fds were looked through for listeners
	inodes map[uint32]bool
	ports  map[uint16][]netip.Addr // where it listens
	last   tally
	asked  int64 // how many fds there were when somebody asked last
}

// tally is one count.
type tally struct {
	open  int64
	ports map[uint16]int64
	fds   int64 // of all processes, after it; -1: not known
	moved bool  // some came or went during the walk, and may be counted or not
	at    time.Time
	cost  time.Duration
}

// How many times what a walk over all sockets costs must have passed before the
// next one: it takes a microsecond a socket, a second for a million. Until then the
// fds that came and went tell, though not at which port. Who asks for counts alone
// waits for the last connection, 200 times a second; memory is sampled while
// connections are opened, which the walk would slow down; a whole report is asked for
// a few times in a run, and goes by neither: it always walks.
const (
	forCounts = 2
	forMemory = 10
)

// listeners looks for listening sockets among the fds of processes that it has not
// looked at yet: workers may have opened some of their own.
func (s *sockets) listeners(pids []int) error {
	fresh := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return slices.Contains(s.looked, pid) })
	if len(fresh) == 0 && len(s.ports) > 0 {
		return nil
	}
	switch {
	case len(s.ports) == 0: // the first time, or it had not begun to listen
		for inode := range s.fp.SocketsOf(pids) {
			s.inodes[inode] = true
		}
	default: // a worker may have thousands of connections by now
		for _, pid := range fresh {
			s.lowest(pid)
		}
	}
	s.looked = slices.Clone(pids)
	ports := map[uint16][]netip.Addr{}
	err := s.net.sockets(func(i sys.SockInfo) bool {
		if s.inodes[i.Inode] && !slices.Contains(ports[i.Local.Port()], i.Local.Addr()) {
			ports[i.Local.Port()] = append(ports[i.Local.Port()], i.Local.Addr())
		}
		return true
	}, sys.Listening)
	if err != nil {
		return err
	}
	s.ports = ports
	return nil
}

// lowFDs is how many fds of a worker that has come are looked at: it opens its
// listeners first.
const lowFDs = 64

func (s *sockets) lowest(pid int) {
	for fd := range lowFDs {
		if d, ok := s.fp.FD(pid, fd); ok && d.Socket {
			s.inodes[d.Inode] = true
		}
	}
}

// count walks over all sockets of the server's network namespace, and counts those
// at its ports that it has accepted: what waits in the queue has no inode yet. One
// that the peer has closed and the server has not is still held.
func (s *sockets) count(pids []int, now time.Time) (tally, error) {
	t := tally{ports: map[uint16]int64{}}
	before := s.fds(pids)
	var err error
	cost := sys.CPUOf(func() {
		err = s.net.sockets(func(i sys.SockInfo) bool {
			if i.Inode != 0 && s.at(i.Local) {
				t.open++
				t.ports[i.Local.Port()]++
			}
			return true
		}, sys.Established, sys.CloseWait)
	})
	if err != nil {
		return tally{}, err
	}
	t.at, t.cost, t.fds = now, cost, s.fds(pids)
	t.moved = t.fds != before
	s.last, s.asked = t, t.fds
	return t, nil
}

// recent is the last count, plus the fds that have come since and less those that
// have gone, while it is younger than so many times what the walk took. Where fds are
// not known it serves only those who ask for counts again and again. A count that was
// taken while connections came and went (moved) serves until they stop: then the next
// walk is exact.
func (s *sockets) recent(pids []int, now time.Time, times time.Duration) (tally, bool) {
	t := s.last
	fds := s.fds(pids)
	known := fds >= 0 && t.fds >= 0
	settled := t.moved && fds == s.asked
	s.asked = fds
	if t.ports == nil || settled || !known && times != forCounts || now.Sub(t.at) > times*t.cost {
		return tally{}, false
	}
	if known {
		t.open = max(0, t.open+fds-t.fds)
	}
	return t, true
}

// fds is how many all processes hold together; -1 if that cannot be told.
func (s *sockets) fds(pids []int) (sum int64) {
	for _, pid := range pids {
		f, err := s.fp.FDs(pid)
		if err != nil || f.Open < 0 {
			return -1
		}
		sum += f.Open
	}
	return sum
}

// at says whether a socket's local end is where the server listens.
func (s *sockets) at(local netip.AddrPort) bool {
	return slices.ContainsFunc(s.ports[local.Port()], func(a netip.Addr) bool {
		return a == local.Addr() || a.IsUnspecified()
	})
}

// bind is the only address that it listens on, or the unspecified one of several.
func (s *sockets) bind() netip.Addr {
	var only netip.Addr
	for _, addrs := range s.ports {
		for _, a := range addrs {
			if only.IsValid() && a != only {
				return netip.IPv4Unspecified()
			}
			only = a
		}
	}
	return only
}

// netspace is the network namespace of a server.
type netspace struct {
	file string // of /proc/PID/ns/net; "" in our own
}

// netOf is the namespace of a process. It takes CAP_SYS_ADMIN to look into another
// one, setns(2).
func netOf(fp proc.FS, pid int) netspace {
	if fp.SameNet(pid) || fp.NetNamespace(pid) == 0 {
		return netspace{}
	}
	return netspace{fp.NetFile(pid)}
}

func (n netspace) sockets(visit func(sys.SockInfo) bool, states ...sys.SockState) error {
	if n.file == "" {
		return sys.TCPSockets(visit, states...)
	}
	err := sys.InNetwork(n.file, func() error { return sys.TCPSockets(visit, states...) })
	if err != nil {
		return fmt.Errorf("look into the network namespace of the server: %w: run this as root, or in that namespace",
			err)
	}
	return nil
}
