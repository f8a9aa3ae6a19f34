#!/usr/bin/env bash
# bench.sh repeats the measurements of RESULTS.md and writes its tables to
# out/bench/tables.md. `make bench` builds and calls it. Each run has a network
# namespace of its own with 8,388,608 hash buckets (netns.sh), so root is needed.
# Figures that are compared come from one round: yardstick, both engines of the
# server and both of the client take turns.
#
#   ROUNDS=5      rounds at WARM and SMALL connections, and of echo
#   WARM=380000   connections that fit into memory which is warm already
#   SMALL=1000000
#   BIG=2500000   one round; 0 leaves it out
#   HUGE=5500000  one round of a client without sockets; 0 leaves it out. More than
#                 fs.epoll.max_user_watches is on 24 GiB: it is raised meanwhile
set -euo pipefail
cd "$(dirname "$0")/.."

readonly rounds=${ROUNDS:-5} warm=${WARM:-380000} small=${SMALL:-1000000} big=${BIG:-2500000} huge=${HUGE:-5500000} dir=out/bench
readonly pause=8 # seconds for the kernel to take an ended namespace apart

say() { echo "bench.sh: $*" >&2; }

((EUID == 0)) || { say "network namespaces need root"; exit 1; }
for n in "$rounds" "$warm" "$small" "$big" "$huge"; do
  [[ $n =~ ^[0-9]{1,8}$ ]] || { say "$n: ROUNDS, WARM, SMALL, BIG and HUGE are whole numbers"; exit 2; }
done
rm -rf "$dir"
mkdir -p "$dir"

# floor N FILE measures the bare C pair.
floor() {
  say "floor: $1 connections"
  scripts/netns.sh -- bin/floor "$1" --ports 200 >"$2" || say "floor ended with status $?"
  sleep "$pause"
}

# yardstick N FILE measures the least that a client without sockets can be, with
# our epoll engine at the other end.
yardstick() {
  say "yardstick of packets: $1 connections"
  local log=${2%.json}.log
  # shellcheck disable=SC2016 # the inner shell expands
  scripts/netns.sh -- bash -c '
    bin/server --engine epoll --ports 200 --tcp 10000:200 --ws none --bind 0.0.0.0 --control none --max-conns "$1" >out/.yardstick &
    server=$!
    trap "kill $server; wait $server || true" EXIT
    for ((i = 0; i < 600; i++)); do grep -q ^ready out/.yardstick && break; sleep 0.1; done
    bin/packets "$1" 200 2 2000 2' _ "$1" >"$2" 2>"$log" || say "yardstick ended with status $?, see $log"
  sleep "$pause"
}

# ours ENGINE N FILE FLAGS [PROTO] measures server and client.
ours() {
  say "$1: $2 connections, ${5:-tcp} $4"
  ENGINE=$1 CONNS=$2 OUT=$3 PROTO=${5:-tcp} SCENARIO=hold CLIENT_FLAGS=$4 scripts/run.sh >"${3%.json}.txt" 2>"${3%.json}.log" || say "ended with status $?, see ${3%.json}.log"
  sleep "$pause"
}

# echoes NAME FILE FLAGS [PROTO [CONNS]] measures echo; NAME is an engine of the
# server, raw for raw epoll in Go, or packets for a client without sockets.
echoes() {
  local server='' engine=$1 flags="--hold 8s --verify 0 $3"
  case $1 in
    raw) server='bin/rawepoll --tcp 10000:200' engine=gnet flags+=' --server-control none' ;;
    packets) engine=epoll flags+=' --engine packets' ;;
  esac
  say "echo: $1 ${4:-tcp} $3"
  ENGINE=$engine CONNS=${5:-1000} OUT=$2 PROTO=${4:-tcp} SCENARIO=echo SERVER=$server CLIENT_FLAGS=$flags \
    scripts/run.sh >"${2%.json}.txt" 2>"${2%.json}.log" || say "echo ended with status $?, see ${2%.json}.log"
  sleep 1
}

# round SIZE N I FLAGS is one round at a size: everybody takes a turn.
round() {
  floor "$2" "$dir/floor-$1-$3.json"
  ours gnet "$2" "$dir/gnet-$1-$3.json" "$4"
  ours epoll "$2" "$dir/epoll-$1-$3.json" "$4"
  yardstick "$2" "$dir/yardstick-$1-$3.json"
  ours epoll "$2" "$dir/packets-$1-$3.json" "$4 --engine packets"
}

for ((i = 1; i <= rounds; i++)); do
  ((warm == 0)) || round warm "$warm" "$i" "--hold 2s"
  if ((small > 0)); then
    round small "$small" "$i" "--hold 5s"
    ours gnet "$small" "$dir/ws-gnet-small-$i.json" "--hold 5s" ws
    ours epoll "$small" "$dir/ws-epoll-small-$i.json" "--hold 5s" ws
  fi
  for server in raw gnet epoll packets; do
    echoes $server "$dir/echo-64-$server-$i.json" '--size 64'
  done
  for server in raw gnet epoll; do
    echoes $server "$dir/echo-64k-$server-$i.json" '--size 65536' tcp 100
  done
  for server in gnet epoll; do
    echoes $server "$dir/echo-ws64-$server-$i.json" '--size 64' ws
    echoes $server "$dir/echo-ws64k-$server-$i.json" '--size 65536' ws 100
    echoes $server "$dir/echo-many-$server-$i.json" '--size 64 --rate 10k' tcp 100000
  done
done
if ((big > 0)); then round big "$big" 1 "--hold 10s --verify 10000"; fi
readonly watches=/proc/sys/fs/epoll/max_user_watches
if ((huge > 0)); then
  was=$(<"$watches")
  if ((was < huge + 100000)); then # a watch a connection, and a reserve
    trap 'echo "$was" >"$watches"' EXIT
    echo $((huge + 100000)) >"$watches"
  fi
  ours epoll "$huge" "$dir/packets-huge-1.json" "--hold 10s --verify 10000 --engine packets"
fi
readonly allocs="go test -run '^\$' -bench . -benchmem ./internal/loadgen ./internal/echo/..."
eval "$allocs" >"$dir/allocs.txt" || say "benchmarks ended with status $?"
{
  bin/bench tables "$dir"
  printf '\n### No allocation per message\n\n`%s`\n\n```\n' "$allocs"
  grep '^Benchmark' "$dir/allocs.txt" || true
  echo '```'
} | tee "$dir/tables.md"
