#!/usr/bin/env bash
# install-deps.sh installs what the tests need beside Go: quietly nothing if it
# is all there, with apt-get as root, and otherwise it says what is missing.
set -euo pipefail

# package: what shows that it is there, whoever installed it.
missing=()
have() { command -v "$1" >/dev/null; }
have ip || missing+=(iproute2)
have nft || missing+=(nftables)
have setpriv || missing+=(util-linux)
have socat || missing+=(socat)
have cc || missing+=(gcc)
[[ -e /usr/include/stdlib.h ]] || missing+=(libc6-dev)
have erl || missing+=(erlang-base)
have node || missing+=(nodejs)
have npm || missing+=(npm)
for module in tornado websockets; do
  /usr/bin/python3 -c "import $module" 2>/dev/null || missing+=("python3-$module")
done
[[ -x /usr/sbin/nft ]] || missing+=(nftables)
[[ -x /usr/sbin/nginx ]] || missing+=(nginx-light)
[[ -x /usr/sbin/haproxy ]] || missing+=(haproxy)
have chromium || have chromium-browser || have google-chrome || missing+=(chromium)

# What the Node.js peer needs, from npm, as its lock file has it.
node_modules() {
  [[ -e bench/peers/nodews/node_modules/ws/package.json ]] ||
    npm ci --prefix bench/peers/nodews --no-audit --no-fund --loglevel error >/dev/null
}

cd "$(dirname "$0")/.."
if ((${#missing[@]} == 0)); then
  node_modules
  exit 0
fi
if ((EUID != 0)) || ! have apt-get; then
  echo "install-deps.sh: missing for the tests: ${missing[*]} (as root: apt-get install ${missing[*]})" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Packages of servers start them when they are installed, unless this file says
# no (policy-rc.d of invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
install() { apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null; }
# The package lists of a fresh machine are absent or old.
install || { apt-get update -qq && install; }
node_modules
