#!/usr/bin/env bash
# scale.sh says what a large machine holds, and how its setup rate grows with its
# cores. It builds nothing: it needs root and the three static programs
# (CGO_ENABLED=0 make build) in bin/. It writes out/scale/scale.json and
# out/scale/scale.md, and ends by itself within LIMIT seconds.
#
#   CONNS=10000000  connections of the large run, over PORTS ports; it takes what
#                   memory and limits allow
#   PORTS=200
#   STEP=500000     connections of each run with 1, 2, 4, 8, 16 ... cores
#   LIMIT=520       seconds for everything
set -euo pipefail
cd "$(dirname "$0")/.."

readonly conns=${CONNS:-10000000} ports=${PORTS:-200} step=${STEP:-500000} limit=${LIMIT:-520} dir=out/scale

say() { echo "scale.sh: $*" >&2; }

((EUID == 0)) || { say "network namespaces need root"; exit 1; }
for n in "$conns" "$ports" "$step" "$limit"; do
  [[ $n =~ ^[1-9][0-9]{0,8}$ ]] || { say "$n: CONNS, PORTS, STEP and LIMIT are whole numbers from 1"; exit 2; }
done
for program in bin/server bin/client bin/tuning; do
  [[ -x $program ]] || { say "$program is missing: CGO_ENABLED=0 make build"; exit 2; }
done
command -v taskset >/dev/null || { say "taskset is missing (util-linux)"; exit 1; }
rm -rf "$dir"
mkdir -p "$dir"

# left is how many seconds remain for a run that may take at most $1.
left() {
  local rest=$((limit - SECONDS - 5))
  echo $((rest < $1 ? rest : $1))
}

# one NAME CORES ENGINE CONNS SECONDS FLAGS is one run on the first CORES cores.
one() {
  local seconds
  seconds=$(left "$5")
  if ((seconds < 15)); then
    say "$1: no time is left for it"
    return
  fi
  say "$1: $4 connections, $3, $2 cores, at most $seconds s"
  ENGINE=$3 CONNS=$4 PORTS=$ports OUT=$dir/$1.json CLIENT_FLAGS="$6 --quiet" \
    timeout -s INT -k 20 "$seconds" taskset -c "0-$(($2 - 1))" scripts/run.sh >"$dir/$1.txt" 2>"$dir/$1.log" || say "$1 ended with status $?, see $dir/$1.log"
}

cores=$(nproc)
steps=()
for ((n = 1; n < cores; n *= 2)); do steps+=("$n"); done
steps+=("$cores")
# The large run first: it is what nobody else can tell.
one large-epoll "$cores" epoll "$conns" $((limit / 2)) "--hold 5s"
for n in "${steps[@]}"; do
  for engine in epoll gnet; do
    one "cores-$n-$engine" "$n" "$engine" "$step" 60 "--hold 1s --verify 1000"
  done
done

# Every run's figures in one file, and as a table.
readonly figures=(conns.established conns.failed conns.lost setup.rate memory.kernel_bytes_per_conn memory.server_bytes_per_conn memory.client_bytes_per_conn)
{
  echo '{'
  comma=
  for f in "$dir"/*.json; do
    [[ -s $f && $f != "$dir/scale.json" ]] || continue
    printf '%s"%s": ' "$comma" "$(basename "$f" .json)"
    cat "$f"
    comma=,
  done
  echo '}'
} >"$dir/scale.json.part"
mv "$dir/scale.json.part" "$dir/scale.json"
{
  echo "### One machine: $cores cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), Linux $(uname -r)"
  echo
  echo '`scripts/scale.sh`'
  echo
  echo '| run | established | failed | lost | setup/s | kernel B | server B | client B |'
  echo '|---|---|---|---|---|---|---|---|'
  for f in "$dir"/large-epoll.json $(ls -v "$dir"/cores-*.json 2>/dev/null); do
    [[ -s $f ]] || continue
    printf '| %s |' "$(basename "$f" .json)"
    # An empty field is a figure that was not measured.
    bin/client report "$f" "${figures[@]/#/--figure=}" | awk '{ printf $1 == "" ? "  |" : " %.0f |", $1 } END { print "" }'
  done
} | tee "$dir/scale.md"
