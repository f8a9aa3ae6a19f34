package sys

import "golang.org/x/sys/unix"

// Waiting is what a system call waits for, as its arguments say it.
type Waiting int

const (
	// WaitsElsewhere: for something that is no fd, or not for long.
	WaitsElsewhere Waiting = iota
	// OnFD: the first argument is the fd.
	OnFD
	// OnPoll: the first points to struct pollfd, the second is how many there are.
	OnPoll
	// OnSelect: the first is the highest fd and one more.
	OnSelect
	// OnEpoll: whatever an epoll instance watches.
	OnEpoll
)

// SystemCall is one of those in which a thread may wait for a socket.
type SystemCall struct {
	Name  string
	Waits Waiting
}

// calls are by number, syscalls(2). More are in a file of the architecture.
var calls = map[int64]SystemCall{
	unix.SYS_READ: {"read", OnFD}, unix.SYS_WRITE: {"write", OnFD},
	unix.SYS_READV: {"readv", OnFD}, unix.SYS_WRITEV: {"writev", OnFD},
	unix.SYS_CONNECT: {"connect", OnFD}, unix.SYS_SENDTO: {"send", OnFD}, unix.SYS_RECVFROM: {"recv", OnFD},
	unix.SYS_SENDMSG: {"sendmsg", OnFD}, unix.SYS_RECVMSG: {"recvmsg", OnFD},
	unix.SYS_SENDMMSG: {"sendmmsg", OnFD}, unix.SYS_RECVMMSG: {"recvmmsg", OnFD},
	unix.SYS_PPOLL: {"poll", OnPoll}, unix.SYS_PSELECT6: {"select", OnSelect},
	unix.SYS_EPOLL_PWAIT: {"epoll_wait", OnEpoll}, unix.SYS_EPOLL_PWAIT2: {"epoll_wait", OnEpoll},
}

// CallOf is the system call of a number, as /proc/PID/syscall has it.
func CallOf(number int64) SystemCall {
	if c, ok := calls[number]; ok {
		return c
	}
	return oldCalls[number]
}
