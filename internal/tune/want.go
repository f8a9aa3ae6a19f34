package tune

import (
	"fmt"
	"strconv"

	"github.com/c10m/c10m/internal/plan"
)

// spareFDs are the descriptors of a process that are no connections: epolls,
// pipes, files, and room for the accept loop to run ahead.
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

// watches is what one user needs when both ends run under the same user.
func (t Target) watches() int64 {
	return t.sockets() + t.listeners() + spareFDs
}

// The sizes that the kernel's hash tables may have.
const (
	minEhash = 1 << 16
	maxEhash = 1 << 24 // ip-sysctl: tcp_child_ehash_entries takes up to 16Mi
)

// EhashBuckets is the size wanted of the established hash table: a power of
// two, about one bucket a socket, at most what the kernel takes and a 32nd of the
// memory, where that is known: every new network namespace gets such a table.
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

// backlog is what a pause of some seconds in accept(2) would queue on one
// port: a quarter of a million connections shared among the ports.
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

// minFreeKiB is vm.min_free_kbytes: what softirq takes in about a quarter of a
// second of set-up, at most 1/128 of the memory.
func (t Target) minFreeKiB() int64 {
	return min(131_072, t.Memory/128/1024)
}

// reserved are the ports that no outgoing connection may take.
func (t Target) reserved() []plan.PortRange {
	return joinPorts(append([]plan.PortRange{{First: ControlPort, N: 1}}, t.Ports...))
}

// localRange is net.ipv4.ip_local_port_range: the default while a destination
// port needs less than 45 % of it, for above that the kernel's search for a
// free port turns slow; else the widest that stays out of the privileged ports.
func (t Target) localRange() string {
	def := plan.DefaultLocalPorts
	if !t.crowds(int64(def.High - def.Low + 1)) {
		return fmt.Sprintf("%d %d", def.Low, def.High)
	}
	return "1024 65535"
}

// crowds says whether a destination port needs more than 45 % of so many local
// ports, from each source address.
func (t Target) crowds(local int64) bool {
	return t.Conns*100 > local*45*t.dests()*max(1, t.Sources)
}

// number makes a Want of a count that every role wants.
func number(f func(Target) int64) func(Target) (string, bool) {
	return func(t Target) (string, bool) { return strconv.FormatInt(f(t), 10), true }
}

// on narrows a Want to one role (or Both).
func on(r Role, f func(Target) (string, bool)) func(Target) (string, bool) {
	return func(t Target) (string, bool) {
		if !t.has(r) {
			return "", false
		}
		return f(t)
	}
}

// constant makes a Want that does not depend on the target.
func constant(v string) func(Target) (string, bool) {
	return func(Target) (string, bool) { return v, true }
}

// needNumber makes a Need of a count.
func needNumber(f func(Target) int64) func(Target, Reader) (string, bool) {
	return func(t Target, _ Reader) (string, bool) { return strconv.FormatInt(f(t), 10), true }
}
