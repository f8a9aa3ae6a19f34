#!/usr/bin/env bash
# bench.sh repeats the measurements of RESULTS.md and writes its tables to
# out/bench/tables.md. `make bench` builds and calls it. Each run has a network
# namespace of its own with 8,388,608 hash buckets (netns.sh), so root is needed.
#
#   ROUNDS=3      rounds of floor and c10m, TCP and WebSocket, in turn, at SMALL
#                 connections, and of echo
#   SMALL=1000000 BIG=2500000  connections; BIG=0 leaves that run out
set -euo pipefail
cd "$(dirname "$0")/.."

readonly rounds=${ROUNDS:-3} small=${SMALL:-1000000} big=${BIG:-2500000} dir=out/bench
readonly pause=8 # seconds for the kernel to take an ended namespace apart

say() { echo "bench.sh: $*" >&2; }

((EUID == 0)) || { say "network namespaces need root"; exit 1; }
rm -rf "$dir"
mkdir -p "$dir"

# floor N FILE measures the bare C pair.
floor() {
  say "floor: $1 connections"
  scripts/netns.sh -- bin/floor "$1" --ports 200 >"$2" || say "floor ended with status $?"
  sleep "$pause"
}

# ours N FILE FLAGS [PROTO] measures server and client.
ours() {
  say "c10m: $1 connections, ${4:-tcp}"
  CONNS=$1 OUT=$2 PROTO=${4:-tcp} SCENARIO=hold CLIENT_FLAGS=$3 scripts/run.sh >"${2%.json}.txt" 2>"${2%.json}.log" || say "c10m ended with status $?"
  sleep "$pause"
}

# echoes SERVER FILE [CONTROL [PROTO CONNS SIZE]] measures closed-loop echo, of
# 64 B over 1,000 connections unless told otherwise.
echoes() {
  say "echo: ${1:-bin/server}, ${4:-tcp}, ${6:-64} B"
  CONNS=${5:-1000} OUT=$2 PROTO=${4:-tcp} SCENARIO=echo SERVER=$1 \
    CLIENT_FLAGS="--hold 8s --verify 0 --size ${6:-64} --server-control ${3:-auto}" \
    scripts/run.sh >"${2%.json}.txt" 2>"${2%.json}.log" || say "echo ended with status $?"
  sleep 1
}

for ((i = 1; i <= rounds; i++)); do
  floor "$small" "$dir/floor-small-$i.json"
  ours "$small" "$dir/ours-small-$i.json" "--hold 5s"
  ours "$small" "$dir/ws-small-$i.json" "--hold 5s" ws
  echoes "" "$dir/echo-gnet-$i.json"
  echoes "bin/rawepoll --tcp 10000:200" "$dir/echo-raw-$i.json" none
  echoes "" "$dir/echo-ws-$i.json" auto ws
  for proto in tcp ws; do
    echoes "" "$dir/echo64k-$proto-$i.json" auto $proto 100 65536
  done
done
if ((big > 0)); then
  floor "$big" "$dir/floor-big-1.json"
  ours "$big" "$dir/ours-big-1.json" "--hold 10s --verify 10000"
fi
readonly allocs="go test -run '^\$' -bench . -benchmem ./internal/loadgen ./internal/shard"
eval "$allocs" >"$dir/allocs.txt" || say "benchmarks ended with status $?"
{
  bin/bench tables "$dir"
  printf '\n### No allocation per message\n\n`%s`\n\n```\n' "$allocs"
  grep -v '^ok\|^PASS' "$dir/allocs.txt"
  echo '```'
} | tee "$dir/tables.md"
