package diagnose

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/sys"
)

// Wait is a thread of the server that was found in a call on a connection to
// another server, again and again.
type Wait struct {
	PID, TID int
	Process  string
	Loop     bool // it is an event loop: others wait meanwhile
	Call     string
	To       netip.AddrPort // invalid: a socket that is not TCP's
	Looks    int            // at which it was found there
	Of       int            // all looks at the thread
}

// Share of the looks.
func (w *Wait) Share() float64 { return float64(w.Looks) / float64(max(1, w.Of)) }

const (
	// maxPending bounds the sockets that a thread was found at and no list has shown.
	maxPending = 1024
	// maxSeen bounds the threads that are told apart.
	maxSeen = 256
	// patience is for how many lists of sockets one that a thread waits for may be in
	// none before it is taken for one that is not TCP's.
	patience = 3
)

// callWatch is what the server's threads are found in, look by look.
type callWatch struct {
	fp      proc.FS
	threads map[[2]int]*watched // by process and thread
	polls   map[[2]int]int      // by process and epoll instance: the thread that waits there; -1: several do
	wanted  map[uint32]bool     // sockets that threads wait for; true: of a client
}

// watched is one thread.
type watched struct {
	pid, tid int
	loop     bool // was seen to wait for several fds at a time
	epoll    int  // the epoll instance that it waited at; 0: none
	looks    int
	call     string             // the last one
	pending  map[uint32]pending // looks at sockets that no list has shown yet
	to       map[netip.AddrPort]int
}

type pending struct{ looks, lists int }

func newCallWatch(fp proc.FS) *callWatch {
	return &callWatch{fp: fp, threads: map[[2]int]*watched{}, polls: map[[2]int]int{}, wanted: map[uint32]bool{}}
}

// look takes note of what a thread is in now.
func (c *callWatch) look(t proc.Thread) {
	key := [2]int{t.PID, t.TID}
	w := c.threads[key]
	if w == nil {
		if len(c.threads) >= maxSeen {
			return
		}
		w = &watched{pid: t.PID, tid: t.TID, pending: map[uint32]pending{}, to: map[netip.AddrPort]int{}}
		c.threads[key] = w
	}
	w.looks++
	if t.State != 'S' && t.State != 'D' {
		return
	}
	call, ok := c.fp.Call(t.PID, t.TID)
	if !ok {
		return
	}
	kind, fd := sys.CallOf(call.Number), -1
	switch kind.Waits {
	case sys.OnFD:
		fd = int(int32(call.Args[0]))
	case sys.OnPoll:
		if w.loop = w.loop || call.Args[1] > 1; call.Args[1] == 1 {
			fd, _ = c.fp.PolledFD(t.PID, call.Args[0])
		}
	case sys.OnSelect: // the highest one: a driver waits for no other
		fd = int(call.Args[0]) - 1
	case sys.OnEpoll:
		w.loop, w.epoll = true, int(int32(call.Args[0]))
		at := [2]int{t.PID, w.epoll}
		if other, is := c.polls[at]; is && other != t.TID {
			c.polls[at] = -1
		} else {
			c.polls[at] = t.TID
		}
	}
	if fd < 0 || len(w.pending) >= maxPending {
		return
	}
	if d, ok := c.fp.FD(t.PID, fd); ok && d.Socket {
		w.call = kind.Name
		p := w.pending[d.Inode]
		p.looks++
		w.pending[d.Inode] = p
	}
}

// begin starts a list of sockets.
func (c *callWatch) begin() {
	clear(c.wanted)
	for _, w := range c.threads {
		for inode := range w.pending {
			c.wanted[inode] = false
		}
	}
}

// client is told of each that is connected to a port which somebody listens on.
func (c *callWatch) client(inode uint32) {
	if _, is := c.wanted[inode]; is {
		c.wanted[inode] = true
	}
}

// resolve says where the sockets lead that a list has just shown; the others get
// older.
func (c *callWatch) resolve(to map[uint32]netip.AddrPort) {
	for _, w := range c.threads {
		for inode, p := range w.pending {
			where, known := to[inode]
			p.lists++
			switch {
			case known:
				w.to[where] += p.looks
			case c.wanted[inode]: // it waits for a client, as it should
			case p.lists >= patience && p.looks >= patience:
				w.to[netip.AddrPort{}] += p.looks // no list of TCP sockets has it
			case p.lists < patience:
				w.pending[inode] = p
				continue
			}
			delete(w.pending, inode)
		}
	}
}

// isLoop says whether a thread is an event loop: it was seen to wait for several fds
// at a time, at an epoll instance of its own. Threads that share one, as those of Go
// do, step in for each other. loops are processes that have such an instance: where
// no thread was ever seen to wait there, because there is always something to do,
// the first one is taken for the loop.
func (c *callWatch) isLoop(w *watched, loops map[int]bool) bool {
	if w.loop {
		return w.epoll == 0 || c.polls[[2]int{w.pid, w.epoll}] != -1
	}
	return w.tid == w.pid && loops[w.pid] && !c.hasLoop(w.pid)
}

// hasLoop says whether a thread of the process was seen to be one.
func (c *callWatch) hasLoop(pid int) bool {
	for _, w := range c.threads {
		if w.pid == pid && w.loop {
			return true
		}
	}
	return false
}

// waits are the threads that were found in calls on other servers, those first that
// were there most. Of what is not TCP only a loop's are told: other threads wait for
// work there.
func (c *callWatch) waits(loops map[int]bool) (list []Wait) {
	for _, w := range c.threads {
		for to, n := range w.to {
			if !to.IsValid() && !w.loop {
				continue
			}
			list = append(list, Wait{PID: w.pid, TID: w.tid, Process: c.fp.Name(w.pid), Loop: c.isLoop(w, loops),
				Call: w.call, To: to, Looks: n, Of: w.looks})
		}
	}
	slices.SortFunc(list, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(b.Share(), a.Share()), a.TID-b.TID, strings.Compare(a.To.String(), b.To.String()))
	})
	return list
}
