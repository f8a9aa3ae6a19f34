package diagnose

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/sys"
)

// Upstream is another server that the server under test is a client of.
type Upstream struct {
	To      netip.AddrPort
	PID     int // of a process that was seen with a connection to it
	Process string
	Open    int64   // the most connections to it at one look
	Now     int64   // at the last look
	New     int64   // that came after the first look; those between two looks that left no TIME_WAIT are not seen
	Ended   int64   // of these, gone by the last look
	Seconds float64 // between the first look and the last
	Threads float64 // that sat in a call on one of them, on average over all looks
}

// Rate is how many new connections a second there were.
func (u *Upstream) Rate() float64 {
	if u.Seconds <= 0 {
		return 0
	}
	return float64(u.New) / u.Seconds
}

const (
	// maxUpstreams bounds the destinations that are told apart.
	maxUpstreams = 256
	// maxSampled bounds how many connections to one of them are looked for among the
	// server's fds, at one look.
	maxSampled = 64
	// lowFDs is how many fds of a process are looked at one by one, from 0: a server
	// opens pools early. Those around the number of open ones are looked at as well,
	// where the kernel puts what is opened now: it takes the lowest that is free.
	lowFDs    = 256
	nearCount = 16
	// maxNear is how many of the latter are looked at in all: as many inodes and
	// dentries stay in the kernel.
	maxNear = 2048
	// maxOwners is how many processes are looked at for that.
	maxOwners = 16
)

// upstreams finds whom the server's processes talk to: outgoing connections of
// their network namespace, of which one was seen among their fds. Its maps are kept
// from look to look: this runs while memory is being measured.
type upstreams struct {
	fp          proc.FS
	pids        []int
	own         map[uint16]bool // the server's ports
	file        string          // of the network namespace, where it is not ours
	to          map[netip.AddrPort]*traffic
	inodes      map[uint32]netip.AddrPort // of the last look
	loops       map[int]bool              // processes that have an epoll instance
	near        int                       // fds near the number of open ones that were looked at
	first, last time.Time
}

// traffic is what was seen of one destination.
type traffic struct {
	Upstream
	now     int64
	ports   [1 << 16 / 64]uint64 // local ports that have been seen, a bit each
	sampled []uint32             // inodes, at this look
}

func newUpstreams(fp proc.FS, t Target) *upstreams {
	u := &upstreams{fp: fp, pids: t.Server[:min(len(t.Server), maxOwners)], own: map[uint16]bool{},
		to: map[netip.AddrPort]*traffic{}, inodes: map[uint32]netip.AddrPort{}, loops: map[int]bool{}}
	for _, port := range t.Ports {
		u.own[uint16(port)] = true
	}
	if len(u.pids) > 0 && !fp.SameNet(u.pids[0]) {
		u.file = fp.NetFile(u.pids[0])
	}
	u.sockets(nil) // who has an epoll instance
	return u
}

// begin starts a look.
func (u *upstreams) begin() {
	clear(u.inodes)
	for _, t := range u.to {
		t.now, t.sampled = 0, t.sampled[:0]
	}
}

// connection takes note of one; listeners are the ports that somebody listens on in
// the same namespace. What has ended without a TIME_WAIT at this end may have left
// one at the other, if that is on this machine.
func (u *upstreams) connection(s sys.SockInfo, listeners map[uint16]bool) {
	to, local := s.Remote, s.Local.Port()
	switch {
	case !listeners[local]:
	case s.State == sys.TimeWait:
		to, local = s.Local, s.Remote.Port()
	default:
		return // somebody's client
	}
	if here := to.Addr() == s.Local.Addr() || to.Addr().IsLoopback(); here && u.own[to.Port()] {
		return // the server's own client
	}
	t := u.to[to]
	if t == nil {
		if len(u.to) >= maxUpstreams {
			return
		}
		t = &traffic{Upstream: Upstream{To: to}}
		u.to[to] = t
	}
	if bit := uint64(1) << (local % 64); t.ports[local/64]&bit == 0 {
		t.ports[local/64] |= bit
		if !u.first.IsZero() {
			t.New++
		}
	}
	if s.State == sys.TimeWait {
		return
	}
	t.now++
	if s.Inode != 0 {
		u.inodes[s.Inode] = to
		if t.PID == 0 && len(t.sampled) < maxSampled {
			t.sampled = append(t.sampled, s.Inode)
		}
	}
}

// end closes a look: it finds out whose the connections are, where that is not
// known yet, unless fds are to be spared.
func (u *upstreams) end(now time.Time, spare bool) {
	if u.first.IsZero() {
		u.first = now
	}
	u.last = now
	wanted := map[uint32]*traffic{}
	for _, t := range u.to {
		t.Open, t.Now = max(t.Open, t.now), t.now
		for _, inode := range t.sampled {
			wanted[inode] = t
		}
	}
	if u.file != "" { // nobody else is in the namespace of a container
		for _, t := range wanted {
			t.PID = u.pids[0]
		}
		return
	}
	if len(wanted) > 0 && !spare {
		u.sockets(func(pid int, inode uint32) {
			if t := wanted[inode]; t != nil {
				t.PID = pid
			}
		})
	}
}

// sockets shows found the sockets among the fds that are looked at.
func (u *upstreams) sockets(found func(pid int, inode uint32)) {
	for _, pid := range u.pids {
		low, high := 0, 0
		if f, err := u.fp.FDs(pid); err == nil && f.Open > lowFDs && u.near < maxNear {
			low, high = int(f.Open)-nearCount, int(f.Open)+nearCount
			u.near += 2 * nearCount
		}
		for fd := 0; fd < max(lowFDs, high); fd++ {
			if fd == lowFDs {
				fd = max(fd, low)
			}
			d, ok := u.fp.FD(pid, fd)
			if ok && d.Epoll {
				u.loops[pid] = true
			}
			if ok && d.Socket && found != nil {
				found(pid, d.Inode)
			}
		}
	}
}

// all are the destinations that the server's processes were seen to talk to, the
// busiest first. A thread that waits there is as good a sign as an fd.
func (u *upstreams) all(waits []Wait) (list []Upstream) {
	for _, w := range waits {
		if t := u.to[w.To]; t != nil {
			t.PID, t.Threads = cmp.Or(t.PID, w.PID), t.Threads+w.Share()
		}
	}
	for _, t := range u.to {
		if t.PID == 0 {
			continue
		}
		one := t.Upstream
		one.Process, one.Ended = u.fp.Name(one.PID), max(0, one.New-one.Now)
		one.Seconds = u.last.Sub(u.first).Seconds()
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Upstream) int {
		return cmp.Or(cmp.Compare(b.New, a.New), cmp.Compare(b.Open, a.Open),
			strings.Compare(a.To.String(), b.To.String()))
	})
	return list
}
