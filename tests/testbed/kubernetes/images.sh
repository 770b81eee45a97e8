#!/bin/bash
# images.sh BIN_DIR: images for a node that reaches no registry: local/pause:1, local/bb:1 (busybox), local/app:1 and local/app:2 (app.sh)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/root/bin; busybox=$(command -v busybox)
cp "$1/pause" "$here/app.sh" "$work"/; cp "$busybox" "$work/root/bin/busybox"
# busybox-static needs nothing; a busybox with shared libraries brings them along
ldd "$busybox" 2>/dev/null | grep -o '/[^ ]*' | xargs -r -I{} cp -L --parents {} "$work/root" || true
printf 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n' > "$work/pause.dockerfile"
printf 'FROM scratch\nCOPY root /\nENV PATH=/bin\nENTRYPOINT ["/bin/busybox"]\n' > "$work/bb.dockerfile"
printf 'FROM local/bb:1\nARG VERSION\nENV VERSION=$VERSION\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nCOPY app.sh /app.sh\nENTRYPOINT ["/bin/sh", "/app.sh"]\n' > "$work/app.dockerfile"
export DOCKER_BUILDKIT=0
build() { docker build -q "$@" "$work" 2>"$work/err" || { cat "$work/err" >&2; exit 1; }; }
build -f "$work/pause.dockerfile" -t local/pause:1
build -f "$work/bb.dockerfile" -t local/bb:1
for version in 1 2; do build -f "$work/app.dockerfile" --build-arg VERSION=$version -t local/app:$version; done
