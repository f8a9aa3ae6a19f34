package sys

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// runFilter runs a classic BPF program on a packet that begins with its IP header.
func runFilter(t *testing.T, code []unix.SockFilter, packet []byte) uint32 {
	t.Helper()
	var a, x uint32
	var mem [16]uint32
	for pc := 0; pc < len(code); pc++ {
		in := code[pc]
		at := in.K - skfNetOff
		operand := in.K
		if in.Code&unix.BPF_X != 0 {
			operand = x
		}
		switch in.Code {
		case unix.BPF_LD | unix.BPF_B | unix.BPF_ABS:
			a = uint32(packet[at])
		case unix.BPF_LD | unix.BPF_H | unix.BPF_ABS:
			a = uint32(binary.BigEndian.Uint16(packet[at:]))
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = binary.BigEndian.Uint32(packet[at:])
		case unix.BPF_LDX | unix.BPF_MEM:
			x = mem[in.K]
		case unix.BPF_ST:
			mem[in.K] = a
		case unix.BPF_MISC | unix.BPF_TAX:
			x = a
		case unix.BPF_MISC | unix.BPF_TXA:
			a = x
		case unix.BPF_ALU | unix.BPF_RSH:
			a >>= operand
		case unix.BPF_ALU | unix.BPF_DIV:
			a /= operand
		case unix.BPF_ALU | unix.BPF_MOD:
			a %= operand
		case unix.BPF_ALU | unix.BPF_MUL:
			a *= operand
		case unix.BPF_ALU | unix.BPF_SUB:
			a -= operand
		case unix.BPF_ALU | unix.BPF_ADD, unix.BPF_ALU | unix.BPF_ADD | unix.BPF_X:
			a += operand
		case unix.BPF_ALU | unix.BPF_XOR, unix.BPF_ALU | unix.BPF_XOR | unix.BPF_X:
			a ^= operand
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(in.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			pc += int(in.Jf)
			if a == in.K {
				pc += int(in.Jt) - int(in.Jf)
			}
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			pc += int(in.Jf)
			if a >= in.K {
				pc += int(in.Jt) - int(in.Jf)
			}
		case unix.BPF_RET | unix.BPF_A:
			return a
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		default:
			t.Fatalf("instruction %d: %+v", pc, in)
		}
	}
	t.Fatal("the program does not end")
	return 0
}

// headers are what a program reads of a packet.
func headers(from netip.AddrPort) []byte {
	b := make([]byte, ipv6Header+20)
	header := ipv4Header
	if from.Addr().Is4() {
		b[0] = 4 << 4
		copy(b[ipv4Source:], from.Addr().AsSlice())
	} else {
		b[0], header = 6<<4, ipv6Header
		copy(b[ipv6Source:], from.Addr().AsSlice())
	}
	binary.BigEndian.PutUint16(b[header:], from.Port())
	return b
}

func equal(n int) (weights []uint32) {
	for range n {
		weights = append(weights, 1)
	}
	return weights
}

// portPrograms are the programs of so many ports, as Steer would attach them.
func portPrograms(key SteerKey, ports int, weights []uint32) (all [][]unix.SockFilter) {
	for _, first := range firstPlaces(key, ports, places(weights)) {
		all = append(all, steerProgram(key, first, weights, false))
	}
	return all
}

// TestSteerEvenly: shares are within 2 % (or the one block that cannot be divided
// further) of what the weights say, for a client that takes its ports in order,
// whichever they are and however many, whatever the key.
func TestSteerEvenly(t *testing.T) {
	// Half of the server's ports, as a client that speaks one protocol uses.
	const all, ports = 400, 200
	for _, tt := range []struct{ workers, from, perPort int }{
		{2, 1024, 50}, {3, 1024, 100}, {3, 32768, 120}, {7, 10000, 1000}, {13, 1024, 960},
		{53, 1024, 5000}, {148, 1024, 12500}, {16, 1024, 60000},
	} {
		for seed := range uint32(5) {
			key := SteerKey{seed * 0x9e3779b9, seed*77 + 1, ^seed, seed << 7}
			shares := make([]int, tt.workers)
			for _, code := range portPrograms(key, all, equal(tt.workers))[:ports] {
				last := uint32(0)
				for sport := tt.from; sport < tt.from+tt.perPort; sport++ {
					if sport%32 != 0 && sport > tt.from { // as its block's first
						shares[last]++
						continue
					}
					last = runFilter(t, code, headers(netip.AddrPortFrom(netip.MustParseAddr("10.1.2.3"), uint16(sport))))
					shares[last]++
				}
			}
			mean := float64(ports*tt.perPort) / float64(tt.workers)
			for w, n := range shares {
				if off := float64(n) - mean; max(off, -off) > max(0.02*mean, 2*32) {
					t.Errorf("%+v, key %x: worker %d has %d, the mean is %.0f", tt, key, w, n, mean)
				}
			}
		}
	}
}

// TestSteerCannotBeAimed: who knows everything but the key and picks the source
// ports that would all go to one worker if there were none gets his share of each
// worker and no more, also over many ports and addresses.
func TestSteerCannotBeAimed(t *testing.T) {
	const workers, ports = 3, 40
	for seed := range uint32(8) {
		key := SteerKey{0xdead + seed, 0xbeef * seed, seed * seed * 31, 0x1234 ^ seed<<9}
		shares, sum := make([]int, workers), 0
		for i, code := range portPrograms(key, ports, equal(workers)) {
			for block := 64; block < 2048; block++ {
				if (block+i)%workers == 0 {
					from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i / 4), 1}), uint16(block<<steerShift))
					shares[runFilter(t, code, headers(from))]++
					sum++
				}
			}
		}
		for w, n := range shares {
			if share := float64(n) / float64(sum); share < 0.25 || share > 0.42 {
				t.Errorf("key %x: worker %d gets %.0f %% of what is aimed at one", key, w, 100*share)
			}
		}
	}
	one, other := portPrograms(SteerKey{0x3a91c5d7, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35}, 1, equal(8))[0],
		portPrograms(SteerKey{0x7f4a7c15, 0xbf58476d, 0x94d049bb, 0x1b873593}, 1, equal(8))[0]
	same := 0
	for block := range 2000 {
		p := headers(netip.AddrPortFrom(netip.MustParseAddr("10.9.8.7"), uint16(block<<steerShift)))
		if runFilter(t, one, p) == runFilter(t, other, p) {
			same++
		}
	}
	if same > 500 {
		t.Errorf("two keys deal %d of 2000 blocks alike, want about 250", same)
	}
}

