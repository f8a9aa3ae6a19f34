#!/bin/sh
# user-data.sh turns a fresh Debian or Ubuntu instance into a c10m server or
# client: it installs git and Go, builds, tunes for CONNS connections and starts
# what ROLE says. Give it to EC2 as user data with these lines edited, or run it
# as root with them in the environment. It can be run again.
set -eu

ROLE=${ROLE:-server}           # server, client, or none (install and tune only)
CONNS=${CONNS:-10000000}       # connections to hold
PORTS=${PORTS:-200}            # TCP ports, and as many WebSocket ports
SERVER=${SERVER:-}             # ROLE=client: the server's private address
SOURCES=${SOURCES:-auto}       # ROLE=client: source addresses, a CIDR or auto
PROTO=${PROTO:-tcp}            # ROLE=client: tcp or ws
REPO=${REPO:-https://github.com/c10m/c10m}
DIR=${DIR:-/opt/c10m}
GO=${GO:-1.26.0}               # at least this; fetched from go.dev if apt's is older
DRY_RUN=${DRY_RUN:-}           # not empty: print the commands only

die() {
	echo "user-data.sh: $*" >&2
	exit 2
}

run() {
	echo "+ $*"
	[ -n "$DRY_RUN" ] || "$@"
}

case $ROLE in
server | client | none) ;;
*) die "ROLE=$ROLE: want server, client or none" ;;
esac
case $PROTO in
tcp | ws) ;;
*) die "PROTO=$PROTO: want tcp or ws" ;;
esac
for number in "$CONNS" "$PORTS"; do
	case $number in
	'' | *[!0-9]*) die "CONNS and PORTS must be whole numbers, not $number" ;;
	esac
done
{ [ "$CONNS" -ge 1 ] && [ "$CONNS" -le 1073741824 ]; } || die "CONNS=$CONNS: the legal range is 1..1073741824"
{ [ "$PORTS" -ge 1 ] && [ "$PORTS" -le 4096 ]; } || die "PORTS=$PORTS: the legal range is 1..4096"
if [ "$ROLE" = client ] && [ -z "$SERVER" ]; then
	die "ROLE=client needs SERVER, the server's private address"
fi
[ -n "$DRY_RUN" ] || [ "$(id -u)" = 0 ] || die "run it as root"

# old_go: there is no Go, or one older than $GO. The go command itself fetches
# the toolchain that go.mod names from 1.21 on, so that is enough of a start.
old_go() {
	have=$(go env GOVERSION 2>/dev/null | sed 's/^go//')
	[ -z "$have" ] || [ "$(printf '%s\n1.21\n' "$have" | sort -V | head -n 1)" != 1.21 ]
}

install_go() {
	case $(uname -m) in
	x86_64) arch=amd64 ;;
	aarch64) arch=arm64 ;;
	*) die "no Go for $(uname -m): want x86_64 or aarch64" ;;
	esac
	run curl -fsSL -o /tmp/go.tar.gz "https://go.dev/dl/go$GO.linux-$arch.tar.gz"
	run rm -rf /usr/local/go
	run tar -C /usr/local -xzf /tmp/go.tar.gz
	run rm -f /tmp/go.tar.gz
}

# cloud-init sets no HOME, and Go wants a place for its caches.
export HOME="${HOME:-/root}" DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/go/bin:$PATH

run apt-get update -q
run apt-get install -y -q git make curl ca-certificates iproute2 golang-go
if old_go; then
	install_go
fi

if [ -d "$DIR/.git" ]; then
	run git -C "$DIR" pull -q --ff-only
else
	run git clone -q --depth 1 "$REPO" "$DIR"
fi
for main in server client tuning; do
	run go -C "$DIR" build -trimpath -o "bin/$main" "./$main"
done

role=$ROLE
[ "$role" != none ] || role=both
# Exit 1 says that some setting could not be raised: it is printed, and the
# run is still worth trying.
run "$DIR/bin/tuning" apply --conns "$CONNS" --ports "$PORTS" --role "$role" --persist ||
	echo "user-data.sh: not everything could be tuned, see above" >&2

case $ROLE in
server)
	run install -m 0644 "$DIR/scripts/systemd/c10m-server.service" /etc/systemd/system/c10m-server.service
	echo "+ write /etc/default/c10m-server"
	if [ -z "$DRY_RUN" ]; then
		printf 'C10M_ARGS="--bind 0.0.0.0 --ports %s --max-conns %s"\n' "$PORTS" "$CONNS" >/etc/default/c10m-server
	fi
	run systemctl daemon-reload
	run systemctl enable c10m-server.service
	run systemctl restart c10m-server.service
	;;
client)
	# Root's client lifts its own fd limit as far as fs.nr_open.
	run "$DIR/bin/client" hold --host "$SERVER" --ports "$PORTS" --proto "$PROTO" --conns "$CONNS" \
		--sources "$SOURCES" --hold 60s --json "/var/log/c10m-$PROTO.json"
	;;
esac
