#!/usr/bin/env bash
# labs.sh runs every lab once on this machine, briefly, and writes what it found
# to OUT (default results): labs-NAME.json each, and labs.md, the tables that
# RESULTS.md shows. `make labs` builds and calls it. It takes about six minutes.
#
#   LABS="churn relay workers peak stress echo soak"   which, in this order
#   OUT=results
#
# As root everything happens in network namespaces of its own; without root the
# labs that change settings of the network, churn and relay, are left out.
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra labs <<<"${LABS:-churn relay workers peak stress echo soak}"
out=${OUT:-results}
readonly port=10000 relay_port=20000

say() { echo "labs.sh: $*" >&2; }

for lab in "${labs[@]}"; do
  case $lab in
    churn | relay | workers | peak | stress | echo | soak) ;;
    *) say "LABS: no lab is called $lab: the legal ones are churn relay workers peak stress echo soak"; exit 2 ;;
  esac
done
for program in bin/server bin/client bin/labtable; do
  [[ -x $program ]] || { say "$program is missing: make build, then go build -o bin/labtable ./scripts/labtable"; exit 2; }
done
mkdir -p "$out"
if [[ -z ${C10M_LABS:-} ]]; then
  C10M_LABS=1 exec scripts/netns.sh --ehash 0 -- "$0"
fi

# started are the processes to end, children first.
started=()
cleanup() {
  trap - EXIT
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    kill -TERM "${started[i]}" 2>/dev/null || true
    wait "${started[i]}" 2>/dev/null || true
  done
  started=()
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# serve starts a server and waits until it is ready.
serve() {
  local line
  line=$(mktemp)
  setpriv --pdeathsig TERM -- bin/server "$@" >"$line" 2>/dev/null &
  started+=($!)
  for ((i = 0; i < 1200; i++)); do
    ! grep -q '^ready' "$line" || break
    kill -0 "${started[-1]}" 2>/dev/null || { say "the server ended before it was ready: bin/server $*"; exit 1; }
    sleep 0.05
  done
  rm -f "$line"
}

# client runs a lab; falling short (1) is a result as well.
client() {
  local status=0
  bin/client "$@" >/dev/null || status=$?
  ((status <= 1)) || exit "$status"
}

lab_churn() {
  ((EUID == 0)) || { say "churn needs root: left out"; return 0; }
  client churn --matrix --users 200 --duration 5s --json "$out/labs-churn.json"
  bin/labtable "$out/labs-churn.json"
}

# Client, relay, server: what the middle tier leaves behind, by how it uses its
# upstream connections.
lab_relay() {
  ((EUID == 0)) || { say "relay needs root: left out"; return 0; }
  local mode files=()
  for mode in per-request pool keepalive; do
    say "relay, upstream $mode"
    # A namespace each, so that nobody's TIME_WAIT is another's.
    unshare -n bash -euc 'ip link set lo up
      bin/server --tcp '$port':1 --max-conns 2000 --control none >/dev/null 2>&1 & behind=$!
      bin/server --tcp '$relay_port':1 --max-conns 2000 --control none --relay 127.0.0.1:'$port':1 --upstream '$mode' --pool 50 >/dev/null 2>&1 & relay=$!
      trap "kill $relay $behind; wait" EXIT
      for ((i = 0; i < 1200; i++)); do (</dev/tcp/127.0.0.1/'$relay_port') 2>/dev/null && break; sleep 0.05; done
      bin/client churn --mode pool --pool 50 --users 50 --duration 5s --first-port '$relay_port' --server-control none --json '"$out/labs-relay-$mode.json"' >/dev/null || (($? == 1))'
    files+=("$mode=$out/labs-relay-$mode.json")
  done
  echo '`bin/server --tcp 20000:1 --relay 127.0.0.1:10000:1 --upstream per-request|pool|keepalive --pool 50`, `bin/client churn --mode pool --pool 50 --users 50 --duration 5s --first-port 20000`'
  bin/labtable "${files[@]}"
  echo
}

lab_workers() {
  client sweep --server-flag workers=1,2,4 --json "$out/labs-workers.json" -- stress --users 200 --loops 1000
  bin/labtable "$out/labs-workers.json"
}

lab_peak() {
  serve --tcp $port:1 --max-conns 100000
  client peak --until 'errors>0.1%' 'p99>50ms' --each 3s --max 50000 --json "$out/labs-peak.json"
  cleanup
  bin/labtable "$out/labs-peak.json"
}

lab_stress() {
  serve --tcp $port:1 --max-conns 10000
  client stress --users 300 --loops 1000 --json "$out/labs-stress.json"
  cleanup
  bin/labtable "$out/labs-stress.json"
}

lab_echo() {
  serve --tcp $port:1 --max-conns 10000
  client echo --ports 1 --conns 200 --duration 5s --json "$out/labs-echo-closed.json"
  client echo --ports 1 --conns 200 --duration 5s --depth 16 --json "$out/labs-echo-depth.json"
  client echo --ports 1 --conns 200 --duration 5s --rate 20k/s --size 64:1024 --json "$out/labs-echo-open.json"
  cleanup
  bin/labtable "$out"/labs-echo-{closed,depth,open}.json
}

lab_soak() {
  serve --tcp $port:1 --max-conns 10000
  client soak --users 50 --duration 90s --json "$out/labs-soak.json"
  cleanup
  bin/labtable "$out/labs-soak.json"
}

for lab in "${labs[@]}"; do
  say "$lab"
  "lab_$lab" >"$out/labs-$lab.md"
done
for lab in "${labs[@]}"; do
  echo "### $lab"
  echo
  cat "$out/labs-$lab.md"
done >"$out/labs.md"
say "tables: $out/labs.md"
