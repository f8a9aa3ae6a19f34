//go:build ignore

// The line above keeps the go command away: this file is built by the
// Makefile with cc.
//
// floor is the least that TCP connections can cost on this machine: N pairs on
// loopback, both ends raw epoll in C, in forked workers with an fd table each.
// It keeps no state per connection, so what it takes is the kernel's share,
// and how fast it connects is what any client and server could reach at most.
//
//   floor CONNS [--ports N] [--workers N] [--hold SECONDS] [--timeout SECONDS]
//
// Worker w of W serves the ports 10000+w, 10000+w+W, ... and its client
// connects to just these. One JSON line on stdout (bytes, seconds); exit status
// 0: all established, 1: fell short, 2: bad usage.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_PORT = 10000, MAX_PORTS = 55536, MAX_WORKERS = 8192, RESERVE = 16 };

// slot is what one worker pair counts; a cache line each, because every
// connection writes to it.
struct slot {
  volatile long con, acc, epoll_failed;
  volatile int error; // errno of the first failure
  volatile int listening, connector, done;
} __attribute__((aligned(64)));

static struct shared {
  volatile int go, quit;
  struct slot slot[];
} *s;

static long total, ports, workers, hold = 1, timeout = 400;
static pid_t *kids;
static int nkids;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void usage(const char *why, const char *what) {
  fprintf(stderr, "floor: %s %s\nusage: floor CONNS [--ports N] [--workers N] [--hold SECONDS] [--timeout SECONDS]\n", why, what);
  exit(2);
}

static long number(const char *name, const char *text, long low, long high) {
  char *end, range[128];
  long v = text && *text ? strtol(text, &end, 10) : low - 1;
  if (v < low || v > high || *end) {
    snprintf(range, sizeof range, "%s: the legal range is %ld..%ld", text ? text : "(nothing)", low, high);
    usage(name, range);
  }
  return v;
}

static void stop_kids(void) {
  for (int i = 0; i < nkids; i++) kill(kids[i], SIGKILL);
  for (int i = 0; i < nkids; i++) waitpid(kids[i], 0, 0);
}

static void die(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  stop_kids();
  exit(1);
}

// share is how many of n go to worker w.
static long share(long n, long w) { return n / workers + (w < n % workers); }

static struct sockaddr_in address(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return a;
}

static void server_worker(long w) {
  struct slot *me = &s->slot[w];
  int ep = epoll_create1(0), last = -1, one = 1;
  if (ep < 0) goto broken;
  for (long p = w; p < ports; p += workers) {
    struct sockaddr_in a = address(FIRST_PORT + p);
    last = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(last, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = last};
    if (bind(last, (void *)&a, sizeof a) || listen(last, 65535) || epoll_ctl(ep, EPOLL_CTL_ADD, last, &e)) goto broken;
  }
  me->listening = 1;
  struct epoll_event ev[128];
  while (!s->quit) {
    int n = epoll_wait(ep, ev, 128, 100);
    for (int i = 0; i < n; i++) {
      int l = ev[i].data.fd;
      if (l > last) continue; // listeners were made first: lower fds
      for (;;) {
        int f = accept4(l, 0, 0, SOCK_NONBLOCK);
        if (f < 0) {
          if (errno != EAGAIN && !me->error) me->error = errno;
          break;
        }
        struct epoll_event x = {.events = EPOLLIN, .data.fd = f};
        if (epoll_ctl(ep, EPOLL_CTL_ADD, f, &x)) __sync_fetch_and_add(&me->epoll_failed, 1);
        me->acc++;
      }
    }
  }
  _exit(0);
broken:
  me->error = errno;
  _exit(1);
}

static void client_worker(long w) {
  struct slot *me = &s->slot[w];
  long mine = share(total, w), port = w;
  int ep = epoll_create1(0);
  me->connector = 1;
  while (!s->go && !s->quit) usleep(1000);
  for (long i = 0; i < mine; i++) {
    struct sockaddr_in a = address(FIRST_PORT + port);
    if ((port += workers) >= ports) port = w;
    int f = socket(AF_INET, SOCK_STREAM, 0);
    if (f < 0 || connect(f, (void *)&a, sizeof a)) {
      me->error = errno;
      break;
    }
    struct epoll_event x = {.events = EPOLLIN, .data.fd = f};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, f, &x)) __sync_fetch_and_add(&me->epoll_failed, 1);
    me->con++;
  }
  me->done = 1;
  while (!s->quit) usleep(100000);
  _exit(0);
}

