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
		return r.transparentHugepage()
	case KeySlabWaste:
		return r.slabWaste()
	case KeyCaps:
		return r.capEff()
	case KeyNetNS:
		return r.netNamespace()
	case KeyNetCookie:
		return r.netCookie()
	}
	return readFile(r.sysctlPath(key))
}

// Set writes a sysctl. The newline matters: an empty value without it would
// be no write(2) at all, and a list of ports could not be emptied.
func (r Root) Set(key, value string) error {
	switch key {
	case KeyNofileSoft, KeyNofileHard, KeyTHP, KeySlabWaste, KeyCaps, KeyNetNS, KeyNetCookie:
		return ErrFixed
	}
	f, err := os.OpenFile(r.sysctlPath(key), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return plain(err)
	}
	_, err = f.WriteString(value + "\n")
	return plain(errors.Join(err, f.Close()))
}

// readFile reads one file of /proc or /sys without its last newline.
func readFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", plain(err)
	}
	return strings.TrimRight(string(b), "\n"), nil
}

// plain puts the errors that users meet here into words.
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

// nofile reads RLIMIT_NOFILE of this process from /proc/self/limits. The Go
// runtime has lifted the soft limit to the hard one by then, as it does in
// every Go program.
func (r Root) nofile(key string) (string, error) {
	text, err := readFile(filepath.Join(r.Dir, "proc/self/limits"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "Max open files")
		if !ok {
			continue
		}
		if f := strings.Fields(rest); len(f) >= 2 {
			if key == KeyNofileSoft {
				return f[0], nil
			}
			return f[1], nil
		}
	}
	return "", fmt.Errorf("read /proc/self/limits: no line \"Max open files\"")
}

// transparentHugepage reads the chosen word of
// /sys/kernel/mm/transparent_hugepage/enabled: "always [madvise] never".
func (r Root) transparentHugepage() (string, error) {
	text, err := readFile(filepath.Join(r.Dir, "sys/kernel/mm/transparent_hugepage/enabled"))
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(text, "[")
	word, _, ok := strings.Cut(rest, "]")
	if !ok {
		return "", fmt.Errorf("read transparent_hugepage/enabled: nothing is chosen in %q", text)
	}
	return word, nil
}

// slabWaste reads from /sys/kernel/slab/TCP how much of a slab of TCP sockets
// is left over, in thousandths.
func (r Root) slabWaste() (string, error) {
	var v [3]int64
	for i, name := range []string{"order", "objs_per_slab", "slab_size"} {
		text, err := readFile(filepath.Join(r.Dir, "sys/kernel/slab/TCP", name))
		if err != nil {
			return "", err
		}
		if v[i], err = parseNumber(clean(text)); err != nil {
			return "", fmt.Errorf("read slab TCP/%s: %w", name, err)
		}
	}
	if v[0] < 0 || v[0] > 20 {
		return "", fmt.Errorf("read slab TCP/order: %d is no page order", v[0])
	}
	size := int64(os.Getpagesize()) << v[0]
	return strconv.FormatInt((size-v[1]*v[2])*1000/size, 10), nil
}

// capEff reads the effective capabilities from /proc/self/status.
func (r Root) capEff() (string, error) {
	text, err := readFile(filepath.Join(r.Dir, "proc/self/status"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("read /proc/self/status: no line CapEff")
}

// netNamespace names the network namespace this thread is in: InitialNetNS in
// that of process 1, else its inode, network_namespaces(7).
func (r Root) netNamespace() (string, error) {
	self, err := os.Readlink(filepath.Join(r.Dir, "proc/thread-self/ns/net"))
	if err != nil {
		return "", plain(err)
	}
	if first, err := os.Readlink(filepath.Join(r.Dir, "proc/1/ns/net")); err == nil && first == self {
		return InitialNetNS, nil
	}
	return self, nil
}

// netCookie is the number of the network namespace this thread is in.
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

// Machine reads how much memory (MemTotal of /proc/meminfo) and how many cores
// the machine has.
func (r Root) Machine() (memory int64, cores int, err error) {
	text, err := readFile(filepath.Join(r.Dir, "proc/meminfo"))
	if err != nil {
		return 0, 0, fmt.Errorf("read /proc/meminfo: %w", err)
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "MemTotal:" {
			kib, err := parseNumber(f[1])
			if err != nil || kib > 1<<50 {
				return 0, 0, fmt.Errorf("read /proc/meminfo: MemTotal %q is not a size", f[1])
			}
			return kib * 1024, runtime.NumCPU(), nil
		}
	}
	return 0, 0, fmt.Errorf("read /proc/meminfo: no line MemTotal")
}
