package sys

import "golang.org/x/sys/unix"

// Errno is a kernel error number, errno(3); 0 is success. Hot paths return it
// rather than an error so that nothing is allocated.
type Errno = unix.Errno

// The error numbers that callers tell apart.
const (
	EAGAIN        = unix.EAGAIN
	EINTR         = unix.EINTR
	EINPROGRESS   = unix.EINPROGRESS
	EADDRNOTAVAIL = unix.EADDRNOTAVAIL
	EADDRINUSE    = unix.EADDRINUSE
	ECONNREFUSED  = unix.ECONNREFUSED
	ECONNRESET    = unix.ECONNRESET
	ECONNABORTED  = unix.ECONNABORTED
	ETIMEDOUT     = unix.ETIMEDOUT
	EHOSTUNREACH  = unix.EHOSTUNREACH
	ENETUNREACH   = unix.ENETUNREACH
	EMFILE        = unix.EMFILE
	ENFILE        = unix.ENFILE
	ENOBUFS       = unix.ENOBUFS
	ENOMEM        = unix.ENOMEM
	ENOSPC        = unix.ENOSPC
	EPIPE         = unix.EPIPE
	EPERM         = unix.EPERM
	EINVAL        = unix.EINVAL
)
