#!/usr/bin/env bash
# several.sh N starts N raw epoll servers (bin/rawepoll), each with its part of the
# ports 10000 to 10199 and one loop, so that together they hold more connections than
# the fd limit gives one process. It prints "ready" once all accept, and ends them
# when it is ended itself. Run it from the repository's root.
set -euo pipefail

readonly first=10000 ports=200 n=${1:-}
[[ $n =~ ^[1-9][0-9]{0,2}$ ]] && ((n <= ports)) ||
  { echo "several.sh: N=$n: the legal range is 1..$ports" >&2; exit 2; }

said=$(mktemp)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -f "$said"' EXIT
trap 'exit 0' HUP INT TERM
for ((i = 0; i < n; i++)); do
  from=$((ports * i / n))
  GOMAXPROCS=1 setpriv --pdeathsig TERM -- bin/rawepoll \
    --tcp "$((first + from)):$((ports * (i + 1) / n - from))" >>"$said" &
  servers+=($!)
done
until (($(grep -c ^ready "$said" || true) == n)); do
  for server in "${servers[@]}"; do
    kill -0 "$server" 2>/dev/null || { echo "several.sh: a server ended before it was ready" >&2; exit 1; }
  done
  sleep 0.05
done
echo "ready rawepoll tcp $first:$ports, $n processes"
wait
