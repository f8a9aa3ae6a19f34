package sys

import (
	"fmt"
	"os"
	"unsafe"

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

// Alloc takes n zeroed bytes straight from the kernel, mmap(2): the garbage
// collector neither scans nor counts them, and a page costs nothing before it
// is first written.
func Alloc(n int) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("take %d bytes of memory: %w", n, os.NewSyscallError("mmap", err))
	}
	// Huge pages would make memory resident that no connection uses yet.
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE)
	return mem, nil
}

// Free gives back what Alloc took, munmap(2).
func Free(mem []byte) { _ = unix.Munmap(mem) }

// Clear zeroes mem, wherever it lies, and gives the pages that are wholly in it back to
// the kernel.
func Clear(mem []byte) {
	page := uintptr(os.Getpagesize())
	at, n := uintptr(unsafe.Pointer(unsafe.SliceData(mem))), uintptr(len(mem))
	first := min(n, (page-at%page)%page)
	last := max(first, n-min(n, (at+n)%page))
	clear(mem[:first])
	clear(mem[last:])
	if last > first {
		Empty(mem[first:last])
	}
}

// Empty gives the pages of mem back to the kernel and leaves them zeroed,
// madvise(2) MADV_DONTNEED. mem must begin at a page of Alloc's.
func Empty(mem []byte) { _ = unix.Madvise(mem, unix.MADV_DONTNEED) }
