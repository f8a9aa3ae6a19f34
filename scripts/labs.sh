#!/usr/bin/env bash
# labs.sh runs every lab once on this machine, briefly, and writes what each found
# to OUT: labs-NAME.json and, as text, labs-NAME.txt. `make labs` builds and calls
# it. It takes about eight minutes. Copied to results/, the .json files become the
# tables of RESULTS.md by `make results`.
#
#   LABS="churn relay workers peak stress echo soak"   which, in this order;
#                   soak-churn as well, which takes half an hour
#   OUT=out/labs
#
# As root everything happens in network namespaces of its own; without root the
# labs that change settings of the network, churn and relay, are left out.
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra labs <<<"${LABS:-churn relay workers peak stress echo soak}"
out=${OUT:-out/labs}
readonly port=10000 relay_port=20000

say() { echo "labs.sh: $*" >&2; }

for lab in "${labs[@]}"; do
  case $lab in
    churn | relay | workers | peak | stress | echo | soak | soak-churn) ;;
    *)
      say "LABS: no lab is called $lab: the legal ones are churn relay workers peak stress echo soak soak-churn"
      exit 2
      ;;
  esac
done
for program in bin/server bin/client; do
  [[ -x $program ]] || { say "$program is missing: make build"; exit 2; }
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

# client NAME ARG... runs a lab; falling short (1) is a result as well.
client() {
  local status=0 name=$1 scenario=$2
  shift 2
  bin/client "$scenario" --json "$out/labs-$name.json" "$@" >"$out/labs-$name.txt" || status=$?
  ((status <= 1)) || exit "$status"
}

lab_churn() {
  ((EUID == 0)) || { say "churn needs root: left out"; return 0; }
  client churn churn --matrix --users 200 --duration 5s
}

# Client, relay, server: what the middle tier leaves behind, by how it uses its
# upstream connections.
lab_relay() {
  ((EUID == 0)) || { say "relay needs root: left out"; return 0; }
  local mode
  for mode in per-request pool keepalive; do
    say "relay, upstream $mode"
    # A namespace each, so that nobody's TIME_WAIT is another's.
    unshare -n bash -euc 'ip link set lo up
      bin/server --tcp '$port':1 --max-conns 2000 --control none >/dev/null 2>&1 & behind=$!
      bin/server --tcp '$relay_port':1 --max-conns 2000 --control none \
        --relay 127.0.0.1:'$port':1 --upstream '$mode$([[ $mode == pool ]] && echo " --pool 50")' \
        >/dev/null 2>&1 & relay=$!
      trap "kill $relay $behind; wait" EXIT
      for ((i = 0; i < 1200; i++)); do (</dev/tcp/127.0.0.1/'$relay_port') 2>/dev/null && break; sleep 0.05; done
      bin/client churn --mode pool --pool 50 --users 50 --duration 5s --first-port '$relay_port' \
        --server-control none --json '"$out/labs-relay-$mode.json"' >/dev/null || (($? == 1))'
  done
}

lab_workers() {
  client workers sweep --server-flag workers=1,2,4 -- stress --users 200 --loops 1000
}

lab_peak() {
  serve --tcp $port:1 --max-conns 100000
  client peak peak --until 'errors>0.1%' 'p99>50ms' --each 3s --max 50000
  cleanup
}

lab_stress() {
  serve --tcp $port:1 --max-conns 10000
  client stress stress --users 300 --loops 1000
  cleanup
}

lab_echo() {
  serve --tcp $port:1 --max-conns 10000
  client echo-closed echo --ports 1 --conns 200 --duration 5s
  client echo-depth echo --ports 1 --conns 200 --duration 5s --depth 16
  client echo-open echo --ports 1 --conns 200 --duration 5s --rate 20k/s --size 64:1024
  cleanup
}

lab_soak() {
  serve --tcp $port:1 --max-conns 10000
  client soak soak --users 50 --duration 90s
  cleanup
}

# A connection for each message, as fast as it goes: does the engine keep anything of
# connections that have come and gone?
lab_soak-churn() {
  serve --engine epoll --tcp $port:4 --max-conns 10000
  client soak-churn soak --mode per-request --users 200 --ports 4 --duration 30m
  cleanup
}

for lab in "${labs[@]}"; do
  say "$lab"
  "lab_$lab"
done
say "results: $out/labs-*.json"
