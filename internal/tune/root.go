package tune

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/sys"
)

// Root is the State of a machine whose root directory is Dir ("/" is this
// one): /proc/sys for sysctls, and a few files of /proc and /sys for the rest.
type Root struct{ Dir string }

// sysctlPath is where a sysctl key lives, see proc_sys(5).
func (r Root) sysctlPath(key string) string {
	return filepath.Join(r.Dir, "proc/sys", strings.ReplaceAll(key, ".", "/"))
}

// Get reads a sysctl or one of the Key constants.
func (r Root) Get(key string) (string, error) {
	switch key {
	case KeyNofileSoft, KeyNofileHard:
		return r.nofile(key)
	case KeyTHP:
		return r.text(proc.FS.TransparentHugepage)
	case KeySlabWaste:
		return r.text(slabWaste)
	case KeyTun:
		return r.tun()
	case KeyCaps:
		return r.text(capEff)
	case KeyNetNS:
		return r.text(netNamespace)
	case KeyNetCookie:
		return r.netCookie()
	}
	return r.text(func(fp proc.FS) (string, error) { return fp.Sysctl(key) })
}

// Set writes a sysctl. The newline matters: an empty value without it would
// be no write(2) at all, and a list of ports could not be emptied.
func (r Root) Set(key, value string) error {
	switch key {
	case KeyNofileSoft, KeyNofileHard, KeyTHP, KeySlabWaste, KeyCaps, KeyNetNS, KeyNetCookie, KeyTun:
		return ErrFixed
	case keyForward:
		return r.setForward(value)
	}
	return r.set(key, value)
}

// set writes a sysctl and nothing else.
func (r Root) set(key, value string) error {
	f, err := os.OpenFile(r.sysctlPath(key), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return plain(err)
	}
	_, err = f.WriteString(value + "\n")
	return plain(errors.Join(err, f.Close()))
}

// setForward writes net.ipv4.ip_forward, and then restores the settings that the kernel
// changes along with it (inet_forward_change in net/ipv4/devinet.c).
func (r Root) setForward(value string) error {
	const redirects = "net.ipv4.conf.all.accept_redirects"
	was, unread := r.Get(redirects)
	if err := r.set(keyForward, value); err != nil || unread != nil {
		return err
	}
	return r.set(redirects, clean(was))
}

// tun says whether /dev/net/tun is there and can be opened.
func (r Root) tun() (string, error) {
	_, err := os.Stat(filepath.Join(r.Dir, "dev/net/tun"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "missing", nil
	case err != nil:
		return "", plain(err)
	}
	return "there", nil
}

// plain words the errors that are likely here.
func plain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return ErrAbsent
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("/proc/sys is mounted read-only (a container?): %w", syscall.EROFS)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("run as root, in the machine's own namespaces: %w", fs.ErrPermission)
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("the kernel refuses the value: %w", syscall.EINVAL)
	}
	return err
}

// nofile reads RLIMIT_NOFILE of this process. Its soft limit is the hard one, because
// the Go runtime raises it at the start (package os).
func (r Root) nofile(key string) (string, error) {
	fp, err := r.proc()
	if err != nil {
		return "", err
	}
	l, err := fp.OwnLimits()
	if err != nil {
		return "", plain(err)
	}
	if key == KeyNofileSoft {
		return l.Files.SoftText(), nil
	}
	return l.Files.HardText(), nil
}

// text reads something from the root's /proc and /sys, and words its errors.
func (r Root) text(read func(proc.FS) (string, error)) (string, error) {
	fp, err := r.proc()
	if err != nil {
		return "", err
	}
	s, err := read(fp)
	if err != nil {
		return "", plain(err)
	}
	return s, nil
}

// proc is the reader of /proc and /sys below the root.
func (r Root) proc() (proc.FS, error) {
	fp, err := proc.New(filepath.Join(r.Dir, "proc"), filepath.Join(r.Dir, "sys"))
	return fp, plain(err)
}

// slabWaste is how much of a slab of TCP sockets no socket fits into, in thousandths.
func slabWaste(fp proc.FS) (string, error) {
	share, err := fp.SlabWaste("TCP")
	return strconv.FormatInt(int64(share*1000), 10), err
}

// capEff is the effective capabilities, in hexadecimal.
func capEff(fp proc.FS) (string, error) {
	caps, err := fp.OwnCapEff()
	return fmt.Sprintf("%016x", caps), err
}

// netNamespace names the network namespace of this thread: InitialNetNS if it is that of
// process 1, otherwise its inode.
func netNamespace(fp proc.FS) (string, error) {
	own, first, err := fp.ThreadNet()
	if err == nil && own == first {
		return InitialNetNS, nil
	}
	return own, err
}

// netCookie is the cookie of the network namespace of this thread, SO_NETNS_COOKIE.
func (r Root) netCookie() (string, error) {
	if filepath.Clean(r.Dir) != "/" {
		return "", ErrAbsent // the kernel knows only its own
	}
	n, err := sys.NetCookie()
	if errors.Is(err, syscall.ENOPROTOOPT) { // before Linux 5.14
		return "", ErrAbsent
	}
	return strconv.FormatUint(n, 10), err
}

// Machine reads how much memory, in bytes, and how many cores the machine has.
func (r Root) Machine() (memory int64, cores int, err error) {
	fp, err := r.proc()
	if err != nil {
		return 0, 0, fmt.Errorf("read /proc/meminfo: %w", err)
	}
	total, err := fp.MemTotal()
	if err != nil {
		return 0, 0, err
	}
	return int64(total), runtime.NumCPU(), nil
}
