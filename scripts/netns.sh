#!/usr/bin/env bash
# netns.sh runs a command in a network namespace of its own that is made for
# millions of connections, so that nothing of the machine's settings changes
# and no TIME_WAIT stays behind. Without root it runs the command as it is.
set -euo pipefail

usage() {
  cat >&2 <<'USAGE'
usage: scripts/netns.sh [--ehash N] [--ports FIRST:COUNT]... [--] CMD [ARG...]
  --ehash N            buckets of the namespace's table of established connections
                       (default 8388608; 0: the machine's own table)
  --ports FIRST:COUNT  listening ports: never used as local ports (default
                       10000:1000 15000:1000 9090:1)
Ends with CMD's status; CMD replaces this script, so signals reach it.
USAGE
  exit 2
}

say() { echo "netns.sh: $*" >&2; }

readonly child_ehash=/proc/sys/net/ipv4/tcp_child_ehash_entries
ehash=8388608
reserved=()
while (($#)); do
  case $1 in
    --ehash)
      [[ ${2-} =~ ^(0|[1-9][0-9]{0,7})$ ]] && ((10#$2 <= 16777216)) ||
        { say "--ehash ${2-}: the legal range is 0..16777216"; usage; }
      ehash=$2
      shift 2
      ;;
    --ports)
      [[ ${2-} =~ ^([1-9][0-9]{0,4}):([1-9][0-9]{0,4})$ ]] && ((BASH_REMATCH[1] + BASH_REMATCH[2] <= 65536)) ||
        { say "--ports ${2-}: want FIRST:COUNT within 1..65535"; usage; }
      reserved+=("${BASH_REMATCH[1]}-$((BASH_REMATCH[1] + BASH_REMATCH[2] - 1))")
      shift 2
      ;;
    --) shift; break ;;
    -*) say "unknown flag $1"; usage ;;
    *) break ;;
  esac
done
(($#)) || { say "CMD is missing"; usage; }

# plain runs CMD without a namespace, for the reason given.
plain() {
  say "$1: running without a network namespace, with the machine's own settings"
  shift
  exec "$@"
}

((EUID == 0)) || plain "not root" "$@"
for tool in unshare nsenter flock; do
  [[ -x $(command -v "$tool") ]] || plain "$tool is missing (apt-get install util-linux)" "$@"
done
[[ -e /proc/self/ns/net ]] ||
  plain "no /proc/self/ns/net: /proc is not mounted, or the kernel has no network namespaces" "$@"
# ip(8) brings lo up, or bin/tuning where images of containers lack it.
up=(ip link set lo up)
[[ -x $(command -v ip) ]] || up=("$(cd "$(dirname "$0")" && pwd)/../bin/tuning" loopback)
[[ -x $(command -v "${up[0]}") ]] || plain "ip is missing (apt-get install iproute2), and bin/tuning (make build)" "$@"

# The table's size is read from the parent when a namespace is made, so it is
# set there just for that moment: under a lock, because two of these scripts at
# once would restore each other's value, and with traps, because it must be
# restored whatever happens.
old=
holder=
restore() {
  [[ -z $old ]] || echo "$old" >"$child_ehash"
  old=
  exec 6>&- 7<&-
  [[ -z $holder ]] || wait "$holder" || true # or CMD would inherit a zombie
}
trap restore EXIT
# For these few milliseconds nothing interrupts: a shell that takes a signal
# while it forks may never come out of its handler.
trap '' HUP INT TERM

if ((ehash > 0)); then
  if [[ -w $child_ehash ]]; then
    exec 7<"$child_ehash"
    flock 7
    old=$(<"$child_ehash")
    echo "$ehash" >"$child_ehash" || say "cannot set $child_ehash; going on with the machine's own table"
  else
    say "no $child_ehash on this kernel (before 6.1); going on with the machine's own table"
  fi
fi

# A child makes the namespace and lives until its input ends, however this
# script ends; an open file keeps the namespace. So this shell can restore the
# setting before it enters.
exec 6> >(exec unshare -n cat >/dev/null 2>&1 7<&-)
holder=$!
own=$(readlink /proc/self/ns/net)
made=
for ((i = 0; i < 500; i++)); do
  made=$(readlink "/proc/$holder/ns/net" 2>/dev/null) || break
  [[ -z $made || $made == "$own" ]] || break
  sleep 0.01
done
if [[ -z $made || $made == "$own" ]]; then
  restore
  trap - EXIT HUP INT TERM
  # Asked once more, for its own words; it may have been slow rather than refused.
  if why=$(unshare -n true 2>&1); then
    plain "the new namespace did not appear within 5 s" "$@"
  fi
  case $why in
    *"not permitted"*)
      cure="needs CAP_SYS_ADMIN, and that seccomp lets unshare(2) through: docker run --privileged, or"
      cure+=" --cap-add SYS_ADMIN"
      ;;
    *"No space"*)
      cure="user.max_net_namespaces is $(cat /proc/sys/user/max_net_namespaces 2>/dev/null || echo unknown):"
      cure+=" sysctl -w user.max_net_namespaces=1000"
      ;;
    *"allocate memory"*) cure="no memory for a hash of $ehash buckets: a smaller --ehash" ;;
    *) cure="see unshare(2)" ;;
  esac
  plain "${why//$'\n'/ } ($cure)" "$@"
fi
exec 8<"/proc/$holder/ns/net"
restore
trap - EXIT HUP INT TERM

# inside prepares the namespace and becomes CMD. It must not touch anything
# that is not per namespace.
inside() {
  exec 8<&-
  local ehash=$1 reserved=$2 up=$3 buckets
  shift 3
  eval "$up"
  put() { echo "$2" >"/proc/sys/net/$1" || echo "netns.sh: cannot set net/$1 to $2" >&2; }
  put core/somaxconn 65535
  put ipv4/tcp_max_syn_backlog 262144
  put ipv4/ip_local_port_range "1024 65535"
  put ipv4/ip_local_reserved_ports "$reserved"
  # The default follows the table's size: at 8M buckets 4M, a gigabyte of TIME_WAIT.
  put ipv4/tcp_max_tw_buckets 262144
  if ((ehash > 0)) && read -r buckets 2>/dev/null </proc/sys/net/ipv4/tcp_ehash_entries; then
    # A negative number is the machine's table, shared.
    ((buckets >= ehash)) ||
      echo "netns.sh: the kernel gave ${buckets#-} hash buckets for established connections, not $ehash:" \
        'setup will be slower' >&2
  fi
  export C10M_NETNS=1
  exec "$@"
}
((${#reserved[@]})) || reserved=(10000-10999 15000-15999 9090)
exec nsenter --net=/proc/self/fd/8 -- bash -euc "$(declare -f inside); inside \"\$@\"" netns.sh "$ehash" \
  "$(IFS=,; echo "${reserved[*]}")" "${up[*]@Q}" "$@"
