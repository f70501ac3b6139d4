#!/bin/sh
# ./tox.sh [tox's arguments]: make an environment with tox in it, once, and hand on to it.
# Needs Python 3.11 or newer with its venv module, and nothing else. PYTHON=… names another interpreter.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")"

requirement='tox>=4.30,<5'
home=.tox/bootstrap

for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11} ''; do
    if [ -z "$python" ]; then
        echo "tox.sh: found no Python 3.11 or newer with venv; on Debian or Ubuntu: apt-get install python3 python3-venv" >&2
        exit 2
    fi
    "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
done

# The stamp comes last: an environment without it was interrupted, one with another stamp is outdated.
stamp="$requirement $("$python" -c 'import sys; print(sys.base_prefix, *sys.version_info[:3])')"
if [ ! -f "$home/stamp" ] || [ "$(cat "$home/stamp")" != "$stamp" ]; then
    echo "tox.sh: making an environment for tox in $home" >&2
    rm -rf "$home"
    "$python" -m venv "$home"
    "$home/bin/python" -m pip --disable-pip-version-check --quiet install "$requirement"
    echo "$stamp" >"$home/stamp"
fi

exec "$home/bin/python" -m tox "$@"
