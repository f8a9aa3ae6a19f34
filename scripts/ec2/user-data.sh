#!/bin/sh
# user-data.sh turns a fresh Debian, Ubuntu or Amazon Linux 2023 instance into a
# c10m server, client or agent of a fleet: it installs git and Go, builds, tunes for CONNS
# connections and starts what ROLE says. An instance whose memory does not hold
# CONNS is an error. Give it to EC2 as user data with these lines edited, or run
# it as root with them in the environment. It can be run again.
set -eu

ROLE=${ROLE:-server}           # server, client, agent, or none (install and tune only)
CONNS=${CONNS:-10000000}       # connections to hold; of an agent, its share
PORTS=${PORTS:-200}            # TCP ports, and as many WebSocket ports
SERVER=${SERVER:-}             # ROLE=client: the server's private address
SOURCES=${SOURCES:-auto}       # ROLE=client: source addresses, a CIDR or auto
PROTO=${PROTO:-tcp}            # ROLE=client: tcp or ws
# Where a client on a machine of its own asks for the server's counts and memory:
# ADDR:PORT of the server, none, or auto: its private address, port 9090. Let the
# security group admit the client alone: /debug/pprof is there as well.
CONTROL=${CONTROL:-auto}
JOIN=${JOIN:-}                 # ROLE=agent: the text of the coordinator's join file, c10m.join
ALLOW=${ALLOW:-}               # ROLE=agent: load only servers there, a CIDR; none: any
REPO=${REPO:-https://github.com/c10m/c10m}
DIR=${DIR:-/opt/c10m}
GO=${GO:-1.26.0}               # fetched from go.dev where there is none, or one before 1.21
PREFIX=${PREFIX:-/usr/local}   # where that one goes
WAIT=${WAIT:-600}              # seconds to wait for whoever holds apt's or dnf's lock
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
server | client | agent | none) ;;
*) die "ROLE=$ROLE: want server, client, agent or none" ;;
esac
case $PROTO in
tcp | ws) ;;
*) die "PROTO=$PROTO: want tcp or ws" ;;
esac
case $CONTROL in
auto | none | *:[0-9]*) ;;
*) die "CONTROL=$CONTROL: want ADDR:PORT, auto or none" ;;
esac
for number in "$CONNS" "$PORTS" "$WAIT"; do
	case $number in
	'' | *[!0-9]*) die "CONNS, PORTS and WAIT must be whole numbers, not $number" ;;
	esac
done
{ [ "$CONNS" -ge 1 ] && [ "$CONNS" -le 1073741824 ]; } || die "CONNS=$CONNS: the legal range is 1..1073741824"
{ [ "$PORTS" -ge 1 ] && [ "$PORTS" -le 4096 ]; } || die "PORTS=$PORTS: the legal range is 1..4096"
if [ "$ROLE" = client ] && [ -z "$SERVER" ]; then
	die "ROLE=client needs SERVER, the server's private address"
fi
if [ "$ROLE" = agent ]; then
	case $JOIN in
	*'"address"'*'"token"'*) ;;
	*) die "ROLE=agent needs JOIN, the text of the join file that client --fleet N wrote (c10m.join)" ;;
	esac
	case $ALLOW in
	*[!0-9a-fA-F.:/]*) die "ALLOW=$ALLOW: want a CIDR like 10.0.0.0/8" ;;
	esac
fi
[ -n "$DRY_RUN" ] || [ "$(id -u)" = 0 ] || die "run it as root"

# old_go: there is no Go, or one older than 1.21. From there on the go command itself
# fetches the toolchain that go.mod names, so that is enough of a start.
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
	run rm -rf "$PREFIX/go"
	run tar -C "$PREFIX" -xzf /tmp/go.tar.gz
	run rm -f /tmp/go.tar.gz
}

# cloud-init sets no HOME, and Go wants a place for its caches.
export HOME="${HOME:-/root}" DEBIAN_FRONTEND=noninteractive
PATH=$PREFIX/go/bin:$PATH

# patiently repeats a command until it succeeds, for WAIT seconds: on a fresh
# instance cloud-init and the daily upgrades hold the package lists' lock, for
# which apt-get has no option to wait. Output of the last try is shown.
patiently() {
	echo "+ $*"
	[ -z "$DRY_RUN" ] || return 0
	until=$(($(date +%s) + WAIT))
	while ! said=$("$@" 2>&1); do
		if [ "$(date +%s)" -ge "$until" ]; then
			printf '%s\n' "$said" >&2
			fail "$1 does not succeed for $WAIT s, see above"
		fi
		sleep 5
	done
}

