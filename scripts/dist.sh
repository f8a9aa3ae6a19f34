#!/usr/bin/env bash
# dist.sh writes what a release consists of to out/dist: for each of amd64 and
# arm64 a tarball and packages for Debian (.deb) and RPM systems (.rpm), and their
# checksums. `make dist` calls it. The programs are static and are called
# c10m-server, c10m-client and c10m-tuning; completions, man pages and the systemd
# units come along.
#
#   ARCHS="amd64 arm64"  which to make
set -euo pipefail
cd "$(dirname "$0")/.."

readonly out=out/dist nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
readonly programs=(server client tuning)
version=$(bin/client --version | awk '{ print $3 }')
readonly version
commit=$(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
date=$(git log -1 --format=%cs 2>/dev/null || true)
rm -rf "$out"

# as PROGRAM ARGS runs bin/PROGRAM under the name that it is installed by, which help,
# man page and completion then have.
as() { (exec -a "c10m-$1" "bin/$1" "${@:2}"); }

# root ARCH fills out/dist/ARCH with the files as they are installed below /.
root() {
  local arch=$1 dir=$out/$1 p
  mkdir -p "$dir"/usr/bin "$dir"/lib/systemd/system "$dir"/usr/share/{man/man1,doc/c10m} \
    "$dir"/usr/share/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
  for p in "${programs[@]}"; do
    CGO_ENABLED=0 GOARCH=$arch go build -trimpath -ldflags "-s -w -X 'main.linked=$commit $date'" \
      -o "$dir/usr/bin/c10m-$p" "./$p"
    # bin/ holds programs that run here, whatever is built for elsewhere.
    as "$p" man | gzip -9n >"$dir/usr/share/man/man1/c10m-$p.1.gz"
    as "$p" completion bash >"$dir/usr/share/bash-completion/completions/c10m-$p"
    as "$p" completion zsh >"$dir/usr/share/zsh/vendor-completions/_c10m-$p"
    as "$p" completion fish >"$dir/usr/share/fish/vendor_completions.d/c10m-$p.fish"
  done
  # The units name the programs where the packages put them.
  for p in scripts/systemd/*.service; do
    sed 's|/opt/c10m/bin/|/usr/bin/c10m-|' "$p" >"$dir/lib/systemd/system/$(basename "$p")"
  done
  cp LICENSE README.md CHANGELOG.md RELIABILITY.md "$dir/usr/share/doc/c10m/"
}

for arch in ${ARCHS:-amd64 arm64}; do
  root "$arch"
  name=c10m-$version-linux-$arch
  tar --sort=name --owner=0 --group=0 --numeric-owner -C "$out/$arch" -czf "$out/$name.tar.gz" .
  for kind in deb rpm; do
    ARCH=$arch VERSION=$version ROOT=$out/$arch go run "$nfpm" package --config scripts/package/nfpm.yaml \
      --packager "$kind" --target "$out/$name.$kind" >/dev/null
  done
  rm -rf "${out:?}/$arch"
done
cd "$out"
sha256sum c10m-* >SHA256SUMS
ls -l
