package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SharedMemory makes an anonymous memory file, memfd_create(2), of size bytes,
// zeroed, to be inherited by child processes and mapped by each.
func SharedMemory(name string, size int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create shared memory: %w", os.NewSyscallError("memfd_create", err))
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(int64(size)); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("size shared memory: %w", err)
	}
	return f, nil
}

// Map maps size bytes of f, shared between all that map it, mmap(2).
func Map(f *os.File, size int) ([]byte, error) {
	mem, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map shared memory: %w", os.NewSyscallError("mmap", err))
	}
	return mem, nil
}