# fail is for what is wrong with the machine, not with how this is called.
fail() {
	echo "user-data.sh: $*" >&2
	exit 1
}

install_packages() {
	if [ -n "$(command -v apt-get)" ]; then
		patiently apt-get update -q
		patiently apt-get -o "DPkg::Lock::Timeout=$WAIT" install -y -q git make curl ca-certificates iproute2 golang-go
	elif [ -n "$(command -v dnf)" ]; then
		# Amazon Linux 2023 has curl-minimal, which the package curl conflicts with.
		patiently dnf install -y -q git make tar gzip ca-certificates iproute golang
	else
		fail "neither apt-get nor dnf: want Debian, Ubuntu or Amazon Linux 2023"
	fi
}

# too_small says what this instance holds, if that is less than CONNS.
too_small() {
	kib=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' "${MEMINFO:-/proc/meminfo}")
	holds=$("$DIR/bin/tuning" plan --memory "${kib}KiB" --role "$role" --ports "$PORTS" --json |
		sed -n 's/^  "conns": \([0-9]*\),$/\1/p' | head -n 1)
	[ -n "$holds" ] || fail "bin/tuning does not say what $kib KiB hold"
	[ "$CONNS" -gt "$holds" ]
}

install_packages
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
case $role in
none) role=both ;;
agent) role=client ;;
esac
echo "+ $DIR/bin/tuning plan --memory MemTotal --role $role"
if [ -z "$DRY_RUN" ] && too_small; then
	"$DIR/bin/tuning" plan --conns "$CONNS" --role "$role" --ports "$PORTS" >&2
	fail "CONNS=$CONNS: this instance's $kib KiB hold $holds as $role: give CONNS=$holds, or take one that is listed above"
fi
# Exit 1 says that some setting could not be raised: it is printed, and the
# run is still worth trying.
run "$DIR/bin/tuning" apply --conns "$CONNS" --ports "$PORTS" --role "$role" --persist ||
	echo "user-data.sh: not everything could be tuned, see above" >&2

case $ROLE in
server)
	run install -m 0644 "$DIR/scripts/systemd/c10m-server.service" /etc/systemd/system/c10m-server.service
	if [ "$CONTROL" = auto ]; then
		private=$(ip -4 route show default | sed -n 's/.* src \([^ ]*\).*/\1/p' | head -n 1)
		[ -n "$private" ] || private=$(hostname -I | cut -d ' ' -f 1)
		CONTROL=${private:-127.0.0.1}:9090
	fi
	args="--bind 0.0.0.0 --ports $PORTS --max-conns $CONNS --control $CONTROL"
	echo "+ write /etc/default/c10m-server: C10M_ARGS=\"$args\""
	[ -n "$DRY_RUN" ] || echo "C10M_ARGS=\"$args\"" >"${DEFAULTS:-/etc/default}/c10m-server"
	run systemctl daemon-reload
	run systemctl enable c10m-server.service
	run systemctl restart c10m-server.service
	;;
agent)
	run install -m 0644 "$DIR/scripts/systemd/c10m-agent.service" /etc/systemd/system/c10m-agent.service
	echo "+ write /etc/c10m/c10m.join" # it holds a token: it is not shown
	if [ -z "$DRY_RUN" ]; then
		etc=${ETC:-/etc}/c10m
		mkdir -p "$etc"
		(umask 077 && printf '%s\n' "$JOIN" >"$etc/c10m.join")
	fi
	args=${ALLOW:+--allow $ALLOW}
	echo "+ write /etc/default/c10m-agent: C10M_AGENT_ARGS=\"$args\""
	[ -n "$DRY_RUN" ] || echo "C10M_AGENT_ARGS=\"$args\"" >"${DEFAULTS:-/etc/default}/c10m-agent"
	run systemctl daemon-reload
	run systemctl enable c10m-agent.service
	run systemctl restart c10m-agent.service
	;;
client)
	case $CONTROL in
	auto | none) control=$CONTROL ;;
	*) control=http://$CONTROL ;;
	esac
	# Root's client lifts its own fd limit as far as fs.nr_open.
	run "$DIR/bin/client" hold --host "$SERVER" --ports "$PORTS" --proto "$PROTO" --conns "$CONNS" \
		--sources "$SOURCES" --server-control "$control" --hold 60s --json "/var/log/c10m-$PROTO.json"
	;;
esac
