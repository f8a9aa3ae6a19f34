package sys

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// SockState is a TCP socket's state, include/net/tcp_states.h.
type SockState uint8

// The states that callers ask for.
const (
	Established SockState = 1
	SynSent     SockState = 2
	SynReceived SockState = 3
	FinWait1    SockState = 4
	FinWait2    SockState = 5
	TimeWait    SockState = 6
	Closed      SockState = 7
	CloseWait   SockState = 8
	LastAck     SockState = 9
	Listening   SockState = 10
	Closing     SockState = 11
	Bound       SockState = 13 // TCP_BOUND_INACTIVE: neither listens nor is connected; since Linux 6.8
)

// AnyState are all states that a socket with a local port may be in.
var AnyState = []SockState{Established, SynSent, SynReceived, FinWait1, FinWait2, TimeWait, Closed, CloseWait, LastAck,
	Listening, Closing, Bound}

// String is the name that ss(8) and netstat(8) give a state.
func (s SockState) String() string {
	switch s {
	case Established:
		return "ESTABLISHED"
	case SynSent:
		return "SYN_SENT"
	case SynReceived:
		return "SYN_RECV"
	case FinWait1:
		return "FIN_WAIT1"
	case FinWait2:
		return "FIN_WAIT2"
	case TimeWait:
		return "TIME_WAIT"
	case Closed:
		return "CLOSED"
	case CloseWait:
		return "CLOSE_WAIT"
	case LastAck:
		return "LAST_ACK"
	case Listening:
		return "LISTEN"
	case Closing:
		return "CLOSING"
	case Bound:
		return "BOUND"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// SockInfo is one TCP socket as sock_diag(7) shows it. Of a listener, Unread
// is how many connections wait to be accepted, and Unsent how many may.
type SockInfo struct {
	State          SockState
	Local, Remote  netip.AddrPort
	Unread, Unsent uint32 // bytes in its queues
	Inode          uint32 // as in /proc/PID/fd: socket:[inode]
}

// Sizes of the kernel's structs, linux/inet_diag.h: inet_diag_sockid,
// inet_diag_req_v2 and inet_diag_msg.
const (
	diagID  = 48
	diagReq = 8 + diagID
	diagMsg = 4 + diagID + 20
)

// TCPSockets shows visit every TCP socket of this network namespace, IPv4 and
// IPv6, that is in one of the states, until it returns false. It costs the
// kernel a walk over its tables, and about a microsecond a socket.
func TCPSockets(visit func(SockInfo) bool, states ...SockState) error {
	var mask uint32
	for _, s := range states {
		mask |= 1 << s
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return fmt.Errorf("ask sock_diag: %w", os.NewSyscallError("socket", err))
	}
	defer func() { _ = unix.Close(fd) }()
	buf := make([]byte, 64<<10)
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		more, err := dumpSockets(fd, family, mask, buf, visit)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// dumpSockets asks for one family. more is false when visit has seen enough.
func dumpSockets(fd int, family byte, mask uint32, buf []byte, visit func(SockInfo) bool) (more bool, err error) {
	req := make([]byte, unix.SizeofNlMsghdr+diagReq)
	binary.NativeEndian.PutUint32(req[0:], uint32(len(req)))
	binary.NativeEndian.PutUint16(req[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := req[unix.SizeofNlMsghdr:]
	body[0], body[1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(body[4:], mask)
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return false, fmt.Errorf("ask sock_diag: %w", os.NewSyscallError("sendto", err))
	}
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("read sock_diag: %w", os.NewSyscallError("recvfrom", err))
		}
		done, more, err := readSockets(buf[:n], visit)
		if done || err != nil || !more {
			return more, err
		}
	}
}

// readSockets takes one datagram of netlink messages apart, netlink(7).
func readSockets(b []byte, visit func(SockInfo) bool) (done, more bool, err error) {
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return false, false, fmt.Errorf("read sock_diag: a message of %d bytes in %d", size, len(b))
		}
		body := b[unix.SizeofNlMsghdr:size]
		switch kind := binary.NativeEndian.Uint16(b[4:]); {
		case kind == unix.NLMSG_DONE:
			return true, true, nil
		case kind == unix.NLMSG_ERROR && len(body) >= 4:
			errno := unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
			return false, false, fmt.Errorf("read sock_diag: %w", errno)
		case kind == unix.SOCK_DIAG_BY_FAMILY && len(body) >= diagMsg:
			if !visit(sockInfo(body)) {
				return false, false, nil
			}
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return false, true, nil
}

// sockInfo reads struct inet_diag_msg: family, state, timer and retransmits, a
// byte each; the ports and addresses in network order; then expires, rqueue,
// wqueue.
func sockInfo(b []byte) SockInfo {
	addr := func(at int) netip.Addr {
		if b[0] == unix.AF_INET {
			return netip.AddrFrom4([4]byte(b[at : at+4]))
		}
		return netip.AddrFrom16([16]byte(b[at : at+16])).Unmap()
	}
	after := b[4+diagID:]
	return SockInfo{State: SockState(b[1]),
		Local:  netip.AddrPortFrom(addr(8), binary.BigEndian.Uint16(b[4:])),
		Remote: netip.AddrPortFrom(addr(24), binary.BigEndian.Uint16(b[6:])),
		Unread: binary.NativeEndian.Uint32(after[4:]), Unsent: binary.NativeEndian.Uint32(after[8:]),
		Inode: binary.NativeEndian.Uint32(after[16:])}
}
