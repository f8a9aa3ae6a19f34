#!/usr/bin/env bash
# pagecost.sh measures what one viewer of the server's live page costs: it holds
# CONNS idle connections, takes the processor time of the process that answers
# (the supervisor, or the only one) over as many seconds without a viewer and
# with one, and prints the line for RESULTS.md. It wants bin/ built.
#
#   CONNS=100000  connections
#   TIME=30       seconds of each
#   LIMIT=0.01    cores that the viewer may cost; more is status 1
#
# As root all of it happens in a network namespace of its own (netns.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly conns=${CONNS:-100000} seconds=${TIME:-30} limit=${LIMIT:-0.01} control=9090
readonly open_seconds=1200 # until all connections are open
readonly rest=10           # seconds that both ends get to come to rest

say() { echo "pagecost.sh: $*" >&2; }

[[ $conns =~ ^[1-9][0-9]{0,7}$ ]] || { say "CONNS=$conns: the legal range is 1..99999999"; exit 2; }
[[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] || { say "TIME=$seconds: the legal range is 1..9999"; exit 2; }
[[ $limit =~ ^[0-9]+(\.[0-9]+)?$ ]] || { say "LIMIT=$limit: want a number of cores, like 0.01"; exit 2; }
for program in bin/server bin/client bin/tuning; do
  [[ -x $program ]] || { say "$program is missing: make build"; exit 2; }
done
if [[ -z ${C10M_NETNS:-} ]]; then
  exec env C10M_NETNS=no scripts/netns.sh --ports 10000:200 --ports 15000:200 --ports "$control:1" -- \
    scripts/pagecost.sh
fi

runner='' viewer=''
events=$(mktemp)
cleanup() {
  trap - EXIT
  for p in $viewer $runner; do
    kill -TERM "$p" 2>/dev/null || true
    wait "$p" 2>/dev/null || true
  done
  rm -f "$events"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# get prints the answer to GET $1, until whoever answers closes.
get() {
  exec 3<>"/dev/tcp/127.0.0.1/$control" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$1" >&3
  cat <&3
  exec 3>&-
}

# field prints the first number of that name in the server's report.
field() { get '/footprint?memory=0' 2>/dev/null | grep -o "\"$1\":[0-9]*" | head -1 | cut -d: -f2; }

# used prints the processor time of process $1 so far, clock ticks, proc(5).
used() {
  local line
  line=$(<"/proc/$1/stat")
  read -ra line <<<"${line##*) }"
  echo $((line[11] + line[12]))
}

SCENARIO=hold CONNS=$conns PORTS=200 PROTO=tcp OUT=out/pagecost.json \
  CLIENT_FLAGS="--hold 12h --verify 0 --server-control none --quiet" scripts/run.sh &
runner=$!
for ((i = 0; ; i++)); do
  kill -0 "$runner" 2>/dev/null || { say "the run ended before all connections were open"; exit 1; }
  open=$(field open || true)
  [[ ${open:-0} -lt $conns ]] || break
  ((i < open_seconds)) || { say "after $open_seconds s only ${open:-0} of $conns connections were open"; exit 1; }
  sleep 1
done
pid=$(field pid) processes=$(get /metrics | grep -c '^c10m_shard_connections{')
sleep $rest

ticks=$(getconf CLK_TCK)
before=$(used "$pid")
sleep "$seconds"
without=$(($(used "$pid") - before))

get /events >"$events" &
viewer=$!
before=$(used "$pid")
sleep "$seconds"
with=$(($(used "$pid") - before))
samples=$(grep -c '^event: sample' "$events" || true)
((samples * 10 >= seconds * 8)) || { say "the viewer got $samples samples in $seconds s, not one each second"; exit 1; }
[[ $(field open) == "$conns" ]] || { say "not all connections were still open at the end"; exit 1; }

awk -v n="$conns" -v p="$processes" -v s="$seconds" -v a="$without" -v b="$with" -v hz="$ticks" \
  -v limit="$limit" 'BEGIN {
  share = (b - a) / hz / s
  printf "With %d connections open in %d process%s, one viewer of the live page costs %.2f %% of a core: " \
    "%.2f s of processor time in %d s, %.2f s without.\n",
    n, p, p == 1 ? "" : "es", share * 100, b / hz, s, a / hz
  exit share >= limit
}' || { say "that is not less than $limit cores"; exit 1; }
