package proc

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/procfs"
)

// FS reads one machine's /proc and /sys.
type FS struct {
	root   string
	page   uint64 // bytes; 4096 on amd64, up to 65,536 on arm64
	fs     procfs.FS
	groups []memoryGroup     // memory cgroups this process lives in, innermost first
	cache  map[string]string // name in slabinfo -> the counted cache it holds
}

// New reads from the given mount points, usually /proc and /sys. Where this
// process stands in the cgroup tree, and which slab caches the kernel has
// merged, is looked up once, here.
func New(proc, sys string) (FS, error) {
	fs, err := procfs.NewFS(proc)
	if err != nil {
		return FS{}, fmt.Errorf("open %s: %w", proc, err)
	}
	p := FS{root: proc, page: uint64(os.Getpagesize()), fs: fs}
	p.groups = memoryGroups(p.root, filepath.Join(sys, "fs", "cgroup"))
	p.cache = countedNames(filepath.Join(sys, "kernel", "slab"))
	return p, nil
}

// Here reads this machine.
func Here() (FS, error) { return New("/proc", "/sys") }

// buffers are for files of /proc that are read again and again while memory is
// being measured: their garbage would show in the client's own figure.
var buffers = sync.Pool{New: func() any { return &[]byte{} }}

// read hands the content of a file below /proc to parse, which must not keep it.
func (p FS) read(name string, parse func([]byte) error) error {
	f, err := os.Open(filepath.Join(p.root, name))
	if err != nil {
		return err
	}
	defer f.Close()
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b := (*buf)[:cap(*buf)]
	n := 0
	for {
		if n == len(b) {
			b = append(b, make([]byte, max(16<<10, len(b)))...)
		}
		m, err := f.Read(b[n:])
		n += m
		if err != nil && err != io.EOF && n == 0 {
			return err // the process has ended meanwhile: ESRCH
		}
		if m == 0 || err != nil { // io.EOF, or a file that gives no more
			break
		}
	}
	*buf = b
	if n == 0 {
		return fmt.Errorf("read %s: it is empty", name)
	}
	return parse(b[:n])
}

// BootID is /proc/sys/kernel/random/boot_id: equal on both ends means that
// they are one machine.
func (p FS) BootID() (string, error) { return p.Sysctl("kernel.random.boot_id") }

// Sysctl reads a setting by its dotted name, /proc/sys. An interface whose name
// has a dot itself (eth0.5) is written with a slash there, see sysctl.d(5).
func (p FS) Sysctl(key string) (string, error) {
	name := strings.NewReplacer(".", "/", "/", ".").Replace(key)
	b, err := os.ReadFile(filepath.Join(p.root, "sys", name))
	if err != nil {
		return "", fmt.Errorf("read sysctl %s: %w", key, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// SysctlInt reads a setting that is one number.
func (p FS) SysctlInt(key string) (int64, error) {
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
func (p FS) Files() (open, limit int64, err error) {
	s, err := p.Sysctl("fs.file-nr")
	if err != nil {
		return 0, 0, err
	}
	f := strings.Fields(s)
	if len(f) != 3 {
		return 0, 0, fmt.Errorf("read sysctl fs.file-nr: %q is not three numbers", s)
	}
	open, err1 := strconv.ParseInt(f[0], 10, 64)
	limit, err2 := strconv.ParseInt(f[2], 10, 64)
	if err1 != nil || err2 != nil || open < 0 || limit < 0 {
		return 0, 0, fmt.Errorf("read sysctl fs.file-nr: %q is not three numbers", s)
	}
	return open, limit, nil
}

// Softirq is the machine's time in soft interrupts since boot, seconds,
// /proc/stat.
func (p FS) Softirq() (float64, error) {
	s, err := p.fs.Stat()
	if err != nil {
		return 0, fmt.Errorf("read stat: %w", err)
	}
	return s.CPUTotal.SoftIRQ, nil
}
