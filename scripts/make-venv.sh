#!/usr/bin/env bash
# A virtual environment in .venv. Where Debian or Ubuntu came without python3-venv, install it first.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Mailkeep needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
    echo "Name a newer one: make PYTHON=python3.12 …" >&2
    exit 1
}
[ -x .venv/bin/pip ] && exit 0
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    scripts/install-servers.sh python
fi
"$python" -m venv .venv
