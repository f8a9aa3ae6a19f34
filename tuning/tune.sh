#!/bin/sh
# tune.sh finds or builds bin/tuning and calls it with the arguments: "apply"
# unless they begin with a command. TUNING names another binary.
#   sudo tuning/tune.sh --conns 10M --persist
#   tuning/tune.sh check --conns 10M
set -eu

# Called through a symbolic link, the repository is where the link leads.
self=$(readlink -f -- "$0")
top=$(CDPATH='' cd -- "$(dirname -- "$self")/.." && pwd)
bin=${TUNING:-$top/bin/tuning}

if [ ! -x "$bin" ]; then
	# sudo often drops the PATH in which Go is.
	PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
	if ! command -v go >/dev/null; then
		echo "tune.sh: $bin is not built, and there is no go to build it with" >&2
		exit 1
	fi
	(cd "$top" && go build -trimpath -o "$bin" ./tuning)
fi

case ${1-} in
check | apply | revert | plan | loopback | completion | help | --help | --version) ;;
*) set -- apply "$@" ;;
esac
exec "$bin" "$@"
