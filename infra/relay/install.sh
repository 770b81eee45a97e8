#!/bin/sh
# Installs the relay from the unpacked release that this file is in, and starts it; nothing when it is there
# and runs. Run as root by the SSM document of infra/template/nodes.yaml, at activation and every half hour.
set -eu

release=$(cd "$(dirname "$0")/.." && pwd)
home=${QUARTERDECK_RELAY_HOME:-/opt/quarterdeck-relay}
units=${QUARTERDECK_RELAY_UNITS:-/etc/systemd/system}
digest=$(cat "$release/DIGEST")
target=$home/releases/$digest

say() { echo "quarterdeck-relay: $*"; }

new_enough() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if path=$(command -v "$name") && new_enough "$path"; then
            echo "$path"
            return
        fi
    done
    say "no Python 3.11 or newer with venv is installed here (Debian: apt-get install python3 python3-venv)" >&2
    exit 1
}

if [ ! -e "$target/ready" ]; then
    say "installing $digest"
    python=$(find_python)
    rm -rf "$target"
    mkdir -p "$target"
    cp -R "$release/chalicelib" "$release/relay" "$release/requirements.txt" "$target/"
    "$python" -m venv "$target/venv"
    "$target/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes --requirement "$target/requirements.txt"
    touch "$target/ready"
fi

changed=no
if [ "$(readlink "$home/current" 2>/dev/null || true)" != "$target" ]; then
    ln -s "$target" "$home/current.new"
    mv -T "$home/current.new" "$home/current"
    changed=yes
fi
if ! cmp -s "$target/relay/quarterdeck-relay.service" "$units/quarterdeck-relay.service"; then
    cp "$target/relay/quarterdeck-relay.service" "$units/quarterdeck-relay.service"
    systemctl daemon-reload
    changed=yes
fi
# Settings that the document wrote since the last time.
if ! cmp -s "$home/environment" "$home/environment.used"; then
    cp -p "$home/environment" "$home/environment.used"
    changed=yes
fi

systemctl enable --quiet quarterdeck-relay
if [ "$changed" = yes ]; then
    systemctl restart quarterdeck-relay
    say "started $digest"
else
    systemctl start quarterdeck-relay
    say "runs $digest"
fi

# The release before stays, for going back by hand; older ones go.
ls -1dt "$home/releases"/* | tail -n +3 | while read -r old; do
    [ "$old" = "$target" ] || rm -rf "$old"
done
