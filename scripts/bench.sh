#!/usr/bin/env bash
# bench.sh repeats the measurements of RESULTS.md and writes its tables to
# out/bench/tables.md. `make bench` builds and calls it. Each run has a network
# namespace of its own with 8,388,608 hash buckets (netns.sh), so root is needed.
# Figures that are compared come from one round: yardstick, both engines of the
# server and both of the client take turns.
#
#   PARTS="warm small big echo defaults memory huge"  what is measured; files of other
#                 parts stay as an earlier call left them, so that the parts can be run
#                 one by one
#   ROUNDS=5      rounds of each part; of memory and huge one
#   WARM=380000   connections that fit into memory which is warm already; also with the
#                 server's default flags (defaults)
#   SMALL=1000000 also with default flags, and closed, to see what comes back (memory)
#   BIG=2500000   of this size and of SMALL the first round has everybody, the others
#                 floor and engines
#   HUGE=5500000  one round of a client without sockets. More than
#                 fs.epoll.max_user_watches is on 24 GiB: it is raised meanwhile
set -euo pipefail
cd "$(dirname "$0")/.."

readonly parts=" ${PARTS:-warm small big echo defaults memory huge} " rounds=${ROUNDS:-5}
readonly warm=${WARM:-380000} small=${SMALL:-1000000} big=${BIG:-2500000} huge=${HUGE:-5500000} dir=out/bench
readonly pause=8 # seconds for the kernel to take an ended namespace apart

say() { echo "bench.sh: $*" >&2; }

((EUID == 0)) || { say "network namespaces need root"; exit 1; }
for n in "$rounds" "$warm" "$small" "$big" "$huge"; do
  [[ $n =~ ^[1-9][0-9]{0,7}$ ]] ||
    { say "$n: ROUNDS, WARM, SMALL, BIG and HUGE are whole numbers from 1 to 99999999"; exit 2; }
done
for part in $parts; do
  [[ $part =~ ^(warm|small|big|echo|defaults|memory|huge)$ ]] ||
    { say "$part: PARTS takes warm, small, big, echo, defaults, memory and huge"; exit 2; }
done
mkdir -p "$dir"

# wanted PART is true for a part that is asked for; what an earlier call left of it goes.
wanted() {
  [[ $parts == *" $1 "* ]] || return 1
  rm -f "$dir"/*"$1"-*
}

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
    bin/server --engine epoll --ports 200 --tcp 10000:200 --ws none --bind 0.0.0.0 --control none \
      --max-conns "$1" >out/.yardstick &
    server=$!
    trap "kill $server; wait $server || true" EXIT
    for ((i = 0; i < 600; i++)); do grep -q ^ready out/.yardstick && break; sleep 0.1; done
    bin/packets "$1" 200 2 2000 2' _ "$1" >"$2" 2>"$log" || say "yardstick ended with status $?, see $log"
  sleep "$pause"
}

# ours ENGINE N FILE FLAGS [PROTO] measures server and client.
ours() {
  say "$1: $2 connections, ${5:-tcp} $4"
  ENGINE=$1 CONNS=$2 OUT=$3 PROTO=${5:-tcp} SCENARIO=hold CLIENT_FLAGS=$4 \
    scripts/run.sh >"${3%.json}.txt" 2>"${3%.json}.log" || say "ended with status $?, see ${3%.json}.log"
  sleep "$pause"
}

# unsized is ours with a server that was told no more than --ports.
unsized() { SERVER="bin/server --engine $1 --ports 200" ours "$@"; }

# echoes NAME FILE FLAGS [PROTO [CONNS]] measures echo; NAME is an engine of the
# server, raw for raw epoll in Go, raws for several of them, below the fd limit each,
# or packets for a client without sockets.
echoes() {
  local server='' engine=$1 flags="--hold 8s --verify 0 $3"
  case $1 in
    raw) server='bin/rawepoll --tcp 10000:200' engine=gnet flags+=' --server-control none' ;;
    raws) server='bench/peers/rawepoll/several.sh 8' engine=gnet flags+=' --server-control none' ;;
    packets) engine=epoll flags+=' --engine packets' ;;
  esac
  say "echo: $1 ${4:-tcp} $3"
  ENGINE=$engine CONNS=${5:-1000} OUT=$2 PROTO=${4:-tcp} SCENARIO=echo SERVER=$server CLIENT_FLAGS=$flags \
    scripts/run.sh >"${2%.json}.txt" 2>"${2%.json}.log" || say "echo ended with status $?, see ${2%.json}.log"
  sleep 1
}

# engines SIZE N I FLAGS lets the floor and both engines of the server take a turn.
engines() {
  floor "$2" "$dir/floor-$1-$3.json"
  ours gnet "$2" "$dir/gnet-$1-$3.json" "$4"
  ours epoll "$2" "$dir/epoll-$1-$3.json" "$4"
}

# round SIZE N I FLAGS is one round at a size: everybody takes a turn.
round() {
  engines "$@"
  yardstick "$2" "$dir/yardstick-$1-$3.json"
  ours epoll "$2" "$dir/packets-$1-$3.json" "$4 --engine packets"
}

part_warm() { round warm "$warm" "$1" "--hold 2s"; }

part_small() {
  if (($1 > 1)); then
    engines small "$small" "$1" "--hold 2s"
    return
  fi
  round small "$small" 1 "--hold 5s"
  for server in gnet epoll; do
    ours $server "$small" "$dir/ws-$server-small-1.json" "--hold 5s" ws
  done
}

part_big() {
  if (($1 == 1)); then
    round big "$big" 1 "--hold 10s --verify 10000"
  else
    engines big "$big" "$1" "--hold 2s"
  fi
}

part_echo() {
  local i=$1
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
  echoes raws "$dir/echo-many-raw-$i.json" '--size 64 --rate 10k' tcp 100000
}

part_defaults() {
  floor "$warm" "$dir/floor-defaults-$1.json"
  for server in gnet epoll; do
    ours $server "$warm" "$dir/sized-$server-defaults-$1.json" "--hold 2s"
    unsized $server "$warm" "$dir/$server-defaults-$1.json" "--hold 2s"
  done
}

part_memory() {
  for server in gnet epoll; do
    unsized $server "$small" "$dir/$server-memory-$1.json" "--hold 2s --settle 30s"
    unsized $server "$small" "$dir/ws-$server-memory-$1.json" "--hold 2s --settle 30s" ws
  done
}

readonly watches=/proc/sys/fs/epoll/max_user_watches
part_huge() {
  local was
  was=$(<"$watches")
  if ((was < huge + 100000)); then # a watch a connection, and a reserve
    # shellcheck disable=SC2064 # the value of now is meant
    trap "echo $was >$watches" EXIT
    echo $((huge + 100000)) >"$watches"
  fi
  ours epoll "$huge" "$dir/packets-huge-1.json" "--hold 10s --verify 10000 --engine packets"
}

for part in warm small big echo defaults memory huge; do
  wanted "$part" || continue
  for ((i = 1; i <= rounds; i++)); do
    "part_$part" "$i"
    [[ $part != huge && $part != memory ]] || break
  done
done
readonly allocs="go test -run '^\$' -bench . -benchmem ./internal/loadgen ./internal/echo/..."
eval "$allocs" >"$dir/allocs.txt" || say "benchmarks ended with status $?"
{
  bin/bench tables "$dir"
  printf '\n### No allocation per message\n\n`%s`\n\n```\n' "$allocs"
  grep '^Benchmark' "$dir/allocs.txt" || true
  echo '```'
} | tee "$dir/tables.md"
