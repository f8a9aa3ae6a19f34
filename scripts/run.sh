#!/usr/bin/env bash
# run.sh is the main job on one machine: it starts the server, lets the client
# open and hold connections to it, and ends both. `make run` builds and calls it.
#
#   CONNS=N|auto  connections (default: what this machine can hold, at most 1M)
#   PORTS=200     listening ports
#   PROTO=tcp     protocols: tcp, ws or tcp,ws
#   ENGINE=gnet   the server's engine: gnet or epoll
#   SCENARIO=hold the client's scenario
#   CLIENT_FLAGS, SERVER_FLAGS  more flags for either; SERVER=CMD another server
#                 that prints "ready" (bench.sh compares with it)
#   OUT=out/last.json  the result; without OUT there is a page as well, out/last.html
#
# As root all of it happens in a network namespace of its own (netns.sh). The
# status is the client's.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly conns=${CONNS:-} ports=${PORTS:-200} proto=${PROTO:-tcp}
readonly engine=${ENGINE:-gnet}
readonly scenario=${SCENARIO:-hold} out=${OUT:-out/last.json} other=${SERVER:-}
read -ra more <<<"${CLIENT_FLAGS:-}"
read -ra served <<<"${SERVER_FLAGS:-}"
readonly cap=1000000      # unless CONNS says otherwise
readonly start_seconds=60 # until the server is ready
readonly stop_seconds=40  # until the server has drained (--drain 30s)
readonly signal_seconds=5 # the same after a signal

say() { echo "run.sh: $*" >&2; }

[[ $ports =~ ^[1-9][0-9]{0,3}$ ]] && ((ports <= 4096)) || { say "PORTS=$ports: the legal range is 1..4096"; exit 2; }
# Also as 10M, 2.5M or 10_000_000, as the programs take it (unit.ParseCount).
[[ -z $conns || $conns == auto || $conns =~ ^[0-9][0-9_]*(\.[0-9]+)?[kKmMgG]?$ && $conns =~ [1-9] ]] ||
  { say "CONNS=$conns: want a whole number from 1, like 1000000 or 2.5M, or auto"; exit 2; }
[[ $proto == tcp || $proto == ws || $proto == tcp,ws ]] ||
  { say "PROTO=$proto: the legal values are tcp, ws and tcp,ws"; exit 2; }
[[ $engine == gnet || $engine == epoll ]] || { say "ENGINE=$engine: the legal values are gnet and epoll"; exit 2; }
for program in bin/server bin/client bin/tuning; do
  [[ -x $program ]] || { say "$program is missing: make build"; exit 2; }
done
if [[ -z ${C10M_NETNS:-} ]]; then
  exec env C10M_NETNS=no scripts/netns.sh --ports "10000:$ports" --ports "15000:$ports" --ports 9090:1 -- scripts/run.sh
fi

# Job control: each program gets a process group of its own, so that Ctrl-C
# reaches this script alone and it can end them in order, client first; and
# setpriv ends them even if this script is killed.
set -m
server='' client='' caught=''
mkdir -p out
readonly line=out/.server.$$

# alive says whether process $1 still runs.
alive() { [[ -n $1 ]] && kill -0 "$1" 2>/dev/null; }

# stop ends the $1, process $2, within $3 seconds: SIGTERM, then SIGKILL to its whole
# group, of which the shell then has nothing to say.
stop() {
  alive "$2" || return 0
  kill -TERM "$2" 2>/dev/null || true
  for ((i = 0; i < $3 * 20; i++)); do
    alive "$2" || break
    sleep 0.05
  done
  if alive "$2"; then
    say "the $1 (process $2) did not end within $3 s: killed"
    disown "$2" 2>/dev/null || true
    kill -KILL -- "-$2" 2>/dev/null || true
  fi
}

# cleanup ends what still runs. After a signal a server has as long as it takes to
# notice that a million clients are gone, but no whole drain; and nobody waits until
# the kernel has closed the sockets of a process that was killed.
cleanup() {
  trap - EXIT
  trap '' HUP INT TERM
  if [[ -n $caught ]]; then
    stop client "$client" 1
    stop server "$server" $signal_seconds
  else
    stop client "$client" 5
    stop server "$server" $stop_seconds
    wait 2>/dev/null || true
  fi
  rm -f "$line"
}
trap cleanup EXIT

# A signal goes to the client, which ends with its report so far; if it is not
# running yet or any more, this script ends.
forward() {
  caught+=" $2"
  if alive "$client"; then kill -"$1" "$client" 2>/dev/null || true; else exit "$2"; fi
}
trap 'forward TERM 129' HUP
trap 'forward INT 130' INT
trap 'forward TERM 143' TERM

case $conns in
  '') size=(--conns auto --cap "$cap") limit=$cap ;;
  *) size=(--conns "$conns") limit=$conns ;;
esac
[[ $proto == tcp ]] || size+=(--proto "$proto")

# The namespace is ours alone: its part of the tuning table is applied there.
if [[ $C10M_NETNS == 1 ]]; then
  status=0
  bin/tuning apply --scope namespace --conns "${limit/auto/10M}" --ports "$ports" --state none >out/tuning.txt ||
    status=$?
  ((status != 2)) || exit 2 # CONNS is outside its range, which tuning has said
  ((status == 0)) || say "not every setting of the namespace could be applied, see out/tuning.txt"
fi

# A small run is not held for the ten seconds that a large one is; --hold in
# CLIENT_FLAGS, which come last, says otherwise.
hold=()
if [[ $scenario == hold && $conns =~ ^[0-9]{1,4}$ ]]; then hold=(--hold 2s); fi

page=
[[ -n ${OUT:-} ]] || page=out/last.html
files=(--json "$out" ${page:+--html "$page"})
rm -f "$out" ${page:+"$page"}
if [[ -n $other ]]; then
  read -ra program <<<"$other"
else
  program=(bin/server --engine "$engine" --ports "$ports" --max-conns "$limit" "${served[@]}")
fi
setpriv --pdeathsig TERM -- "${program[@]}" >"$line" &
server=$!
for ((i = 0; ; i++)); do
  ! grep -q '^ready' "$line" 2>/dev/null || break
  if ! alive "$server"; then
    status=0
    wait "$server" || status=$?
    say "the server ended before it was ready, status $status"
    exit "$((status ? status : 1))"
  fi
  ((i < start_seconds * 20)) || { say "the server was not ready within $start_seconds s"; exit 1; }
  sleep 0.05
done

say "$(grep -m1 '^ready' "$line")"

setpriv --pdeathsig TERM -- bin/client "$scenario" --ports "$ports" "${size[@]}" ${hold+"${hold[@]}"} \
  "${files[@]}" ${more+"${more[@]}"} &
client=$!
# A signal that forward passes on ends wait early, while the client goes on.
while :; do
  seen=$caught status=0
  wait "$client" || status=$?
  [[ $seen != "$caught" ]] || break
done
client=
if [[ -s $out ]]; then say "the result is in $out${page:+, the same as a page in $page}"; fi
exit "$status"
