#!/usr/bin/env bash
# fleet.sh shows what a fleet costs: three agents, each in a network namespace of its
# own behind a bridge, load a server in a fourth, beside one client that does the same
# alone. Then a hundred agents with a handful of connections each, for what the hub
# takes. The table goes to stdout. It needs root and ip(8); `make fleet` calls it.
#
#   CONNS=300000   connections, of the fleet and of the one client
#   AGENTS=100     agents of the second part; 0 leaves it out
#   OUT=out/fleet  where results and logs are kept
set -euo pipefail
cd "$(dirname "$0")/.."

readonly conns=${CONNS:-300000} crowd=${AGENTS:-100} ports=200 server=198.18.0.2
out=$(realpath -m "${OUT:-out/fleet}") client=$PWD/bin/client
readonly out client program=$PWD/bin/server

say() { echo "fleet.sh: $*" >&2; }

[[ $conns =~ ^[1-9][0-9]{2,7}$ ]] || { say "CONNS=$conns: the legal range is 100..99999999"; exit 2; }
[[ $crowd =~ ^[0-9]{1,3}$ ]] || { say "AGENTS=$crowd: the legal range is 0..999"; exit 2; }
((EUID == 0)) || { say "namespaces want root"; exit 1; }
command -v ip >/dev/null || { say "ip is missing (apt-get install iproute2)"; exit 1; }
for need in bin/server bin/client; do
  [[ -x $need ]] || { say "$need is missing: make build"; exit 2; }
done

# All of it in a network and a mount namespace of this script's own: what it makes
# ends with it, and names of others are not in the way.
if [[ ${1-} != --inside ]]; then
  mkdir -p "$out"
  exec unshare --net --mount --pid --fork --kill-child "$0" --inside
fi
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
ip link set lo up
# The address of a bridge changes as ports join, unless it is set: ARP then fails
# for most of a minute.
ip link add br0 address 02:00:00:00:00:01 type bridge
ip addr add 198.18.0.1/24 dev br0
ip link set br0 up

# room NAME ADDRESS makes a namespace on the bridge.
room() {
  ip netns add "$1"
  ip link add "v$1" type veth peer name eth0 netns "$1"
  ip link set "v$1" master br0 up
  ip -n "$1" link set lo up
  ip -n "$1" addr add "$2/24" dev eth0
  ip -n "$1" link set eth0 up
  ip netns exec "$1" sysctl -qw net.ipv4.ip_local_port_range='16384 65535'
}

room server $server
for i in 1 2 3; do room "a$i" "198.18.0.1$i"; done

# of FILE PATH is a number of a result.
of() { python3 -c 'import json,sys; v=json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."): v=v[int(k)] if k.isdigit() else v.get(k,0)
print(v if not isinstance(v,float) else round(v,3))' "$1" "$2"; }

# serve starts a server, stop ends it.
serve() {
  ip netns exec server "$program" --ports $ports --bind 0.0.0.0 --control $server:9090 >server.log 2>&1 &
  serving=$!
  until grep -q '^ready' server.log; do kill -0 $serving; sleep 0.1; done
}
stop() { kill $serving; wait $serving || true; sleep 2; }

readonly to=(--host $server --ports $ports --server-control http://$server:9090)
cd "$out"
rm -f c10m.join ./*.json ./*.log

say "$conns connections by one client"
serve
ip netns exec a1 "$client" hold "${to[@]}" --conns "$conns" --hold 2s --json one.json --quiet
stop

say "the same by three agents"
serve
agents=()
for i in 1 2 3; do
  ip netns exec "a$i" "$client" agent --join "$out/c10m.join" --name "a$i" --allow 198.18.0.0/24 2>"a$i.log" &
  agents+=($!)
done
"$client" hold --fleet 3 --listen 198.18.0.1:4222 "${to[@]}" --conns "$conns" --hold 2s --json fleet.json \
  >fleet.txt 2>fleet.log
kill "${agents[@]}"
wait "${agents[@]}" || true

one=$(of one.json setup.rate) three=$(of fleet.json setup.rate)
cat <<END
connections              $(of fleet.json conns.established) of $conns
the server counts        $(of fleet.json reconcile.server)
setup, one client        $one/s
setup, three agents      $three/s, $(python3 -c "print(round($three/$one,2))") x one client on the same cores
$(grep -ao 'preflight took .*' fleet.log | head -1)
$(grep -ao 'the results of .*' fleet.log | head -1)
END

if ((crowd > 0)); then
  say "$crowd agents for 20 s"
  agents=()
  : >crowd.log
  for ((i = 1; i <= crowd; i++)); do
    "$client" agent --join "$out/c10m.join" --name "$(printf 'c%03d' $i)" 2>>crowd-agents.log &
    agents+=($!)
  done
  "$client" hold --fleet "$crowd" --listen 198.18.0.1:4222 "${to[@]}" --conns $((10 * crowd)) --hold 20s --verify 0 \
    --json crowd.json >crowd.txt 2>crowd.log &
  lead=$!
  until grep -aq 'preflight took' crowd.log; do kill -0 $lead; sleep 0.2; done
  sleep 3
  # The run is the child of the process that the shell has started.
  child=$(pgrep -P $lead)
  ticks() { awk '{print $14 + $15}' "/proc/$child/stat"; }
  before=$(ticks)
  sleep 10
  after=$(ticks)
  wait $lead
  kill "${agents[@]}"
  wait "${agents[@]}" || true
  cat <<END
$crowd agents               $(of crowd.json conns.established) connections
  hub and coordinator    $(python3 -c "print(round(($after-$before)/$(getconf CLK_TCK)/10*100,1))") % of a core
  $(grep -ao 'preflight took .*' crowd.log | head -1)
  $(grep -ao 'the results of .*' crowd.log | head -1)
END
fi
stop
