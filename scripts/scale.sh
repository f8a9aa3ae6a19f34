#!/usr/bin/env bash
# scale.sh says what a large machine holds, and how its setup rate grows with its
# cores. It builds nothing: it needs root and the three static programs
# (CGO_ENABLED=0 make build) in bin/. It writes out/scale/scale.json, all results in
# one file, and out/scale/scale.md, a table, and ends by itself within LIMIT seconds.
#
#   CONNS=10000000  connections of the large run at most, over PORTS ports: as many as
#                   memory and limits allow
#   PORTS=200
#   STEP=500000     the same of each run with 1, 2, 4, 8, 16 ... cores
#   LIMIT=520       seconds for everything, at least 60
set -euo pipefail
cd "$(dirname "$0")/.."

readonly conns=${CONNS:-10000000} ports=${PORTS:-200} step=${STEP:-500000} limit=${LIMIT:-520} dir=out/scale
readonly ending=25 # seconds that an interrupted run may take to end

say() { echo "scale.sh: $*" >&2; }

((EUID == 0)) || { say "network namespaces need root"; exit 1; }
for n in "$conns" "$step"; do
  [[ $n =~ ^[1-9][0-9]{3,8}$ ]] || { say "$n: CONNS and STEP are whole numbers from 1000 to 999999999"; exit 2; }
done
[[ $ports =~ ^[1-9][0-9]{0,3}$ ]] && ((ports <= 4096)) || { say "PORTS=$ports: the legal range is 1..4096"; exit 2; }
[[ $limit =~ ^[1-9][0-9]{1,4}$ ]] && ((limit >= 60)) || { say "LIMIT=$limit: the legal range is 60..99999"; exit 2; }
for program in bin/server bin/client bin/tuning; do
  [[ -x $program ]] || { say "$program is missing: CGO_ENABLED=0 make build"; exit 2; }
done
command -v taskset >/dev/null || { say "taskset is missing (util-linux)"; exit 1; }
rm -rf "$dir"
mkdir -p "$dir"

# The processors that may be used, which need not be the first ones.
cpus=()
for range in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g'); do
  for ((c = ${range%-*}; c <= ${range#*-}; c++)); do cpus+=("$c"); done
done
readonly cores=${#cpus[@]}

# one NAME CORES ENGINE CONNS SECONDS FLAGS is one run on the first CORES processors.
one() {
  local seconds=$5 left=$((limit - SECONDS - ending))
  ((seconds <= left)) || seconds=$left
  if ((seconds < 15)); then
    say "$1: no time is left for it"
    return
  fi
  say "$1: up to $4 connections, $3, $2 cores, at most $seconds s"
  ENGINE=$3 CONNS=auto PORTS=$ports OUT=$dir/$1.json CLIENT_FLAGS="--cap $4 --quiet $6" \
    timeout -s INT -k "$((ending - 5))" "$seconds" taskset -c "$(IFS=,; echo "${cpus[*]:0:$2}")" scripts/run.sh \
    >"$dir/$1.txt" 2>"$dir/$1.log" || say "$1 ended with status $?, see $dir/$1.log"
}

steps=()
for ((n = 1; n < cores; n *= 2)); do steps+=("$n"); done
steps+=("$cores")
# The large run first: it is what nobody else can tell.
one large-epoll "$cores" epoll "$conns" $((limit / 2)) "--hold 5s --verify 10000"
for n in "${steps[@]}"; do
  for engine in epoll gnet; do
    one "$n-$engine" "$n" "$engine" "$step" 60 "--hold 1s --verify 1000"
  done
done

results=()
for f in "$dir"/large-epoll.json $(ls -v "$dir"/[0-9]*.json 2>/dev/null); do
  [[ ! -s $f ]] || results+=("$f")
done
((${#results[@]})) || { say "no run left a result, see $dir"; exit 1; }

# Every run's figures in one file, and as a table.
{
  comma='{'
  for f in "${results[@]}"; do
    printf '%s"%s": ' "$comma" "$(basename "$f" .json)"
    cat "$f"
    comma=,
  done
  echo '}'
} >"$dir/scale.json.part"
mv "$dir/scale.json.part" "$dir/scale.json"

readonly figures=(conns.established conns.failed conns.lost setup.rate memory.kernel_bytes_per_conn
  memory.server_bytes_per_conn memory.client_bytes_per_conn)
for f in "${results[@]}"; do
  name=$(basename "$f" .json)
  echo "$name $cores $(bin/client report "$f" "${figures[@]/#/--figure=}" | tr '\n' ';')"
done >"$dir/figures.txt"
{
  echo "### Up to $cores cores"
  echo
  echo "Linux $(uname -r), $cores CPUs, $(awk '/MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)," \
    "fd limit $(ulimit -Hn | sed ':a; s/\B[0-9]\{3\}\>/,&/; ta')," \
    "$(bin/client --version | sed 's/.*(\(commit [^,]*\),.*/\1/'), $(date -u '+%F %R UTC')."
  echo
  # shellcheck disable=SC2016 # $1 is awk's
  awk '
    function commas(n, s) {
      s = sprintf("%.0f", n)
      while (s ~ /[0-9][0-9][0-9][0-9]/) sub(/[0-9][0-9][0-9](,|$)/, ",&", s)
      return s
    }
    # An empty figure was not measured.
    function cell(text, tail) { return text == "" ? "-" : commas(text) tail }
    function bytes(text) { return text == "" || text >= 100 ? cell(text, " B") : sprintf("%.1f B", text) }
    BEGIN {
      print "| cores | server | established | failed | lost | setup/s | × one core | kernel | server | client |"
      print "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    }
    {
      split($1, name, "-")
      n = split($3, f, ";")
      large = name[1] == "large"
      if (name[1] == 1) alone[name[2]] = f[4]
      ratio = large || f[4] == "" || !alone[name[2]] ? "" : f[4] / alone[name[2]]
      printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", large ? $2 : name[1], name[2], cell(f[1]),
        cell(f[2]), cell(f[3]), cell(f[4]), ratio == "" ? "-" : sprintf("%.2f", ratio),
        bytes(f[5]), bytes(f[6]), bytes(f[7])
    }' "$dir/figures.txt"
  echo
  echo "\`scripts/scale.sh\`. Bytes are a connection's, by the slope of the ramp; \`CONNS\` was $conns in the first" \
    "row and $step in the others, or as many as memory and limits allow."
} | tee "$dir/scale.md"
