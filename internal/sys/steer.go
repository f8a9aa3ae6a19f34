package sys

import (
	"cmp"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Connections to a port that several sockets listen on (SO_REUSEPORT) are dealt to
// them by a classic BPF program, SO_ATTACH_REUSEPORT_CBPF, socket(7). The kernel's
// own choice, a hash of the 4-tuple, has become uneven since Linux 6.15, where it
// hardly depends on the listening port: 53 workers of 200 ports then differ by
// 10 %. The program deals
//
//   - in blocks: neighbouring source ports, 16 or 32 connections of a client that
//     takes its ports in order, go to the same socket, which accepts them in
//     batches;
//   - evenly: of any run of as many blocks as there are places each place gets
//     one, and the ports begin at different places;
//   - in secret: which place comes first in a run is a keyed mix of source address
//     and run, and where a port begins is the same key's secret. Who chooses
//     his source ports cannot choose where he goes.

// The offset from which a classic BPF program reads the IP header, and where
// addresses and TCP ports stand in an IPv4 header without options and an IPv6 one
// without extensions (linux/filter.h, RFC 791, RFC 8200, RFC 9293).
const (
	skfNetOff  = ^uint32(0x100000) + 1 // SKF_NET_OFF
	ipv4Source = 12
	ipv4Header = 20
	ipv6Source = 8
	ipv6Header = 40
)

// steerShift: a block is 32 neighbouring source ports.
const steerShift = 5

// SteerKey is what the dealing is a secret by.
type SteerKey [4]uint32

// NewSteerKey makes a key that nobody can know.
func NewSteerKey() (key SteerKey) {
	for i := range key {
		var word [4]byte
		_, _ = crand.Read(word[:]) // never fails, crypto/rand
		key[i] = binary.NativeEndian.Uint32(word[:])
	}
	return key
}

// Listeners are the TCP sockets of this process that listen. It looks at every fd:
// best before there are connections.
func Listeners() (fds []int, err error) {
	err = eachFD(func(fd int) {
		listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		if err != nil || listening == 0 {
			return // not a socket, or not a listener
		}
		if proto, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err == nil &&
			proto == unix.IPPROTO_TCP {
			fds = append(fds, fd)
		}
	})
	return fds, err
}

// reuseGroup is one SO_REUSEPORT group: what listens on a port of a family.
type reuseGroup struct {
	fd   int // a member
	ipv6 bool
	port int
}

// Steer deals the connections of each group that listeners belong to by weights:
// the socket that joined its group i-th gets weights[i] of their sum. A group that
// has fewer sockets falls back to the kernel's choice for those that are not
// there, and connections that wait to be accepted stay where they are.
func Steer(listeners []int, key SteerKey, weights []uint32) error {
	var groups []reuseGroup
	known := map[reuseGroup]bool{}
	for _, fd := range listeners {
		at, err := unix.Getsockname(fd)
		if err != nil {
			return fmt.Errorf("steer connections: %w", os.NewSyscallError("getsockname", err))
		}
		g := reuseGroup{}
		switch at := at.(type) {
		case *unix.SockaddrInet4:
			g.port = at.Port
		case *unix.SockaddrInet6:
			g.port, g.ipv6 = at.Port, true
		default:
			continue
		}
		if !known[g] {
			known[g] = true
			g.fd = fd
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b reuseGroup) int { return cmp.Compare(a.port, b.port) })
	first := firstPlaces(key, len(groups), places(weights))
	for i, g := range groups {
		code := steerProgram(key, first[i], weights, g.ipv6)
		prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
		if err := unix.SetsockoptSockFprog(g.fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &prog); err != nil {
			return fmt.Errorf("steer connections: %w", os.NewSyscallError("setsockopt SO_ATTACH_REUSEPORT_CBPF", err))
		}
	}
	return nil
}

// portRun is how many ports in a row begin at places that are spread evenly, at
// most: few enough that a client which uses some of the ports sees many such runs.
const portRun = 32

// firstPlaces says where each port begins, of so many in order of their numbers.
// Of each few in a row every one begins elsewhere, evenly spread over the n places,
// so that those a client uses are spread evenly whichever they are; in which order,
// and from where on, is the key's secret.
func firstPlaces(key SteerKey, ports int, n uint32) []uint32 {
	secret := rand.New(rand.NewPCG(uint64(key[0])<<32|uint64(key[1]), uint64(key[2])<<32|uint64(key[3])))
	run := int(min(n, portRun))
	first := make([]uint32, 0, ports)
	for len(first) < ports {
		shift := secret.Uint32N(n)
		for _, i := range secret.Perm(run) {
			first = append(first, (shift+uint32(uint64(i)*uint64(n)/uint64(run)))%n)
		}
	}
	return first[:ports]
}

// places is how many blocks make a run; each socket has its weight of them.
func places(weights []uint32) (sum uint32) {
	for _, w := range weights {
		sum += w
	}
	return sum
}

// The scratch memory of the program.
const (
	runAt    = iota // block / places
	withinAt        // block mod places
)

// steerProgram is the program of a port whose first block goes to place first.
func steerProgram(key SteerKey, first uint32, weights []uint32, ipv6 bool) []unix.SockFilter {
	n := places(weights)
	if !ipv6 {
		return slices.Concat(
			loadBlock(ipv4Header, n),
			[]unix.SockFilter{load(ipv4Source)}, mixIn(key),
			placeOf(key, n, first), socketOf(weights))
	}
	// A dual-stack socket gets IPv4 packets as well.
	v4 := slices.Concat(loadBlock(ipv4Header, n), []unix.SockFilter{load(ipv4Source)}, mixIn(key))
	v6 := slices.Concat(loadBlock(ipv6Header, n), []unix.SockFilter{load(ipv6Source)}, mixIn(key))
	for word := uint32(1); word < 4; word++ {
		v6 = append(v6, alu(unix.BPF_MISC, unix.BPF_TAX, 0), load(ipv6Source+4*word),
			alu(unix.BPF_ALU, unix.BPF_XOR|unix.BPF_X, 0))
		v6 = append(v6, mixIn(key)...)
	}
	v4 = append(v4, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(len(v6))})
	version := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: skfNetOff},
		alu(unix.BPF_ALU, unix.BPF_RSH, 4),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 4, Jf: uint8(len(v4))},
	}
	return slices.Concat(version, v4, v6, placeOf(key, n, first), socketOf(weights))
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: skfNetOff + offset}
}