static void start(void (*work)(long), long w) {
  pid_t parent = getpid(), p = fork();
  if (p < 0) die("fork worker");
  if (p == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); // however the parent ends, nothing stays
    if (getppid() != parent) _exit(1);
    work(w);
  }
  kids[nkids++] = p;
}

// mem is the machine's memory at one moment, bytes, /proc/meminfo. used is
// MemTotal - MemFree - page cache; MemAvailable would miss a third of what
// sockets cost, because their inodes count as reclaimable.
struct mem {
  long used, slab, tcp;
};

static struct mem memory(void) {
  struct mem m = {0, 0, -1};
  char line[512], key[64];
  long v, size;
  FILE *f = fopen("/proc/meminfo", "r");
  if (!f) die("open /proc/meminfo");
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "%63[^:]: %ld", key, &v) != 2) continue;
    v *= 1024;
    if (!strcmp(key, "MemTotal")) m.used += v;
    if (!strcmp(key, "MemFree") || !strcmp(key, "Buffers") || !strcmp(key, "Cached") || !strcmp(key, "SwapCached")) m.used -= v;
    if (!strcmp(key, "Slab")) m.slab = v;
  }
  fclose(f);
  if (!(f = fopen("/proc/slabinfo", "r"))) return m; // root only
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "%63s %ld %ld", key, &v, &size) == 3 && !strcmp(key, "TCP")) m.tcp = v;
  fclose(f);
  return m;
}

// settled is memory once it stands still (512 KiB) for half a second, or after
// 10 s: forks and a namespace that just ended give theirs back late.
static struct mem settled(void) {
  struct mem last = memory(), m = last;
  for (int i = 0, still = 0; i < 100 && still < 5; i++, last = m) {
    usleep(100000);
    m = memory();
    still = labs(m.used - last.used) < 512 << 10 ? still + 1 : 0;
  }
  return m;
}

// server_cpu is the processor time of the server's workers so far, seconds: the
// first of the children, clock_getcpuclockid(3).
static double server_cpu(void) {
  double sum = 0;
  for (long w = 0; w < workers; w++) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(kids[w], &clock) || clock_gettime(clock, &t)) continue;
    sum += t.tv_sec + t.tv_nsec / 1e9;
  }
  return sum;
}

// sums over all workers.
struct sums {
  long con, acc, epoll_failed, up, done;
  int error;
};

static struct sums sum(void) {
  struct sums t = {0};
  for (long w = 0; w < workers; w++) {
    struct slot *x = &s->slot[w];
    t.con += x->con, t.acc += x->acc, t.epoll_failed += x->epoll_failed;
    t.up += x->listening + x->connector, t.done += x->done;
    if (!t.error) t.error = x->error;
  }
  return t;
}

// await returns once n workers are up.
static void await(long n) {
  double t0 = now();
  for (;;) {
    struct sums t = sum();
    if (t.up == n) return;
    errno = t.error ? t.error : ETIMEDOUT;
    if (t.error || now() - t0 > 30) die("start workers");
    usleep(1000);
  }
}

// ramp lets the clients go and returns when both ends have everything, when
// nothing has moved for 5 s after the last connect, or at the timeout. It
// returns the seconds taken, and when the first and the last tenth were passed.
static double ramp(double *first, double *last) {
  double t0 = now(), t = 0, moved = 0;
  struct sums a = {0}, b;
  for (s->go = 1;; a = b) {
    double before = t;
    usleep(10000);
    t = now() - t0, b = sum();
    double slope = (t - before) / (b.con > a.con ? b.con - a.con : 1);
    if (a.con < total / 10 && b.con >= total / 10) *first = before + (total / 10 - a.con) * slope;
    if (a.con < total - total / 10 && b.con >= total - total / 10) *last = before + (total - total / 10 - a.con) * slope;
    if (b.con != a.con || b.acc != a.acc) moved = t;
    if (b.con == total && b.acc >= total) return t;
    if (t > timeout || (b.done == workers && t - moved > 5)) return moved;
  }
}

