#!/bin/sh
# add-addresses.sh gives this machine more IPv4 addresses, each of which is
# 64,000 more client sources per server port. On EC2 the interface must own them
# first (aws ec2 assign-private-ip-addresses), else the network drops their
# packets; the number an interface may own depends on the instance type.
set -eu

usage() {
	cat >&2 <<'USAGE'
usage: add-addresses.sh [--dry-run] [--remove] [--dev IFACE] FIRST COUNT
  FIRST      the first address, for example 10.0.1.100
  COUNT      how many, 1..250, all within FIRST's /24
  --dev      interface (default: the one of the default route; lo for 127.x)
  --remove   take them away again
  --dry-run  print the commands only
Prints what it does. An address that is there already is left alone.
USAGE
	exit 2
}

die() {
	echo "add-addresses.sh: $*" >&2
	exit 2
}

dry=''
dev=''
action=add
while [ $# -gt 0 ]; do
	case $1 in
	--dry-run) dry=1 ;;
	--remove) action=del ;;
	--dev)
		[ $# -ge 2 ] || usage
		dev=$2
		shift
		;;
	-*) usage ;;
	*) break ;;
	esac
	shift
done
[ $# -eq 2 ] || usage
first=$1 count=$2

# number says whether $1 is a whole number within $2..$3, without leading zeros.
number() {
	case $1 in
	'' | *[!0-9]* | 0[0-9]* | ????*) return 1 ;;
	esac
	[ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

number "$count" 1 250 || die "COUNT $count: the legal range is 1..250"
net=${first%.*} last=${first##*.}
number "$last" 1 254 || die "FIRST $first: want an IPv4 address that ends in 1..254"
rest=$net
for _ in 1 2 3; do
	number "${rest%%.*}" 0 255 || die "FIRST $first: not an IPv4 address"
	rest=${rest#*.}
done
case $net in
*.*.*.* | *..*) die "FIRST $first: not an IPv4 address" ;;
*.*.*) ;;
*) die "FIRST $first: not an IPv4 address" ;;
esac
[ $((last + count - 1)) -le 254 ] || die "$first and $((count - 1)) more leave $net.0/24"

if [ -z "$dev" ]; then
	case $net in
	127.*) dev=lo ;;
	*) dev=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1) ;;
	esac
fi
[ -n "$dev" ] || die "no default route: name the interface with --dev"
ip link show dev "$dev" >/dev/null 2>&1 || die "--dev $dev: no such interface"
[ -n "$dry" ] || [ "$(id -u)" = 0 ] || die "run it as root, or with --dry-run"

i=0
while [ "$i" -lt "$count" ]; do
	address=$net.$((last + i))
	i=$((i + 1))
	there=$(ip -4 -o address show dev "$dev" to "$address/32")
	if [ "$action" = add ] && [ -n "$there" ]; then
		echo "# $address is there already"
		continue
	fi
	if [ "$action" = del ] && [ -z "$there" ]; then
		echo "# $address is not there"
		continue
	fi
	echo "ip address $action $address/32 dev $dev"
	[ -n "$dry" ] || ip address "$action" "$address/32" dev "$dev"
done
