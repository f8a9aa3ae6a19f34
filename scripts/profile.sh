#!/usr/bin/env bash
# profile.sh says where the processors' time goes while connections are set up.
# perf(1) samples every processor from the first connect until all connections
# are established, beside the floor and then beside c10m with either engine; each
# sample counts for the system call that it was taken in. Two tables go to stdout,
# per connection: microseconds of processor time by place, both ends together, and
# what the threads of each program got (/proc/PID/task/TID/schedstat). It needs root,
# perf (Debian: linux-perf) and `make build peers`; `make profile` calls it.
#
#   CONNS=1000000  connections
#   PROTO=tcp      of c10m: tcp or ws
#   OUT=out/profile  where the samples are kept
set -euo pipefail
cd "$(dirname "$0")/.."

readonly conns=${CONNS:-1000000} proto=${PROTO:-tcp} out=${OUT:-out/profile} hertz=199

say() { echo "profile.sh: $*" >&2; }

[[ $conns =~ ^[1-9][0-9]{3,7}$ ]] || { say "CONNS=$conns: the legal range is 1000..99999999"; exit 2; }
[[ $proto == tcp || $proto == ws ]] || { say "PROTO=$proto: the legal values are tcp and ws"; exit 2; }
((EUID == 0)) || { say "perf wants root to sample the kernel"; exit 1; }
command -v perf >/dev/null || { say "perf is missing (apt-get install linux-perf)"; exit 1; }
readonly pairs=(floor gnet epoll)
for program in bin/server bin/client bin/floor; do
  [[ -x $program ]] || { say "$program is missing: make build peers"; exit 2; }
done
mkdir -p "$out"
if [[ ${1-} != --in-namespace ]]; then
  for pair in "${pairs[@]}"; do
    scripts/netns.sh -- "$0" --in-namespace "$pair"
    sleep 8 # seconds for the kernel to take an ended namespace apart
  done
fi

# inuse N says whether this namespace has N TCP sockets, listening ones as well.
# It starts no program: that would be in the samples.
inuse() {
  local line
  while read -ra line; do
    if [[ ${line[0]} == TCP: ]]; then
      ((line[2] >= $1))
      return
    fi
  done </proc/net/sockstat
  return 1
}

# threads prints the threads of this namespace's programs: "PROGRAM TID", then
# nanoseconds on a processor, nanoseconds ready and waiting, and time slices; and
# "machine 0 0 0" with all context switches. It starts no program either.
threads() {
  local comm task what n
  for comm in /proc/[0-9]*/comm; do
    [[ ${comm%/*}/ns/net -ef /proc/self/ns/net ]] || continue
    read -r what 2>/dev/null <"$comm" || continue
    [[ $what == server || $what == client || $what == floor ]] || continue
    for task in "${comm%/*}"/task/*; do
      { read -r n <"$task/schedstat"; } 2>/dev/null && echo "$what ${task##*/} $n"
    done
  done
  while read -r what n; do
    [[ $what != ctxt ]] || echo "machine 0 0 0 $n"
  done </proc/stat
}

# sampled CMD... runs a pair of programs and samples until both ends of all
# connections are there, or the pair has ended.
sampled() {
  "$@" &
  local pair=$!
  until inuse 1 || ! kill -0 $pair 2>/dev/null; do sleep 0.05; done
  perf record -q -a -g -F $hertz -o "$out/$name.data" 2>"$out/$name.perf.log" &
  local perf=$!
  threads >"$out/$name.before"
  until inuse $((2 * conns)) || ! kill -0 $pair 2>/dev/null; do sleep 0.1; done
  threads >"$out/$name.after"
  kill -INT $perf
  wait $perf || true
  wait $pair || say "$name ended with status $?"
}

if [[ ${1-} == --in-namespace ]]; then
  readonly name=$2
  if [[ $name == floor ]]; then
    sampled bin/floor "$conns" --ports 200 --hold 1 >"$out/floor.json"
  else
    CONNS=$conns PROTO=$proto ENGINE=$name OUT=$out/$name.json SCENARIO=hold \
      CLIENT_FLAGS="--hold 1s --verify 0 --settle 0s --quiet" sampled scripts/run.sh
  fi
  exit
fi

# where turns samples into lines "PAIR|WHERE".
where() {
  perf script -i "$out/$1.data" -F comm,ip,sym 2>/dev/null | awk -v pair="$1" '
    BEGIN { RS = ""; FS = "\n" }
    { sub(/^ +/, "", $1) }
    $1 ~ /^swapper/ { next }
    {
      call = match($0, /_sys_[a-z0-9_]+/) ? substr($0, RSTART + 5, RLENGTH - 5) : ""
      if (/allocate_slab|new_slab/) what = "new pages for slabs"
      else if (call == "connect") what = "connect(2) and both handshakes within"
      else if (call ~ /^(socket|accept4|epoll_ctl)$/) what = call "(2)"
      else if (call ~ /^(epoll_p?wait|futex|nanosleep|sched_yield)$/)
        what = "waiting: epoll_wait(2), futex(2), nanosleep(2)"
      else if (call != "" || /entry_SYSCALL|do_syscall|el0_svc/) what = "other system calls"
      else if ($1 ~ /^(client|server|floor) /) what = "own code of " substr($1, 1, index($1, " ") - 1)
      else what = "others: kernel threads, other programs"
      print pair "|" what
    }'
}

echo "Linux $(uname -r), $(nproc) CPUs, commit $(bin/client --version | sed 's/.*commit \([^ ]*\).*/\1/')," \
  "$(date -u '+%F %H:%M UTC'): $conns connections, $proto."
echo
for pair in "${pairs[@]}"; do where "$pair"; done | awk -F'|' -v us="$(awk "BEGIN { print 1e6 / $hertz / $conns }")" '
  function row(name, floor, gnet, epoll) {
    return sprintf("| %s | %.1f | %.1f | %+.1f | %.1f | %+.1f |", name, floor * us,
      gnet * us, (gnet - floor) * us, epoll * us, (epoll - floor) * us)
  }
  { n[$1, $2]++; all[$1]++; places[$2] }
  END {
    print "| where | floor, µs | gnet, µs | more, µs | epoll, µs | more, µs |\n|---|---:|---:|---:|---:|---:|"
    sort = "sort -t\"|\" -k4 -rn"
    for (place in places) print row(place, n["floor", place], n["gnet", place], n["epoll", place]) | sort
    close(sort)
    print row("**all**", all["floor"], all["gnet"], all["epoll"])
  }'
echo
echo "| pair | program | threads | processor time, µs | time slices | most of one thread | its time, µs |"
echo "|---|---|---:|---:|---:|---:|---:|"
for pair in "${pairs[@]}"; do
  awk -v conns="$conns" -v pair="$pair" '
    FNR == NR { cpu[$2] = $3; slices[$2] = $5; next }
    {
      n = $5 - slices[$2]; t = $3 - cpu[$2]
      threads[$1]++; time[$1] += t; all[$1] += n
      if (n >= most[$1]) { most[$1] = n; its[$1] = t }
    }
    END {
      for (what in all) if (what != "machine")
        printf "| %s | %s | %d | %.2f | %.3f | %.3f | %.2f |\n", pair, what, threads[what], time[what] / 1e3 / conns,
          all[what] / conns, most[what] / conns, its[what] / 1e3 / conns
      printf "| %s | all of this machine | | | %.3f | | |\n", pair, all["machine"] / conns
    }' "$out/$pair.before" "$out/$pair.after"
done
