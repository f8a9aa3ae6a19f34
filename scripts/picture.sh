#!/usr/bin/env bash
# picture.sh REPORT.txt PICTURE.png draws a text report as it looks on a
# terminal, for the README. It needs Chromium (apt-get install chromium).
set -euo pipefail
(($# == 2)) || { echo 'usage: scripts/picture.sh REPORT.txt PICTURE.png' >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  echo '<!doctype html><meta charset="utf-8"><style>body{margin:0;background:#14181d}'
  echo 'pre{margin:0;padding:18px 22px;color:#d6dde4;font:13px/1.35 "DejaVu Sans Mono",monospace}</style><pre>'
  sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' "$1"
  echo '</pre>'
} >"$work/report.html"
lines=$(wc -l <"$1")
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$work/profile" \
  --window-size=860,$((lines * 18 + 40)) --screenshot="$work/out.png" "file://$work/report.html" >/dev/null 2>&1
mkdir -p "$(dirname "$2")"
cp "$work/out.png" "$2"
