//go:build chaos

package chaos

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/c10m/c10m/tests/rig"
)

// TestSlowReadersMemory: slow readers, each of whom keeps less than the server
// would let one alone keep, do not end a server together: what is kept for all of
// them has one bound, which follows from the memory of the cgroup.
func TestSlowReadersMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	rig.NoLeaks(t)
	if !ownNetwork() {
		t.Skip("needs sysctls of its own: the kernel would keep it all by itself")
	}
	for _, name := range []string{"tcp_wmem", "tcp_rmem"} {
		file := "/proc/sys/net/ipv4/" + name
		was, err := os.ReadFile(file)
		must(t, "read "+name, err)
		must(t, "set "+name, os.WriteFile(file, []byte("4096 16384 65536"), 0o644))
		defer func() { _ = os.WriteFile(file, was, 0o644) }()
	}
	join, _ := memoryGroup(t, 200<<20)
	s := rig.Start(t, rig.Options{Ports: 10, Prefix: join, Flags: []string{"--workers", "2", "--max-conns", "2000"}})
	c := newCanary(t, s)
	s.Open(t, canaries)
	const peers, each = 300, 950_000
	var all []net.Conn
	for i := range peers {
		peer, err := net.Dial("tcp4", s.Addr(i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, peer)
		_ = peer.(*net.TCPConn).SetReadBuffer(4096)
		_ = peer.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = peer.Write(make([]byte, each)) // what does not fit is not sent
	}
	r := s.Report(t)
	if r.Buffered > r.Budget+peers*64<<10 || r.Buffered == 0 {
		t.Errorf("%d bytes are kept for peers, %d may be", r.Buffered, r.Budget)
	}
	for _, w := range r.Shards {
		if w.Restarts > 0 {
			t.Errorf("worker %d was started anew %d times: the kernel killed it", w.PID, w.Restarts)
		}
	}
	t.Logf("%d MiB kept of %d, refused %v", r.Buffered>>20, r.Budget>>20, r.Refused)
	c.well(t)
	for _, peer := range all {
		_ = peer.Close()
	}
	s.Open(t, canaries)
	c.well(t)
}

// TCP_REPAIR and what belongs to it, tcp(7) and linux/tcp.h.
const (
	tcpRepair       = 19
	tcpRepairQueue  = 20
	tcpQueueSeq     = 21
	tcpRepairWindow = 29
	recvQueue       = 1
	sendQueue       = 2
)

// TestUrgentData: one urgent segment beyond a gap in the stream is readiness that
// no read takes away. It must not cost a processor, nor the connections of others;
// the connection is ended within a second where the engine watches for such data
// at all.
func TestUrgentData(t *testing.T) {
	rig.NoLeaks(t)
	if !ownNetwork() {
		t.Skip("needs a loopback of its own, and CAP_NET_ADMIN")
	}
	s := rig.Start(t, rig.Options{Ports: 2, Flags: []string{"--workers", "1"}})
	c := newCanary(t, s)
	s.Open(t, canaries)
	fd := beyondGap(t, s.Addr(0))
	defer func() {
		// Not by FIN: it would lie beyond the gap, too.
		_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		_ = syscall.Close(fd)
	}()
	if rig.Engine == "gnet" {
		rig.Await(t, "the connection to be ended", func() bool { return s.Report(t).Refused["urgent_data"] == 1 })
	}
	time.Sleep(time.Second)
	c.hush()
	before := *s.Memory(t).CPU
	time.Sleep(time.Second)
	if used := *s.Memory(t).CPU - before; used > 0.5 {
		t.Errorf("the server uses %.2f of a second of processor time after one urgent segment", used)
	}
	c.well(t)
}

