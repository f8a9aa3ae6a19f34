package proc

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"

	"github.com/c10m/c10m/internal/sys"
)

// self stands for the process that asks where a pid is wanted in this room:
// /proc/self, which needs no number.
const self = 0

// FS reads one machine's /proc and /sys.
type FS struct {
	root   string
	cgroup string // /sys/fs/cgroup
	kernel string // /sys/kernel
	page   uint64 // bytes; 4096 on amd64, up to 65,536 on arm64
	fs     procfs.FS
	groups []memoryGroup // memory cgroups this process lives in, innermost first
	slabs  *slabNames
	// sysinfo is sysinfo(2), for where /proc/meminfo is hidden; nil: none.
	sysinfo func() (sys.MachineMemory, error)
}

// New reads from the given mount points, usually /proc and /sys. Where this
// process stands in the cgroup tree is looked up once, here.
func New(proc, sys string) (FS, error) {
	fs, err := procfs.NewFS(proc)
	if err != nil {
		return FS{}, fmt.Errorf("open %s: %w", proc, err)
	}
	p := FS{root: proc, cgroup: filepath.Join(sys, "fs", "cgroup"), kernel: filepath.Join(sys, "kernel"),
		slabs: &slabNames{dir: filepath.Join(sys, "kernel", "slab")},
		page:  uint64(os.Getpagesize()), fs: fs}
	p.groups = p.memoryGroups()
	return p, nil
}

// Here reads this machine.
func Here() (FS, error) {
	p, err := New("/proc", "/sys")
	p.sysinfo = sys.Memory
	return p, err
}

// buffers are for files of /proc that are read again and again while memory is being
// measured: their garbage would show in a program's own figure. A sync.Pool would keep
// some for each processor of Go's scheduler, of which there may be hundreds, and none for
// long.
var buffers = make(chan []byte, 4)

// mostBuffer bounds a buffer that is kept, in bytes.
const mostBuffer = 64 << 10

func takeBuffer() []byte {
	select {
	case b := <-buffers:
		return b
	default:
		return make([]byte, 16<<10)
	}
}

func keepBuffer(b []byte) {
	if len(b) > mostBuffer {
		return
	}
	select {
	case buffers <- b:
	default:
	}
}

// read hands the content of a file below /proc to parse, which must not keep it.
func (p FS) read(name string, parse func([]byte) error) error {
	err := readFile(filepath.Join(p.root, name), parse)
	if own, ok := strings.CutPrefix(name, "net/"); ok && os.IsNotExist(err) {
		// /proc/net is a link to self/net, which a /proc that is mounted with
		// subset=pid does not have, proc(5).
		return readFile(filepath.Join(p.root, "self", "net", own), parse)
	}
	return err
}

// readFile is read of a file by its whole name.
func readFile(name string, parse func([]byte) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	b, n := takeBuffer(), 0
	defer func() { keepBuffer(b) }()
	for {
		if n == len(b) {
			b = append(b, make([]byte, len(b))...)
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
	if n == 0 {
		return fmt.Errorf("read %s: it is empty", name)
	}
	return parse(b[:n])
}

// net is where a file of /proc/net is to be read: as in read, a /proc that is
// mounted with subset=pid has it below self alone.
func (p FS) net(name string) procfs.FS {
	if _, err := os.Stat(filepath.Join(p.root, "net", name)); err == nil {
		return p.fs
	}
	if own, err := procfs.NewFS(filepath.Join(p.root, "self")); err == nil {
		return own
	}
	return p.fs
}

// of is where a process is to be found below /proc.
func of(pid int) string {
	if pid == self {
		return "self"
	}
	return strconv.Itoa(pid)
}

// number reads a decimal number below limit. Unlike strconv.ParseUint it takes
// bytes, and leaves no garbage behind.
func number(b []byte, limit uint64) (n uint64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n >= limit/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(b) > 0
}

// less is a - b, not below 0.
func less(a, b uint64) uint64 {
	if b > a {
		return 0
	}
	return a - b
}
