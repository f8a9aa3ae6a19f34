package proc

import (
	"fmt"
	"net/netip"

	"github.com/c10m/c10m/internal/sys"
)

// Holder is a socket that has a local port, so that another cannot be bound to
// it, bind(2): EADDRINUSE.
type Holder struct {
	sys.SockInfo
	PID  int    // of a process that holds it; 0: not seen, or there is none
	Name string // of that process
}

// rank puts what explains most first: who listens, before who is only connected.
func rank(s sys.SockState) int {
	switch s {
	case sys.Listening:
		return 3
	case sys.Bound, sys.Closed:
		return 2
	case sys.TimeWait:
		return 0
	}
	return 1
}

// PortHolder looks for what holds a port of this network namespace against a
// listener at an address, by sock_diag(7). Processes of other users are not seen
// without privilege, nor is what is only bound before Linux 6.8.
func (p FS) PortHolder(at netip.AddrPort) (h Holder, found bool) {
	_ = sys.TCPSockets(func(s sys.SockInfo) bool {
		if s.Local.Port() != at.Port() || !meets(s.Local.Addr(), at.Addr()) {
			return true
		}
		if !found || rank(s.State) > rank(h.State) {
			h.SockInfo, found = s, true
		}
		return s.State != sys.Listening
	}, sys.AnyState...)
	if found && h.Inode != 0 {
		if pids := p.Owners(map[uint32]bool{h.Inode: true}); len(pids) > 0 {
			h.PID, h.Name = pids[0], p.Name(pids[0])
		}
	}
	return h, found
}

// meets says whether sockets at two addresses are in each other's way.
func meets(a, b netip.Addr) bool { return a == b || a.IsUnspecified() || b.IsUnspecified() }

// InUse says what really holds a port that cannot be bound, and what helps.
func (p FS) InUse(at netip.AddrPort) string {
	h, found := p.PortHolder(at)
	if !found {
		return "the kernel shows no socket there: one that is bound and no more, or one that has just gone; " +
			"try again, or another port"
	}
	return h.words(at)
}

func (h Holder) words(at netip.AddrPort) string {
	who := "another program (a process of another user: sudo ss -tanp tells)"
	if h.PID > 0 {
		who = fmt.Sprintf("%s (process %d)", h.Name, h.PID)
	}
	switch h.State {
	case sys.Listening:
		return fmt.Sprintf("%s listens on %s: stop it, or choose another port", who, h.Local)
	case sys.Bound, sys.Closed:
		return fmt.Sprintf("%s has bound %s and does not listen yet: stop it, or choose another port", who, h.Local)
	}
	what := fmt.Sprintf("a connection and no listener holds it as its local port: %s to %s in %s",
		h.Local, h.Remote, h.State)
	end := "it ends with that"
	switch {
	case h.State == sys.TimeWait:
		end = "it ends within 60 s"
	case h.PID > 0:
		end = "it is of " + who
	}
	return fmt.Sprintf(
		"%s; %s; the kernel gives out ports of net.ipv4.ip_local_port_range, which listeners must not be in: "+
			"sysctl -w net.ipv4.ip_local_reserved_ports=%d, or other ports", what, end, at.Port())
}