func alu(class, op uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: class | op, K: k} }

// loadBlock keeps the source port's block, by run and place within it.
func loadBlock(header, n uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: skfNetOff + header},
		alu(unix.BPF_ALU, unix.BPF_RSH, steerShift),
		alu(unix.BPF_MISC, unix.BPF_TAX, 0),
		alu(unix.BPF_ALU, unix.BPF_DIV, n),
		{Code: unix.BPF_ST, K: runAt},
		alu(unix.BPF_MISC, unix.BPF_TXA, 0),
		alu(unix.BPF_ALU, unix.BPF_MOD, n),
		{Code: unix.BPF_ST, K: withinAt},
	}
}

// fold is A ^= A >> bits.
func fold(bits uint32) []unix.SockFilter {
	return []unix.SockFilter{
		alu(unix.BPF_MISC, unix.BPF_TAX, 0),
		alu(unix.BPF_ALU, unix.BPF_RSH, bits),
		alu(unix.BPF_ALU, unix.BPF_XOR|unix.BPF_X, 0),
	}
}

// mixIn mixes a word of the source address with the key.
func mixIn(key SteerKey) []unix.SockFilter {
	return append([]unix.SockFilter{
		alu(unix.BPF_ALU, unix.BPF_XOR, key[0]),
		alu(unix.BPF_ALU, unix.BPF_MUL, key[1]|1), // odd: no two words become one
	}, fold(15)...)
}

// placeOf mixes the run into what came of the address: that is where the run
// begins. From there the block counts, and where the port begins.
func placeOf(key SteerKey, n, first uint32) []unix.SockFilter {
	return slices.Concat(
		[]unix.SockFilter{
			{Code: unix.BPF_LDX | unix.BPF_MEM, K: runAt},
			alu(unix.BPF_ALU, unix.BPF_ADD|unix.BPF_X, 0),
			alu(unix.BPF_ALU, unix.BPF_MUL, key[2]|1),
		}, fold(13),
		[]unix.SockFilter{alu(unix.BPF_ALU, unix.BPF_MUL, key[3]|1)}, fold(16),
		[]unix.SockFilter{
			alu(unix.BPF_ALU, unix.BPF_MOD, n),
			{Code: unix.BPF_LDX | unix.BPF_MEM, K: withinAt},
			alu(unix.BPF_ALU, unix.BPF_ADD|unix.BPF_X, 0),
			alu(unix.BPF_ALU, unix.BPF_ADD, first),
			alu(unix.BPF_ALU, unix.BPF_MOD, n),
		})
}

// socketOf returns the socket whose place it is. The places go round all sockets,
// then once more round those of weight 2 and above, and so on: neighbouring blocks
// go to different ones. Sockets that are neighbours in a round are one step of the
// program.
func socketOf(weights []uint32) (code []unix.SockFilter) {
	begin := uint32(0)
	for round := range slices.Max(append(weights, 0)) {
		for i := 0; i < len(weights); i++ {
			first := i
			for i < len(weights) && weights[i] > round {
				i++
			}
			if i == first {
				continue
			}
			end := begin + uint32(i-first)
			code = append(code,
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: end, Jt: 3},
				alu(unix.BPF_ALU, unix.BPF_SUB, begin),
				alu(unix.BPF_ALU, unix.BPF_ADD, uint32(first)),
				unix.SockFilter{Code: unix.BPF_RET | unix.BPF_A})
			begin = end
		}
	}
	return append(code, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: ^uint32(0)}) // never: the kernel's choice
}
