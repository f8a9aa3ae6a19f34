package sys

import "golang.org/x/sys/unix"

// oldCalls are those that younger architectures do without.
var oldCalls = map[int64]SystemCall{
	unix.SYS_POLL: {"poll", OnPoll}, unix.SYS_SELECT: {"select", OnSelect},
	unix.SYS_EPOLL_WAIT: {"epoll_wait", OnEpoll},
}
