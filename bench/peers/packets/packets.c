// packets is the least that a client without sockets can be: it opens N TCP
// connections to a server on this machine by writing IP packets into TUN
// devices, keeps 5 bytes a connection, holds them, and ends each with RST (else
// the server's sockets stay as orphans for minutes). Run it inside a network
// namespace of its own, as root: it makes the devices and their routes.
//
//   cc -O2 -pthread -o bin/packets bench/peers/packets/packets.c
//   bin/packets CONNS [PORTS=200 [THREADS=1 [WINDOW=2000 [HOLD=2]]]]
//
// The server must listen on 0.0.0.0:10000.. (PORTS of them). One TUN device and
// one /16 of source addresses a thread, so nothing is shared and the kernel's
// routes steer. One JSON line on stdout; status 1 if it fell short.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_PORT = 10000, FIRST_LOCAL = 2000, LOCALS = 60000, DEADLINE = 300 };

struct part { // of one thread
  int fd;
  long n, sent, again, strange;
  volatile long open;
  uint32_t base;  // first source address
  uint32_t *next; // what we expect from the server: its sequence number + 1
  uint8_t *state; // 0, 1: SYN sent, 2: established
};

struct packet {
  struct virtio_net_hdr v;
  struct iphdr ip;
  struct tcphdr tcp;
  uint8_t option[4];
} __attribute__((packed));

static long ports = 200, window = 2000, hold = 2;
static uint32_t server;
static volatile int quit;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static uint32_t isn(long i) { return ((uint64_t)i * 0x9E3779B97F4A7C15ull) >> 32; }

static void emit(struct part *p, long i, int flags, uint32_t seq, uint32_t ack) {
  struct packet k = {0};
  int opt = flags & TH_SYN ? 4 : 0, len = 40 + opt;
  // NEEDS_CSUM, and the kernel trusts the checksum; DATA_VALID is ignored here.
  k.v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  k.v.csum_start = 20;
  k.v.csum_offset = 16;
  k.ip.version = 4;
  k.ip.ihl = 5;
  k.ip.tot_len = htons(len);
  k.ip.ttl = 64;
  k.ip.protocol = IPPROTO_TCP;
  k.ip.frag_off = htons(0x4000);
  k.ip.saddr = htonl(p->base + i / ports / LOCALS);
  k.ip.daddr = server;
  uint32_t s = 0;
  for (int j = 0; j < 10; j++) s += ((uint16_t *)&k.ip)[j];
  s = (s & 0xffff) + (s >> 16);
  k.ip.check = ~((s & 0xffff) + (s >> 16));
  k.tcp.source = htons(FIRST_LOCAL + i / ports % LOCALS);
  k.tcp.dest = htons(FIRST_PORT + i % ports);
  k.tcp.seq = htonl(seq);
  k.tcp.ack_seq = htonl(ack);
  k.tcp.doff = 5 + opt / 4;
  k.tcp.th_flags = flags;
  k.tcp.window = htons(65535);
  if (opt) memcpy(k.option, "\x02\x04\x05\xb4", 4); // MSS 1460
  if (write(p->fd, &k, sizeof k.v + len) < 0) p->strange++;
}

static void take(struct part *p, struct packet *k) {
  if (k->ip.version != 4 || k->ip.protocol != IPPROTO_TCP) return;
  long i = ((long)(ntohl(k->ip.daddr) - p->base) * LOCALS + ntohs(k->tcp.dest) - FIRST_LOCAL) * ports + ntohs(k->tcp.source) - FIRST_PORT;
  if (i < 0 || i >= p->n || k->tcp.th_flags & TH_RST) {
    p->strange++;
    return;
  }
  if ((k->tcp.th_flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK)) {
    p->next[i] = ntohl(k->tcp.seq) + 1;
    emit(p, i, TH_ACK, isn(i) + 1, p->next[i]);
    if (p->state[i] == 1) {
      p->state[i] = 2;
      p->open++;
    }
  } else if (p->state[i] == 2) { // keepalive probe
    emit(p, i, TH_ACK, isn(i) + 1, p->next[i]);
  }
}

static void *run(void *a) {
  struct part *p = a;
  uint8_t b[4096];
  while (!quit) {
    while (p->sent - p->open < window && p->sent < p->n) {
      p->state[p->sent] = 1;
      emit(p, p->sent, TH_SYN, isn(p->sent), 0);
      p->sent++;
    }
    int got = 0;
    for (int n; (n = read(p->fd, b, sizeof b)) > 0; got++) take(p, (struct packet *)b);
    struct pollfd f = {p->fd, POLLIN, 0};
    if (!got && poll(&f, 1, 200) == 0 && p->open < p->sent)
      for (long i = 0; i < p->sent; i++)
        if (p->state[i] == 1) emit(p, i, TH_SYN, isn(i), 0), p->again++;
  }
  for (long i = 0; i < p->sent; i++)
    if (p->state[i] == 2) emit(p, i, TH_RST | TH_ACK, isn(i) + 1, p->next[i]);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: packets CONNS [PORTS [THREADS [WINDOW [HOLD]]]]\n"), 2;
  long conns = atol(argv[1]), threads = 1;
  if (argc > 2) ports = atol(argv[2]);
  if (argc > 3) threads = atol(argv[3]);
  if (argc > 4) window = atol(argv[4]);
  if (argc > 5) hold = atol(argv[5]);
  server = inet_addr("10.77.0.1");
  struct part *parts = calloc(threads, sizeof *parts);
  pthread_t *ids = calloc(threads, sizeof *ids);
  if (system("ip addr add 10.77.0.1/32 dev lo")) return 1;
  for (long t = 0; t < threads; t++) {
    struct part *p = parts + t;
    struct ifreq r = {0};
    char cmd[200];
    p->n = conns / threads + (t < conns % threads);
    p->base = 0x0A400001u + (t << 16);
    p->next = calloc(p->n + 1, sizeof *p->next);
    p->state = calloc(p->n + 1, 1);
    p->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    snprintf(r.ifr_name, sizeof r.ifr_name, "packets%u", (unsigned)t % 1000u);
    r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    int size = sizeof(struct virtio_net_hdr);
    if (p->fd < 0 || ioctl(p->fd, TUNSETIFF, &r) || ioctl(p->fd, TUNSETVNETHDRSZ, &size) || ioctl(p->fd, TUNSETOFFLOAD, TUN_F_CSUM))
      return perror("packets: TUN"), 1;
    snprintf(cmd, sizeof cmd, "ip link set %s up txqueuelen 50000 && ip route add 10.%ld.0.0/16 dev %s", r.ifr_name, 64 + t, r.ifr_name);
    if (system(cmd)) return 1;
  }
  double began = now(), ended;
  for (long t = 0; t < threads; t++) pthread_create(ids + t, 0, run, parts + t);
  long open, again, strange;
  do {
    usleep(20000);
    open = again = strange = 0;
    for (long t = 0; t < threads; t++) open += parts[t].open, again += parts[t].again, strange += parts[t].strange;
    ended = now();
  } while (open < conns && ended - began < DEADLINE);
  printf("{\"conns\":%ld,\"established\":%ld,\"seconds\":%.3f,\"rate\":%.0f,\"syn_again\":%ld,\"strange\":%ld}\n", conns, open, ended - began, open / (ended - began), again, strange);
  fflush(stdout);
  sleep(hold);
  quit = 1;
  for (long t = 0; t < threads; t++) pthread_join(ids[t], 0);
  sleep(1); // or the devices go before the server has seen the resets
  return open < conns;
}
