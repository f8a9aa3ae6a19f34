#!/usr/bin/env bash
# install-peers.sh installs what only the comparison needs (make compare), beside
# what the tests do: tsung, which brings much along.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-deps.sh
command -v tsung >/dev/null && exit 0
if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
  echo "install-peers.sh: missing: tsung (as root: apt-get install tsung); leave it out with --clients" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -qq --no-install-recommends tsung </dev/null; }
install || { apt-get update -qq && install; }
