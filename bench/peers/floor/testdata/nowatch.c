//go:build ignore

// nowatch makes every hundredth EPOLL_CTL_ADD fail with ENOSPC, as
// fs.epoll.max_user_watches does: see epoll_ctl(2). For LD_PRELOAD.
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

int epoll_ctl(int ep, int op, int fd, struct epoll_event *e) {
  static long n;
  if (op == EPOLL_CTL_ADD && ++n % 100 == 0) {
    errno = ENOSPC;
    return -1;
  }
  return syscall(SYS_epoll_ctl, ep, op, fd, e);
}
