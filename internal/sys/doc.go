// Package sys makes the system calls that package net and os have not: sockets and
// epoll(7) by fd, resource limits, fd tables of a thread's own (unshare(2)
// CLONE_FILES), shared memory, scheduling, SO_REUSEPORT steering by classic BPF, TUN
// devices, lists of sockets by sock_diag(7), files replaced as a whole.
//
// It is the only package that imports golang.org/x/sys and netlink. It decides
// nothing: calls for one fd among millions return an Errno, which allocates
// nothing, all others an error that names the system call.
//
//	ep, err := sys.NewEpoll() // "epoll_create1: too many open files"
//	if err != nil {
//		return err
//	}
//	if errno := ep.Add(fd, sys.EpollIn, int32(slot), 0); errno != 0 {
//		return os.NewSyscallError("epoll_ctl", errno)
//	}
package sys
