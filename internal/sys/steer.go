package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The offset from which a classic BPF program reads the IP header, and where
// the TCP ports stand behind an IPv4 header without options and an IPv6 one
// without extensions (linux/filter.h, RFC 791, RFC 8200, RFC 9293).
const (
	skfNetOff  = ^uint32(0x100000) + 1 // SKF_NET_OFF
	ipv4Header = 20
	ipv6Header = 40
)

// steerShift: 32 neighbouring source ports, 16 or 32 connections of a client
// that takes its ports in order, go to the same listener.
const steerShift = 5

// SteerEvenly attaches a classic BPF program to the SO_REUSEPORT group of each
// listening socket of this process, SO_ATTACH_REUSEPORT_CBPF, socket(7). The
// program deals connections to the group's n sockets by (source port / 32 +
// destination port) mod n. The kernel's own choice, a hash of the 4-tuple, has
// become uneven since Linux 6.15, where it hardly depends on the listening
// port: 53 workers of 200 ports then differ by 10 %. A server that is given
// connections in runs also accepts them in batches.
func SteerEvenly(n int, ipv6 bool) error {
	fds, err := openFDs()
	if err != nil {
		return err
	}
	header := uint32(ipv4Header)
	if ipv6 {
		header = ipv6Header
	}
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: skfNetOff + header},
		{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: steerShift},
		{Code: unix.BPF_MISC | unix.BPF_TAX},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: skfNetOff + header + 2},
		{Code: unix.BPF_ALU | unix.BPF_ADD | unix.BPF_X},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(n)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	for _, fd := range fds {
		listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		if err != nil || listening == 0 {
			continue // not a socket, or not a listener
		}
		if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &prog); err != nil {
			return fmt.Errorf("steer connections: %w", os.NewSyscallError("setsockopt SO_ATTACH_REUSEPORT_CBPF", err))
		}
	}
	return nil
}
