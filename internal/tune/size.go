package tune

import (
	"fmt"
	"slices"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// Part is one part of a machine's memory.
type Part struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// Layout is what one machine of a run needs.
type Layout struct {
	Role     Role       `json:"role"`
	Machines int        `json:"machines"`
	Conns    int64      `json:"conns"` // on each machine
	Parts    []Part     `json:"parts"`
	Total    int64      `json:"total_bytes"`  // of Parts
	Memory   int64      `json:"memory_bytes"` // that the machine must have, with the reserve
	Fits     []Instance `json:"instances"`    // the smallest of each family
}

// Held is how many connections an example machine holds.
type Held struct {
	Instance Instance `json:"instance"`
	Role     Role     `json:"role"`
	Conns    int64    `json:"conns"`
}

// Sizing is the answer to "what does it take": pure arithmetic, no kernel.
type Sizing struct {
	Conns      int64    `json:"conns"`
	Proto      string   `json:"proto"`
	Ports      int      `json:"ports"`
	LocalPorts int      `json:"local_ports"` // of one source address
	Sources    int64    `json:"sources"`     // addresses the client side needs
	PerPair    int64    `json:"bytes_per_conn_both_ends"`
	Layouts    []Layout `json:"layouts"`
	Examples   []Held   `json:"examples"`
	Costs      []Cost   `json:"costs"`
	Dated      string   `json:"instances_dated"`
}

// Size computes what t.Conns connections take: with both ends on one machine, and with
// a server and so many client machines. dest are the destination ports that one run
// uses. Of t only Conns, Ports, Page and Cores count.
func Size(t Target, proto string, dest unit.Ports, clients int) (Sizing, error) {
	if proto != "tcp" && proto != "ws" {
		return Sizing{}, fmt.Errorf("%q is not a protocol: want tcp or ws", proto)
	}
	if clients < 1 || clients > 10_000 {
		return Sizing{}, fmt.Errorf("%d client machines: the legal range is 1..10000", clients)
	}
	local := plan.LocalPorts{Low: 1024, High: 65535, Reserved: t.reserved()}.N()
	if local < 1 {
		return Sizing{}, fmt.Errorf("the listening ports %s leave no local port", FormatPorts(t.Ports))
	}
	s := Sizing{
		Conns: t.Conns, Proto: proto, Ports: dest.N, LocalPorts: local,
		Sources: plan.SourcesFor(t.Conns, dest.N, local),
		PerPair: BytesPerConn(Both),
		Costs:   Costs(), Dated: InstancesDate,
	}
	each := (t.Conns + int64(clients) - 1) / int64(clients)
	s.Layouts = []Layout{layout(t, Both, t.Conns, 1), layout(t, Server, t.Conns, 1), layout(t, Client, each, clients)}
	s.Examples = examples(t)
	return s, nil
}

// layout computes one machine.
func layout(t Target, role Role, conns int64, machines int) Layout {
	t.Role, t.Conns = role, conns
	l := Layout{Role: role, Machines: machines, Conns: conns, Parts: t.parts()}
	for _, p := range l.Parts {
		l.Total += p.Bytes
	}
	l.Memory = (l.Total*100 + 100 - plan.MemoryReservePercent - 1) / (100 - plan.MemoryReservePercent)
	have := map[string]bool{}
	for _, i := range Instances() {
		if !have[i.Family] && t.usable(i.MiB<<20) >= l.Total {
			have[i.Family] = true
			l.Fits = append(l.Fits, i)
		}
	}
	return l
}

// parts is the memory of the target's machine, by what takes it.
func (t Target) parts() []Part {
	if t.Role == Packets {
		return []Part{{"client process", t.Conns * PacketEnd.Bytes}, {"the system itself", BaseSystem.Bytes}}
	}
	parts := []Part{{"kernel: sockets", t.sockets() * KernelEnd.Bytes}}
	slots := int64(0)
	if t.has(Server) {
		parts = append(parts, Part{"server process", t.Conns * ServerEnd.Bytes})
		slots += powerOfTwo(t.fdsPerProcess())
	}
	if t.has(Client) {
		parts = append(parts, Part{"client process", t.Conns * ClientEnd.Bytes})
		slots += powerOfTwo(t.fdsPerProcess())
	}
	return append(parts,
		Part{"kernel: fd tables", slots * FDSlot.Bytes},
		Part{"kernel: established hash", t.EhashBuckets() * EhashBucket.Bytes},
		Part{"the system itself", BaseSystem.Bytes})
}

// holds is the largest number of connections whose parts fit into usable bytes.
func (t Target) holds(usable int64) int64 {
	low, high := int64(0), int64(MaxConns)
	for low < high {
		t.Conns = (low + high + 1) / 2
		total := int64(0)
		for _, p := range t.parts() {
			total += p.Bytes
		}
		if total <= usable {
			low = t.Conns
		} else {
			high = t.Conns - 1
		}
	}
	return low
}

// Holds is how many connections a machine with t.Memory holds in t.Role; it
// ignores t.Conns.
func (t Target) Holds() int64 { return t.holds(t.Memory / 100 * (100 - plan.MemoryReservePercent)) }

// examples says what ExampleInstance holds; idle connections of both protocols cost the
// same.
func examples(t Target) []Held {
	i := slices.IndexFunc(Instances(), func(i Instance) bool { return i.Type == ExampleInstance })
	machine := Instances()[i]
	var all []Held
	for _, role := range []Role{Both, Server} {
		t.Role, t.Cores = role, machine.VCPU
		all = append(all, Held{Instance: machine, Role: role, Conns: t.holds(t.usable(machine.MiB << 20))})
	}
	return all
}

// MemoryFor is the memory a machine must have to hold t.Conns in t.Role.
func (t Target) MemoryFor() int64 { return layout(t, t.Role, t.Conns, 1).Memory }
