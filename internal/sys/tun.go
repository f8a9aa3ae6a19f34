package sys

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TunHeader is the size of struct virtio_net_hdr, which comes before each packet
// of a Tun: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset.
const TunHeader = 10

// Flags of struct virtio_net_hdr, linux/virtio_net.h.
const (
	// TunNeedsChecksum says that the checksum is that of the pseudo-header only,
	// and is to be finished from csum_start on. The kernel does so for a packet
	// that we write, if it ever leaves the machine, and takes it as verified; one
	// that we read comes like that from this very machine.
	TunNeedsChecksum = 1
	// TunDataValid says that whoever brought the packet has verified it. It is
	// ignored on packets that we write.
	TunDataValid = 2
)

// Tun is a network device whose packets a program reads and writes, kernel
// documentation networking/tuntap.rst. It is gone once its fd is closed, also by
// SIGKILL, and its routes with it.
type Tun struct {
	fd   int
	name string
}

// tunPath is where devices are made.
const tunPath = "/dev/net/tun"

// NewTun makes a device called PREFIXn, with the first n that is free. It needs
// CAP_NET_ADMIN in the network namespace.
func NewTun(prefix string) (*Tun, error) {
	fd, err := unix.Open(tunPath, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV):
		return nil, fmt.Errorf("open %s: %w; the kernel's tun module is missing: modprobe tun, and in a container "+
			"--device %s", tunPath, err, tunPath)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w; it needs root, and in a container --device %s --cap-add NET_ADMIN",
			tunPath, err, tunPath)
	}
	t := &Tun{fd: fd}
	if err := t.attach(prefix); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Tun) attach(prefix string) error {
	r, err := unix.NewIfreq(prefix + "%d")
	if err != nil {
		return fmt.Errorf("name of TUN device: %w", err)
	}
	r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(t.fd, unix.TUNSETIFF, r); err != nil {
		return fmt.Errorf("make TUN device: ioctl TUNSETIFF: %w; it needs CAP_NET_ADMIN in this network namespace", err)
	}
	t.name = r.Name()
	if err := unix.IoctlSetPointerInt(t.fd, unix.TUNSETVNETHDRSZ, TunHeader); err != nil {
		return os.NewSyscallError("ioctl TUNSETVNETHDRSZ", err)
	}
	if err := unix.IoctlSetInt(t.fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM); err != nil {
		return os.NewSyscallError("ioctl TUNSETOFFLOAD", err)
	}
	return nil
}

// Name is the device's name, as ip-link(8) shows it.
func (t *Tun) Name() string { return t.name }

// FD is readable when a packet waits.
func (t *Tun) FD() int { return t.fd }

// Up sets the device up with an MTU and a queue of so many packets, and routes
// the prefixes to it. Addresses of them are this device's owner's, not the
// machine's: nothing answers for them but who reads here.
func (t *Tun) Up(mtu, queue int, prefixes ...netip.Prefix) error {
	link, err := netlink.LinkByName(t.name)
	if err != nil {
		return fmt.Errorf("find device %s: %w", t.name, err)
	}
	if err := netlink.LinkSetMTU(link, mtu); err != nil {
		return fmt.Errorf("set MTU %d of device %s: %w", mtu, t.name, err)
	}
	if err := netlink.LinkSetTxQLen(link, queue); err != nil {
		return fmt.Errorf("set queue of device %s: %w", t.name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set device %s up: %w", t.name, err)
	}
	for _, p := range prefixes {
		dst := &net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: dst}); err != nil {
			return fmt.Errorf("route %s to device %s: %w", p, t.name, err)
		}
	}
	return nil
}

// TakeLoopback lets packets of the device go to and come from 127.0.0.0/8, which
// the kernel otherwise takes for forged: route_localnet of
// Documentation/networking/ip-sysctl.rst. It goes with the device. IPv6 has
// nothing like it.
func (t *Tun) TakeLoopback() error {
	path := "/proc/sys/net/ipv4/conf/" + t.name + "/route_localnet"
	if err := os.WriteFile(path, []byte("1"), 0); err != nil {
		return fmt.Errorf("let device %s reach 127.0.0.0/8: %w; give the server another address of this machine "+
			"(--bind) and the client that one (--host)", t.name, err)
	}
	return nil
}

// Read takes one packet with its header, read(2); EAGAIN when none waits.
func (t *Tun) Read(b []byte) (int, Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(t.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
		uintptr(len(b)))
	return int(n), errno
}

// Write hands one packet with its header to the kernel, write(2). It returns
// when the kernel has acted on it.
func (t *Tun) Write(b []byte) Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(t.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
		uintptr(len(b)))
	return errno
}

// Close removes the device.
func (t *Tun) Close() { _ = unix.Close(t.fd) }

// RouteTo is how the kernel would send to an address: the device, its MTU and
// our own address, rtnetlink(7) RTM_GETROUTE.
type RouteTo struct {
	Device string
	MTU    int
	Source netip.Addr
	Local  bool // the address is one of this machine
}

// Route looks up the route to an address.
func Route(to netip.Addr) (RouteTo, error) {
	routes, err := netlink.RouteGet(to.Unmap().AsSlice())
	if err != nil {
		return RouteTo{}, fmt.Errorf("look up route to %s: %w", to, err)
	}
	if len(routes) == 0 {
		return RouteTo{}, fmt.Errorf("look up route to %s: there is none", to)
	}
	link, err := netlink.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return RouteTo{}, fmt.Errorf("find device of route to %s: %w", to, err)
	}
	source, _ := netip.AddrFromSlice(routes[0].Src)
	r := RouteTo{Device: link.Attrs().Name, MTU: link.Attrs().MTU, Source: source.Unmap(),
		Local: routes[0].Type == unix.RTN_LOCAL}
	if routes[0].MTU > 0 {
		r.MTU = routes[0].MTU
	}
	return r, nil
}
