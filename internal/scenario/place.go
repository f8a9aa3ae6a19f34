package scenario

import (
	"net/netip"
	"os"
	"slices"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// Place is where the server runs, seen from here. The same boot id says only that
// one kernel runs both; each kind of namespace, namespaces(7), is compared by
// itself.
type Place struct {
	SameHost bool // one kernel: its memory is that of both ends
	SameNet  bool // one network namespace: it counts both ends' sockets
	SamePIDs bool // one pid namespace: the server's numbers of its processes are ours as well
	TwoUsers bool // server and client run as different users
}

// placeOf decides it from what the server reports of itself (nil: nothing), from
// our own boot id and namespaces, and from whether all addresses of the target are
// this machine's, or of its loopback. Without a report only the addresses count as
// proof: a server reached through loopback that names no other namespace is in ours.
func placeOf(loopback, own bool, r *result.ServerReport, boot string, in result.Namespaces) (p Place) {
	p.SameHost = loopback || own
	p.SameNet = loopback
	if r == nil || r.BootID == "" || boot == "" {
		return p
	}
	if p.SameHost = r.BootID == boot; !p.SameHost {
		return Place{}
	}
	if r.In == nil {
		return p
	}
	same := func(a, b uint64) (is, known bool) { return a == b, a != 0 && b != 0 }
	if is, known := same(r.In.Net, in.Net); known {
		p.SameNet = is
	}
	is, known := same(r.In.PID, in.PID)
	p.SamePIDs = is && known
	return p
}

// findPlace collects what placeOf needs, and which users both ends run as:
// fs.epoll.max_user_watches is counted per user of the machine.
func findPlace(to *plan.Target, r *result.ServerReport, fp proc.FS) Place {
	boot, _ := fp.BootID()
	in := fp.Namespaces()
	ours := interfaceAddresses()
	own := to.AllHosts(func(host netip.Addr) bool { return host.IsLoopback() || slices.Contains(ours, host.Unmap()) })
	p := placeOf(to.OnLoopback(), own, r, boot, in)
	if r == nil || !p.SameHost {
		return p
	}
	switch user, err := fp.User(r.PID); {
	case p.SamePIDs && err == nil: // a container may not show it
		p.TwoUsers = user != os.Getuid()
	case r.UID != nil && r.In != nil && r.In.User == in.User && in.User != 0:
		p.TwoUsers = *r.UID != os.Getuid()
	}
	return p
}

// mayListenHere says whether it makes sense to look for the server's sockets in
// our network namespace: they are here, or nothing says that they are not.
func (p *Prepared) mayListenHere() bool { return p.SameNet || p.SameHost && p.Server == nil }