// fit chooses the number of workers: one a CPU, and as many as the fd limit asks for.
static void fit(long at_least) {
  struct rlimit r;
  if (getrlimit(RLIMIT_NOFILE, &r)) die("read RLIMIT_NOFILE");
  r.rlim_cur = r.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &r)) die("raise RLIMIT_NOFILE to its hard limit");
  for (workers = at_least; workers <= MAX_WORKERS; workers++) {
    long each = ports < workers ? 1 : (ports + workers - 1) / workers;
    if ((rlim_t)(share(total, 0) + each + RESERVE) <= r.rlim_cur) break;
  }
  if (workers > MAX_WORKERS) usage("CONNS:", "too many for this limit on open files, see ulimit -Hn");
  if (ports == 0) ports = workers > 200 ? workers : 200;
  if (ports < workers) usage("--ports:", "fewer than workers; every worker needs a port of its own");
  int low = 32768, high = 60999;
  FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
  if (f && fscanf(f, "%d %d", &low, &high) == 2) fclose(f);
  if (share(total, 0) / (ports / workers) > high - low) usage("--ports:", "more connections on a port than ip_local_port_range has; give more");
}

int main(int argc, char **argv) {
  long at_least = sysconf(_SC_NPROCESSORS_ONLN);
  if (argc < 2) usage("CONNS", "is missing");
  total = number("CONNS", argv[1], 1, 100000000);
  for (int i = 2; i < argc; i += 2) {
    if (!strcmp(argv[i], "--ports")) ports = number(argv[i], argv[i + 1], 1, MAX_PORTS);
    else if (!strcmp(argv[i], "--workers")) at_least = number(argv[i], argv[i + 1], 1, MAX_WORKERS);
    else if (!strcmp(argv[i], "--hold")) hold = number(argv[i], argv[i + 1], 0, 3600);
    else if (!strcmp(argv[i], "--timeout")) timeout = number(argv[i], argv[i + 1], 1, 86400);
    else usage("unknown flag", argv[i]);
  }
  if (ports && ports < at_least) at_least = ports;
  if (total < at_least) at_least = total;
  fit(at_least);
  s = mmap(0, sizeof *s + workers * sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  kids = calloc(2 * workers, sizeof *kids);
  if (s == MAP_FAILED || !kids) die("allocate counters");
  for (long w = 0; w < workers; w++) start(server_worker, w);
  await(workers);
  for (long w = 0; w < workers; w++) start(client_worker, w);
  await(2 * workers);
  struct mem before = settled();
  double cpu = server_cpu(), first = 0, last = 0, seconds = ramp(&first, &last);
  cpu = server_cpu() - cpu;
  sleep(hold);
  struct mem after = settled();
  struct sums t = sum();
  printf("{\"conns\":%ld,\"failed\":%ld,\"accepted\":%ld,\"seconds\":%.3f,\"rate\":%.0f,", t.con, total - t.con, t.acc, seconds, seconds > 0 ? t.con / seconds : 0);
  if (t.con == total && first > 0 && seconds > last)
    printf("\"rate_first_tenth\":%.0f,\"rate_last_tenth\":%.0f,", total / 10 / first, total / 10 / (seconds - last));
  printf("\"server_cpu\":%.3f,", cpu);
  printf("\"epoll_add_failed\":%ld,\"workers\":%ld,\"ports\":%ld,\"slab_before\":%ld,\"slab_after\":%ld,", t.epoll_failed, workers, ports, before.slab, after.slab);
  printf("\"used_before\":%ld,\"used_after\":%ld", before.used, after.used);
  if (after.tcp >= 0) printf(",\"tcp_objs_before\":%ld,\"tcp_objs\":%ld", before.tcp, after.tcp);
  if (t.error) printf(",\"error\":\"%s\"", strerror(t.error));
  printf("}\n");
  fflush(stdout);
  s->quit = 1;
  stop_kids();
  return t.con == total && t.acc >= total && !t.epoll_failed ? 0 : 1;
}