// beyondGap connects and sends one urgent byte whose sequence number is 100 higher
// than it should be: a second socket takes the connection over, in repair mode.
func beyondGap(t *testing.T, to string) (fd int) {
	t.Helper()
	// From an address of its own: nobody else has a port of it.
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 77)}}
	conn, err := from.Dial("tcp4", to)
	must(t, "connect", err)
	local := sockaddr(conn.LocalAddr())
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var sent, received int
	_ = raw.Control(func(n uintptr) {
		must(t, "enter repair mode", setInt(int(n), tcpRepair, 1))
		sent, received = queueSeq(t, int(n), sendQueue), queueSeq(t, int(n), recvQueue)
	})
	_ = conn.Close() // in repair mode nothing is sent
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, "open a socket", err)
	must(t, "enter repair mode", setInt(fd, tcpRepair, 1))
	must(t, "set SO_REUSEADDR", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	must(t, "bind", syscall.Bind(fd, local))
	must(t, "choose the send queue", setInt(fd, tcpRepairQueue, sendQueue))
	must(t, "set its sequence number", setInt(fd, tcpQueueSeq, int(uint32(sent)+100)))
	must(t, "choose the receive queue", setInt(fd, tcpRepairQueue, recvQueue))
	must(t, "set its sequence number", setInt(fd, tcpQueueSeq, received))
	must(t, "connect", syscall.Connect(fd, sockaddr(conn.RemoteAddr())))
	var window [20]byte // struct tcp_repair_window: snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup
	for i, v := range []uint32{uint32(received), 65535, 65535, 65535, uint32(received)} {
		binary.NativeEndian.PutUint32(window[4*i:], v)
	}
	_, _, errno := syscall.Syscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.IPPROTO_TCP, tcpRepairWindow,
		uintptr(unsafe.Pointer(&window)), uintptr(len(window)), 0)
	if errno != 0 {
		t.Fatalf("set the windows: %v", errno)
	}
	must(t, "leave repair mode", setInt(fd, tcpRepair, -1))
	must(t, "send", syscall.Sendto(fd, []byte("!"), syscall.MSG_OOB, nil))
	return fd
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func setInt(fd, option, value int) error {
	return syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, option, value)
}

// queueSeq is the sequence number of a queue of a socket in repair mode.
func queueSeq(t *testing.T, fd, queue int) int {
	t.Helper()
	must(t, "choose a queue", setInt(fd, tcpRepairQueue, queue))
	n, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, tcpQueueSeq)
	must(t, "read its sequence number", err)
	return n
}

func sockaddr(a net.Addr) *syscall.SockaddrInet4 {
	at := netip.MustParseAddrPort(a.String())
	return &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
}

// TestAcceptFails: accept4(2) fails with what nobody could foresee, here an fd
// limit that somebody has lowered under the running server. It is counted and
// named, and the server goes on when it can.
func TestAcceptFails(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 1, Flags: []string{"--workers", "1"}})
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Cmd.Process.Pid))
	must(t, "count fds", err)
	before, err := limitFDs(s.Cmd.Process.Pid, uint64(len(fds)+8))
	must(t, "lower the fd limit", err)
	var all []net.Conn
	defer func() {
		for _, c := range all {
			_ = c.Close()
		}
	}()
	for range 60 {
		if c, err := net.DialTimeout("tcp4", s.Addr(0), 200*time.Millisecond); err == nil {
			all = append(all, c)
		}
	}
	time.Sleep(2 * time.Second) // a busy machine gets to what waits to be accepted late
	_, err = limitFDs(s.Cmd.Process.Pid, before)
	must(t, "raise it again", err)
	rig.Await(t, "the failure to be counted", func() bool { return s.Report(t).Refused["over_limit"] > 0 })
	rig.Await(t, "an echo", func() bool {
		c, err := net.DialTimeout("tcp4", s.Addr(0), time.Second)
		if err != nil {
			return false
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.Write([]byte("x")); err != nil {
			return false
		}
		n, _ := c.Read(make([]byte, 1))
		return n == 1
	})
}

// limitFDs sets the soft fd limit of a running process, prlimit(2), and returns
// what it was.
func limitFDs(pid int, n uint64) (was uint64, err error) {
	var old, now syscall.Rlimit
	call := func(set, get *syscall.Rlimit) error {
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE,
			uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), 0, 0); errno != 0 {
			return errno
		}
		return nil
	}
	if err := call(nil, &old); err != nil {
		return 0, err
	}
	now = syscall.Rlimit{Cur: n, Max: old.Max}
	return old.Cur, call(&now, nil)
}