// TestSteerByWeights: each socket gets its weight's part of the blocks.
func TestSteerByWeights(t *testing.T) {
	for _, weights := range [][]uint32{{1, 1, 5}, {0, 3, 3, 0, 1}, {7}, {0, 0, 1}, {2, 2, 2, 8, 1, 1, 0}} {
		for _, addr := range []string{"10.1.2.3", "2001:db8::1"} {
			shares := make([]int, len(weights))
			code := steerProgram(SteerKey{9, 8, 7, 6}, 0, weights, addr != "10.1.2.3")
			for block := range 2048 {
				shares[runFilter(t, code, headers(netip.AddrPortFrom(netip.MustParseAddr(addr), uint16(block<<steerShift))))]++
			}
			for i, n := range shares {
				if want := 2048 * int(weights[i]) / int(places(weights)); n < want-8 || n > want+8 {
					t.Errorf("weights %v from %s: socket %d gets %d, want %d", weights, addr, i, n, want)
				}
			}
		}
	}
}

// TestSteerKernel: the kernel runs the program as we think it does, on sockets of
// either family, and on the same ones after another has been attached.
func TestSteerKernel(t *testing.T) {
	for _, tt := range []struct{ bind, from string }{{"127.0.0.1", "127.0.0.9"}, {"::1", "::1"}, {"::", "127.0.0.9"}} {
		t.Run(fmt.Sprintf("%s from %s", tt.bind, tt.from), func(t *testing.T) {
			bind, from := netip.MustParseAddr(tt.bind), netip.MustParseAddr(tt.from)
			const sockets = 5
			var fds []int
			var at Addr
			port := uint16(0)
			for range sockets {
				fd, errno := Socket(Family(bind))
				if errno != 0 {
					t.Fatal(errno)
				}
				t.Cleanup(func() { Close(fd) })
				at = NewAddr(bind, port)
				if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
					t.Fatal(err)
				}
				if errno := Bind(fd, &at); errno != 0 {
					t.Fatal(errno)
				}
				if err := unix.Listen(fd, 128); err != nil {
					t.Fatal(err)
				}
				port = localPort(t, fd)
				fds = append(fds, fd)
			}
			to := NewAddr(bind, port)
			if bind.IsUnspecified() {
				to = NewAddr(netip.MustParseAddr("127.0.0.1"), port)
			}
			key := SteerKey{11, 22, 33, 44}
			for _, weights := range [][]uint32{{1, 1, 1, 1, 1}, {0, 3, 1, 0, 4}} {
				if err := Steer(fds, key, weights); err != nil {
					t.Fatal(err)
				}
				code := steerProgram(key, firstPlaces(key, 1, places(weights))[0], weights, bind.Is6())
				for sport := uint16(20000); sport < 23000; sport += 97 {
					own := NewAddr(from, sport+uint16(weights[0]))
					c, errno := Socket(Family(from))
					if errno != 0 {
						t.Fatal(errno)
					}
					if errno := Bind(c, &own); errno != 0 {
						Close(c)
						continue // somebody else has it
					}
					if errno := Connect(c, &to); errno != 0 && errno != unix.EINPROGRESS {
						t.Fatal(errno)
					}
					got := -1
					for i, fd := range fds {
						if a, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC); err == nil {
							got = i
							Close(a)
						}
					}
					want := runFilter(t, code, headers(netip.AddrPortFrom(from, sport+uint16(weights[0]))))
					if got != int(want) {
						t.Errorf("weights %v, source port %d: socket %d, want %d", weights, sport, got, want)
					}
					Close(c)
				}
			}
		})
	}
}

func localPort(t *testing.T, fd int) uint16 {
	t.Helper()
	switch at, err := unix.Getsockname(fd); at := at.(type) {
	case *unix.SockaddrInet4:
		return uint16(at.Port)
	case *unix.SockaddrInet6:
		return uint16(at.Port)
	default:
		t.Fatalf("getsockname: %v", err)
		return 0
	}
}
