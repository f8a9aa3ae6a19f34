#!/usr/bin/env bash
# fuzz.sh runs every fuzz target of a module for a while, one after the other.
# What the targets have kept in testdata/fuzz runs with the unit tests as well.
set -euo pipefail
(($# == 2)) || { echo "usage: scripts/fuzz.sh MODULE_DIR FUZZTIME, like: scripts/fuzz.sh . 20s" >&2; exit 2; }
cd "$1"
fuzztime=$2

# fuzz runs one target. The go command sometimes takes the end of its own time
# for a failure ("context deadline exceeded"): a
# failure that has neither an input nor a panic is none of ours.
fuzz() {
  local dir=$1 func=$2 out
  if out=$(go test -run '^$' -fuzz "^$func\$" -fuzztime "$fuzztime" -fuzzminimizetime 10x "$dir" 2>&1); then
    echo "fuzz $dir $func: $(grep -oE 'execs: [0-9]+' <<<"$out" | tail -1)"
    return
  fi
  if grep -q 'context deadline exceeded' <<<"$out" &&
    ! grep -qE 'Failing input|panic|[a-z_]+_test\.go:[0-9]+' <<<"$out"; then
    echo "fuzz $dir $func: $(grep -oE 'execs: [0-9]+' <<<"$out" | tail -1), ended late"
    return
  fi
  echo "$out" >&2
  return 1
}

# A directory with a go.mod of its own is another module.
while read -r file; do
  dir=$(dirname "$file")
  mod=$dir
  until [[ -e $mod/go.mod ]]; do mod=$(dirname "$mod"); done
  [[ $mod == . ]] || continue
  while read -r func; do
    fuzz "$dir" "$func"
  done < <(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | cut -d' ' -f2)
done < <(grep -rlE --include='*_test.go' --exclude-dir=testdata '^func Fuzz' . | sort)
