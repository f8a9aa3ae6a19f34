// Package footprint measures what connections cost: kernel memory by slab
// cache, user memory of processes, processor time, socket counts. It is the
// only room that imports procfs. Every reader takes its root directory, so that
// recorded /proc files can stand in for a kernel.
package footprint

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// Proc reads one machine's /proc and cgroup file systems.
type Proc struct {
	root   string
	cgroup string
	fs     procfs.FS
}

// New reads from the given mount points, usually /proc and /sys/fs/cgroup.
func New(root, cgroup string) (Proc, error) {
	fs, err := procfs.NewFS(root)
	if err != nil {
		return Proc{}, fmt.Errorf("open %s: %w", root, err)
	}
	return Proc{root: root, cgroup: cgroup, fs: fs}, nil
}

// Here reads this machine.
func Here() (Proc, error) { return New("/proc", "/sys/fs/cgroup") }

// BootID is /proc/sys/kernel/random/boot_id: equal on both ends means that
// they are one machine.
func (p Proc) BootID() (string, error) { return p.Sysctl("kernel.random.boot_id") }

// Sysctl reads a setting by its dotted name, /proc/sys.
func (p Proc) Sysctl(key string) (string, error) {
	b, err := os.ReadFile(filepath.Join(p.root, "sys", strings.ReplaceAll(key, ".", "/")))
	if err != nil {
		return "", fmt.Errorf("read sysctl %s: %w", key, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// SysctlInt reads a setting that is one number.
func (p Proc) SysctlInt(key string) (int64, error) {
	s, err := p.Sysctl(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read sysctl %s: %q is not a number", key, s)
	}
	return n, nil
}

// Files is fs.file-nr: files open on the whole system, and the most there may
// be (fs.file-max).
func (p Proc) Files() (open, limit int64, err error) {
	s, err := p.Sysctl("fs.file-nr")
	if err != nil {
		return 0, 0, err
	}
	f := strings.Fields(s)
	if len(f) != 3 {
		return 0, 0, fmt.Errorf("read sysctl fs.file-nr: %q is not three numbers", s)
	}
	if open, err = strconv.ParseInt(f[0], 10, 64); err != nil {
		return 0, 0, fmt.Errorf("read sysctl fs.file-nr: %q is not three numbers", s)
	}
	if limit, err = strconv.ParseInt(f[2], 10, 64); err != nil {
		return 0, 0, fmt.Errorf("read sysctl fs.file-nr: %q is not three numbers", s)
	}
	return open, limit, nil
}

// Sockets is /proc/net/sockstat and sockstat6 of this network namespace.
type Sockets struct {
	TCP      int64 // in use, both families; listeners too, TIME_WAIT not
	Orphan   int64
	TimeWait int64
	MemPages int64 // buffered data, in pages
}

// Sockets reads the socket counts.
func (p Proc) Sockets() (Sockets, error) {
	var s Sockets
	v4, err := p.fs.NetSockstat()
	if err != nil {
		return s, fmt.Errorf("read net/sockstat: %w", err)
	}
	for _, proto := range v4.Protocols {
		if proto.Protocol == "TCP" {
			s = Sockets{TCP: int64(proto.InUse), Orphan: deref(proto.Orphan), TimeWait: deref(proto.TW), MemPages: deref(proto.Mem)}
		}
	}
	if v6, err := p.fs.NetSockstat6(); err == nil && v6 != nil {
		for _, proto := range v6.Protocols {
			if proto.Protocol == "TCP6" {
				s.TCP += int64(proto.InUse)
			}
		}
	}
	return s, nil
}

func deref(n *int) int64 {
	if n == nil {
		return 0
	}
	return int64(*n)
}

// Softirq is the machine's time in soft interrupts since boot, seconds,
// /proc/stat.
func (p Proc) Softirq() (float64, error) {
	s, err := p.fs.Stat()
	if err != nil {
		return 0, fmt.Errorf("read stat: %w", err)
	}
	return s.CPUTotal.SoftIRQ, nil
}
