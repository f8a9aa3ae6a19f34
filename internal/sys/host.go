package sys

import (
	"os"

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

// MachineMemory is the machine's memory in bytes.
type MachineMemory struct{ Total, Free, Buffers uint64 }

// Memory is sysinfo(2). It knows nothing of the page cache beyond buffers.
func Memory() (MachineMemory, error) {
	var s unix.Sysinfo_t
	if err := unix.Sysinfo(&s); err != nil {
		return MachineMemory{}, os.NewSyscallError("sysinfo", err)
	}
	unit := uint64(s.Unit)
	return MachineMemory{Total: uint64(s.Totalram) * unit, Free: uint64(s.Freeram) * unit,
		Buffers: uint64(s.Bufferram) * unit}, nil
}

// TotalMemory is the machine's memory in bytes; 0: not known.
func TotalMemory() uint64 {
	m, _ := Memory()
	return m.Total
}
