#!/usr/bin/env bash
# Install what a purpose needs from the system, and only what is missing.
#
#   scripts/install-servers.sh PURPOSE…      purposes: python test bench
#
# Nothing is started: packages that would start a daemon of their own are told not to. What can't be had is an error, never a
# silent skip.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A packages=(
    [python]="python3-venv"
    [test]="dovecot-imapd davmail util-linux chromium strace zstd npm davmail"
    [bench]="dovecot-imapd util-linux isync restic borgbackup time zstd"
)
AXE_VERSION=4.10.3 # checks pages for accessibility; the tests load it from the folder named here
AXE_FOLDER=.cache/axe

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else
        echo "Please install as root: $missing" >&2
        exit 1
    fi
}

installed() {
    case $1 in # Ubuntu has its browser elsewhere
        chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
        npm) command -v npm ;;
        *) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
    esac >/dev/null
}

find_missing() {
    missing=""
    for purpose in "$@"; do
        [ -n "${packages[$purpose]:-}" ] || { echo "no such purpose: $purpose" >&2; exit 2; }
        for package in ${packages[$purpose]}; do
            installed "$package" || case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
        done
    done
}

install_missing() {
    command -v apt-get >/dev/null || { echo "This needs apt (Debian, Ubuntu). Please install by hand:$missing" >&2; exit 1; }
    echo "Installing:$missing" >&2
    local silencer=/usr/sbin/policy-rc.d silenced=""
    if [ ! -e "$silencer" ]; then # no daemon may start by being installed
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$silencer" >/dev/null
        as_root chmod 755 "$silencer"
        silenced=yes
    fi
    local done=0
    as_root apt-get -qq update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y $missing >/dev/null || done=$?
    if [ -n "$silenced" ]; then as_root rm -f "$silencer"; fi
    return "$done"
}

find_missing "$@"
[ -z "$missing" ] || install_missing
case " $* " in *" test "*)
    if [ ! -e "$AXE_FOLDER/node_modules/axe-core/axe.min.js" ]; then
        mkdir -p "$AXE_FOLDER"
        npm install --silent --no-audit --no-fund --prefix "$AXE_FOLDER" "axe-core@$AXE_VERSION" >/dev/null
    fi
    ;;
esac
