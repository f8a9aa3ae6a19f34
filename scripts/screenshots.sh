#!/usr/bin/env bash
# screenshots.sh makes the README's pictures anew from a run of 20,000
# connections, TCP and WebSocket: docs/live.png, the server's live page while it
# goes on, and docs/report.png, the report once it is over. `make screenshots`
# builds and calls it. As root it works in a network namespace of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in bin/server bin/client; do
  [[ -x $program ]] || { echo "screenshots.sh: $program is missing: make build" >&2; exit 2; }
done
if [[ -z ${C10M_NETNS:-} ]]; then
  exec env C10M_NETNS=no scripts/netns.sh --ports 10000:200 --ports 15000:200 --ports 9090:1 -- scripts/screenshots.sh
fi

work=$(mktemp -d)
server='' client=''
cleanup() {
  trap - EXIT
  for p in $client $server; do
    kill -TERM "$p" 2>/dev/null || true
    wait "$p" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p docs
(cd tests/browser && go build -o "$work/picture" ./picture)

bin/server --ports 200 --max-conns 24000 --workers 4 >"$work/ready" &
server=$!
for ((i = 0; i < 600; i++)); do
  ! grep -q '^ready' "$work/ready" || break
  kill -0 "$server" 2>/dev/null || { echo 'screenshots.sh: the server ended before it was ready' >&2; exit 1; }
  sleep 0.1
done

# The page first, so that its curves begin with the run. It has the picture
# taken once everything is open and messages have gone on for a while.
"$work/picture" --width 1180 --until '
  document.querySelector("#tiles dd.value")?.textContent === "20,000" &&
  document.getElementById("c-messages").querySelector("path.curve")?.getAttribute("d").split("L").length > 55 &&
  Number(document.querySelectorAll("#tiles dd.value")[2].textContent.replace(/[^0-9]/g, "")) > 1000' \
  http://127.0.0.1:9090/ docs/live.png &
picture=$!
sleep 4 # so that the page sees the beginning
bin/client --proto tcp,ws --ports 200 --conns 20000 --rate 700/s --interval 4s --hold 40s --quiet \
  --json "$work/run.json" &
client=$!
wait "$picture"
wait "$client"
client=
bin/client report "$work/run.json" --html "$work/report.html" >/dev/null
"$work/picture" --width 1000 --height 990 "file://$work/report.html" docs/report.png
ls -l docs/live.png docs/report.png
