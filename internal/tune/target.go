package tune

import (
	"cmp"
	"fmt"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// Role is which ends of the connections are on this machine.
type Role string

// The roles. On Both each connection is two sockets, two file descriptors and
// two epoll watches of the same kernel, but of two processes. Packets is the
// client's end without sockets (client --engine packets), on a machine of its own.
const (
	Server  Role = "server"
	Client  Role = "client"
	Both    Role = "both"
	Packets Role = "packets"
)

// Roles are the legal roles, in the order they are shown.
var Roles = []Role{Server, Client, Both, Packets}

// String writes the role so that Set reads it back.
func (r *Role) String() string {
	if r == nil {
		return ""
	}
	return string(*r)
}

// Set reads one of Roles.
func (r *Role) Set(s string) error {
	for _, known := range Roles {
		if s == string(known) {
			*r = known
			return nil
		}
	}
	return fmt.Errorf("%q is not a role: want server, client, both or packets", s)
}

// MaxConns is the most connections a target may name: fs.nr_open ends just
// below 2^31, and one machine never comes near half of that.
const MaxConns = 1 << 30

// MinMemory is the least memory a target may name.
const MinMemory = 64 << 20

// ControlPort is where the server's control endpoint listens by default; it is
// reserved together with the listening ports.
const ControlPort = 9090

// Target is what a machine is tuned for.
type Target struct {
	Conns  int64        // connections at once
	Ports  []unit.Ports // listening ports of the server
	Memory int64        // bytes of this machine, MemTotal
	Page   int64        // bytes of a page, os.Getpagesize; 0: 4,096. arm64 kernels also have 16,384 and 65,536
	Cores  int
	Role   Role
	Flags  string // further flags of the command line, for ApplyCommand: " --ports 300"

	// With Role Packets: where the server is. The kernel has to forward only to another
	// machine.
	Here bool // the server is on this machine
	V6   bool // the server has an IPv6 address

	// For Hurting, about one run; a machine is tuned without them.
	Dests    int64 // ports it connects to; 0: those of the protocol with the fewest
	Sources  int64 // addresses it connects from; 0: one
	Churns   bool  // its client opens connections and closes them by FIN all the time
	FINs     bool  // its client closes all connections by FIN at the end
	TwoUsers bool  // with Role Both: server and client run as different users
}

// Check refuses a target with values outside their legal ranges.
func (t Target) Check() error {
	if t.Conns < 1 || t.Conns > MaxConns {
		return fmt.Errorf("%d connections: the legal range is 1..%d", t.Conns, MaxConns)
	}
	if t.Memory < MinMemory {
		return fmt.Errorf("%d bytes of memory: the legal range is %d and up", t.Memory, MinMemory)
	}
	if t.Page != 0 && (t.Page < 4096 || t.Page > 1<<16 || t.Page&(t.Page-1) != 0) {
		return fmt.Errorf("pages of %d bytes: the legal values are the powers of two within 4096..65536", t.Page)
	}
	if t.Cores < 1 || t.Cores > 1<<16 {
		return fmt.Errorf("%d cores: the legal range is 1..%d", t.Cores, 1<<16)
	}
	var r Role
	if err := r.Set(string(t.Role)); err != nil {
		return err
	}
	if t.ports() == 0 {
		return fmt.Errorf("no listening ports: want at least one")
	}
	for _, p := range t.Ports {
		if p.N == 0 {
			continue
		}
		if err := p.Check(); err != nil {
			return err
		}
	}
	return nil
}

// ApplyCommand is the command that tunes a machine for this target.
func (t Target) ApplyCommand() string {
	return fmt.Sprintf("bin/tuning apply --conns %d --role %s%s", t.Conns, t.Role, t.Flags)
}

// has says whether the machine has this end of the connections.
func (t Target) has(r Role) bool { return t.Role == r || t.Role == Both }

// ends is the number of this machine's sockets per connection.
func (t Target) ends() int64 {
	switch t.Role {
	case Both:
		return 2
	case Packets:
		return 0
	}
	return 1
}

// sockets is the number of established sockets in this machine's kernel.
func (t Target) sockets() int64 { return t.Conns * t.ends() }

// ports is the number of listening ports.
func (t Target) ports() int64 {
	n := 0
	for _, p := range t.Ports {
		n += p.N
	}
	return int64(n)
}

// dests is how many ports the connections of one run are spread over. A run uses those
// of one protocol, which may be the one with fewer.
func (t Target) dests() int64 {
	if t.Dests > 0 {
		return t.Dests
	}
	fewest := 0
	for _, p := range t.Ports {
		if p.N > 0 && (fewest == 0 || p.N < fewest) {
			fewest = p.N
		}
	}
	return int64(max(1, fewest))
}

// listeners is the number of listening sockets: with SO_REUSEPORT each event
// loop has one of its own per port. A client has none.
func (t Target) listeners() int64 {
	if !t.has(Server) {
		return 0
	}
	return t.ports() * int64(t.Cores)
}

// page is the size of the kernel's pages.
func (t Target) page() int64 { return cmp.Or(t.Page, 4096) }

// pages is the machine's memory in pages.
func (t Target) pages() int64 { return t.Memory / t.page() }

// spareFDs is an allowance for a process's fds that are no connections: epoll instances,
// pipes, files, and connections accepted above the limit and not yet refused.
const spareFDs = 10_000

// fdsPerProcess is what one process needs to hold every connection, a multiple
// of 64: the kernel rounds fs.nr_open down to whole words of its fd bitmap.
func (t Target) fdsPerProcess() int64 {
	return (t.Conns + t.listeners() + spareFDs + 63) / 64 * 64
}

// filesOfSystem is every open file of the machine.
func (t Target) filesOfSystem() int64 {
	return t.sockets() + t.listeners() + 100_000
}

// watches is how many epoll watches one user needs who runs all ends on this machine.
func (t Target) watches() int64 {
	return t.sockets() + t.listeners() + spareFDs
}

// The sizes that the kernel's hash tables may have.
const (
	minEhash = 1 << 16
	maxEhash = 1 << 24 // ip-sysctl: tcp_child_ehash_entries takes up to 16Mi
)

// EhashBuckets is the wanted size of the established hash table: a power of two, about
// one bucket a socket, at most what the kernel takes, and at most a 32nd of the memory
// where that is known, because every new network namespace gets such a table.
func (t Target) EhashBuckets() int64 {
	most := int64(maxEhash)
	for t.Memory > 0 && most*EhashBucket.Bytes > t.Memory/32 && most > minEhash {
		most /= 2
	}
	return min(max(minEhash, powerOfTwo(t.sockets())), most)
}

// powerOfTwo is the least power of two that is at least n.
func powerOfTwo(n int64) int64 {
	p := int64(1)
	for p < n {
		p <<= 1
	}
	return p
}

// backlog is how many connections may queue at one port while nobody accepts for some
// seconds: a quarter of a million, shared among the ports.
func (t Target) backlog() int64 {
	ports := t.dests()
	return min(65535, (min(t.Conns, 1<<18)+ports-1)/ports)
}

// queuePages is tcp_mem's high mark: one page of data on every socket at once,
// at most a quarter of the memory, and at least 16 MiB.
func (t Target) queuePages() int64 {
	return max(16<<20/t.page(), min(t.sockets(), t.pages()/4))
}

// orphans is tcp_max_orphans: every connection closed at once, at most what an
// eighth of the memory holds at 8 KiB each.
func (t Target) orphans() int64 {
	return max(8192, min(t.Conns, t.Memory/8/8192))
}

// timeWaits is tcp_max_tw_buckets: every connection, from the kernel's usual
// 262,144 up to 33,000 closes a second kept for 60 s (2 M x 256 B = 512 MB),
// at most a sixteenth of the memory.
func (t Target) timeWaits() int64 {
	return min(max(262_144, min(t.Conns, 2_000_000)), t.Memory/16/256)
}

// minFreeKiB is vm.min_free_kbytes: what softirq allocates for new sockets in about a
// quarter of a second, at most 1/128 of the memory.
func (t Target) minFreeKiB() int64 {
	return min(131_072, t.Memory/128/1024)
}

// reserved are the ports that no outgoing connection may take.
func (t Target) reserved() []unit.Ports {
	return joinPorts(append([]unit.Ports{{First: ControlPort, N: 1}}, t.Ports...))
}

// localRange is net.ipv4.ip_local_port_range: the default while a destination port needs
// less than 45 % of it, because above that the kernel's search for a free port gets
// slow; otherwise the widest range without the privileged ports.
func (t Target) localRange() string {
	def := plan.DefaultLocalPorts
	if !t.crowds(int64(def.High - def.Low + 1)) {
		return fmt.Sprintf("%d %d", def.Low, def.High)
	}
	return "1024 65535"
}

// crowds says whether a destination port needs more than 45 % of local local ports, from
// each source address.
func (t Target) crowds(local int64) bool {
	return t.Conns*100 > local*45*t.dests()*max(1, t.Sources)
}
