#!/bin/bash
# Kubernetes 1.20.2 from Debian 12's own source package, for tests: build.sh [DEST]
# kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy and pause in DEST. Does nothing when DEST is complete.
# 4 to 8 minutes and 3 GB of scratch on 2 cores; needs root, for the packages it builds with. What it does now is the last line of DEST.log.
set -euo pipefail
dest=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/kubernetes-1.20}
[ -x "$dest/kubelet" ] && [ -x "$dest/kube-apiserver" ] && [ -x "$dest/pause" ] && { echo "$dest"; exit 0; }
mkdir -p "$(dirname "$dest")"; log=$dest.log; : > "$log"
say() { echo "$*" >> "$log"; }
work=$(mktemp -d /var/tmp/kubernetes.XXXX); trap 'rm -rf "$work"' EXIT; trap 'exit 143' TERM INT HUP
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
say "fetching the list of packages"
apt-get -qq update
say "installing what it is built with"
apt-get -qq install -y --no-install-recommends golang-go golang-github-modern-go-reflect2-dev rsync jq make gcc libc6-dev dpkg-dev \
  patch xz-utils >> "$log" 2>&1
# source packages of the suite this machine is set up for, in an apt configuration of our own
say "fetching the source of Kubernetes"
mkdir -p "$work"/{lists/partial,cache/archives/partial}; cd "$work"
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources > src.sources
printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "-";\nDir::State::lists "%s";\nDir::Cache "%s";\nAPT::Sandbox::User "root";\n' \
  "$work/src.sources" "$work/lists" "$work/cache" > apt.conf
APT_CONFIG=$work/apt.conf apt-get -qq update
APT_CONFIG=$work/apt.conf apt-get -qq source kubernetes >> "$log" 2>&1
cd kubernetes-1.20*/
# the vendored reflect2 crashes when built with Go 1.18 or newer: Debian's own in its place
cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.go vendor/github.com/modern-go/reflect2/
rm -f vendor/github.com/modern-go/reflect2/go_above_17.go vendor/github.com/modern-go/reflect2/go_below_1[79].go
# without CAP_SYS_RESOURCE a negative oom_score_adj makes runc refuse every pod
sed -i 's/defaultSandboxOOMAdj int = -99[0-9]/defaultSandboxOOMAdj int = 0/' pkg/kubelet/dockershim/docker_sandbox.go
sed -i 's/guaranteedOOMScoreAdj int = -99[0-9]/guaranteedOOMScoreAdj int = 0/' pkg/kubelet/qos/policy.go
printf 'KUBE_GIT_COMMIT=0\nKUBE_GIT_TREE_STATE=archive\nKUBE_GIT_VERSION=v1.20.2\nKUBE_GIT_MAJOR=1\nKUBE_GIT_MINOR=20\n' > "$work/version"
mkdir -p .go/src/k8s.io "$work/home"; ln -sfn ../../.. .go/src/k8s.io/kubernetes
env GOPATH="$PWD/.go" CGO_ENABLED=0 GOFLAGS=-v GOPROXY=off HOME="$work/home" KUBE_GIT_VERSION_FILE="$work/version" \
  make WHAT="cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler cmd/kubelet cmd/kube-proxy" >> "$log" 2>&1 || { tail -30 "$log" >&2; exit 1; }
say "copying the programs"
mkdir -p "$dest"; cp _output/local/bin/linux/amd64/kube{-apiserver,-controller-manager,-scheduler,let,-proxy} "$dest/"
gcc -Os -static -o "$dest/pause" build/pause/linux/pause.c
echo "$dest"
