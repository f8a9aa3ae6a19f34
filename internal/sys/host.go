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

// CapSysAdmin is CAP_SYS_ADMIN, capabilities(7): it lifts fs.file-max.
const CapSysAdmin = unix.CAP_SYS_ADMIN

// Capable says whether this process has a capability in force, capget(2).
func Capable(capability int) bool {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if unix.Capget(&h, &d[0]) != nil {
		return false
	}
	return d[capability/32].Effective&(1<<(capability%32)) != 0
}
