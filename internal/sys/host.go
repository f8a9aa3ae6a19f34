package sys

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kernel is uname(2)'s release, for example 6.18.44.
func Kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// TotalMemory is the machine's memory in bytes, sysinfo(2).
func TotalMemory() uint64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return uint64(s.Totalram) * uint64(s.Unit)
}

// NrOpen is fs.nr_open, the most that RLIMIT_NOFILE can be raised to; the
// kernel's default, 1048576, where it cannot be read.
func NrOpen() uint64 {
	b, err := os.ReadFile("/proc/sys/fs/nr_open")
	if err != nil {
		return 1 << 20
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 1 << 20
	}
	return n
}

// initialUserNS is the initial user namespace by its inode, which the kernel fixes:
// PROC_USER_INIT_INO of linux/proc_ns.h. /proc/self/uid_map does not tell: a child
// namespace may map every id to itself.
const initialUserNS = "user:[4026531837]"

// PassesFileMax says whether fs.file-max does not bind this process: it has
// CAP_SYS_ADMIN in force, capget(2), and has it in the initial user namespace
// (capabilities(7), alloc_empty_file of fs/file_table.c). In a container without
// root, or after unshare -U, it has it in a namespace of its own only.
func PassesFileMax() bool {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if unix.Capget(&h, &d[0]) != nil || d[0].Effective&(1<<unix.CAP_SYS_ADMIN) == 0 {
		return false
	}
	ns, err := os.Readlink("/proc/self/ns/user")
	return err == nil && ns == initialUserNS
}
