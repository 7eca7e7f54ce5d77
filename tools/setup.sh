#!/bin/sh
# Install the packages that requirements.txt locks into .venv; do nothing if that is done already.
# PYTHON names the Python to build from. Nothing is resolved: uv, else pip, installs the lock.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

fail() {
    echo "setup: $*" >&2
    exit 1
}

# Print a Python's version, and whether .venv can be built from it ("fits"), or a first one that
# holds uv ("boots").
describe() {
    "$1" -I -c 'import sys, sysconfig
from importlib.util import find_spec
free = sysconfig.get_config_var("Py_GIL_DISABLED") # without the lock, for which there are no wheels
fits = (3, 11) <= sys.version_info < (3, 14) and sys.implementation.name == "cpython" and not free
boots = find_spec("ensurepip") and find_spec("venv")
version = "%d.%d%s" % (*sys.version_info[:2], sys.abiflags)
print(version, ("fits" if fits else "boots") if boots else "")' 2>/dev/null
}

# Scripts in .venv hold its path, so the path is a part of the key: a clone may be moved.
key="$PWD $(cksum <requirements.txt)"
is_ready() {
    [ "$(cat .venv/ready 2>/dev/null)" = "$key" ] && installed=$(describe $python) &&
        { [ -z "${PYTHON:-}" ] || [ "$(describe "$PYTHON")" = "$installed" ]; }
}
if is_ready; then exit; fi
[ -w . ] || fail "expected a folder that can be written to; found $PWD; copy it"

# How to reach an index. No other setting counts: it could change what is installed, or where.
names='index-url|extra-index-url|find-links|no-index|proxy|cert|client-cert|trusted-host'
names="$names|timeout|cache-dir"
kept="PYTHON|PIP_(CONFIG_FILE|DEFAULT_TIMEOUT|$(echo "$names" | tr a-z- A-Z_))"
kept="$kept|UV_(DEFAULT_INDEX|CACHE_DIR|SYSTEM_CERTS)"
kept="$kept|UV_PYTHON_(INSTALL_MIRROR|INSTALL_DIR|DOWNLOADS_JSON_URL)"
unset VIRTUAL_ENV CONDA_PREFIX __PYVENV_LAUNCHER__ \
    $(env | sed -nE 's/^((PIP|UV|PYTHON)[A-Z0-9_]*)=.*/\1/p' | grep -vxE "$kept")
export PYTHONNOUSERSITE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_RETRIES=1
export UV_NO_CONFIG=1 UV_PYTHON_INSTALL_BIN=0

# Take from pip.conf how to reach an index; tell uv of it.
read_settings() {
    settings=$($python -m pip config list 2>&1) ||
        fail "pip's configuration cannot be read; fix it: $(last_error "$settings")"
    while read -r name value && [ "$name" ]; do # [install] comes before [global], and wins
        name=PIP_$(echo "$name" | tr a-z- A-Z_)
        eval "export $name=\"\${$name:-\$value}\""
    done <<END
$(printf "%s\n" "$settings" | sort -r |
        sed -nE -e 's/\\n/ /g' -e "s/^(install|global)\.($names)=['\"] *(.*)['\"]$/\2 \3/p")
END
    export PIP_CONFIG_FILE=/dev/null PIP_INDEX_URL="${PIP_INDEX_URL:-${UV_DEFAULT_INDEX:-}}"
    export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}" UV_NO_INDEX="${PIP_NO_INDEX:-0}"
    export UV_INDEX="${PIP_EXTRA_INDEX_URL:-}" UV_INSECURE_HOST="${PIP_TRUSTED_HOST:-}"
    export UV_FIND_LINKS="$(echo "${PIP_FIND_LINKS:-}" | tr ' ' ,)"
    export UV_INDEX_STRATEGY=unsafe-best-match # as pip does; the hashes make it safe
    cert=${PIP_CERT:-${REQUESTS_CA_BUNDLE:-${CURL_CA_BUNDLE:-${SSL_CERT_FILE:-}}}}
    [ -z "$cert" ] || export PIP_CERT="$cert" SSL_CERT_FILE="$cert"
    [ -z "${PIP_PROXY:-}" ] || export http_proxy="$PIP_PROXY" https_proxy="$PIP_PROXY"
    cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/dev/null}/.cache}/uv}
    { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null || export UV_NO_CACHE=1
}

# Print the error in the output of pip or uv: the last that is named, else the last line.
last_error() {
    errors=$(printf '%s\n' "$1" | grep -iE '^ *([a-z]*error|cause): ' |
        grep -vE '(error|failed|Exception:)$') || errors=$1
    printf '%s\n' "$errors" | tail -n 1 | sed 's/^ *//' | cut -c 1-300
}

# End with the cause that matters in the output of pip or uv, and what to do.
explain() {
    case $1 in
    *SOCKS*) fail "pip cannot use a SOCKS proxy; name an HTTP proxy (PIP_PROXY=http://...)" ;;
    *"PATH separator"*) fail "expected a path without a colon; found $PWD; move this folder" ;;
    *"DO NOT MATCH THE HASHES"*)
        package=$(printf '%s\n' "$1" | sed -nE 's/^ +([^ ]+==[^ ]+) from .*/\1/p' | tail -n 1)
        fail "$package on the package index does not have the hash of the lock; do not trust it" ;;
    *"No space left"*) fail "the disk is full; free some space and run again" ;;
    *CERTIFICATE_VERIFY* | *"TLS CA"* | *"peer certificate"*)
        fail "the certificate of the package index is of an authority unknown here; name its file" \
            "(PIP_CERT=/path/to/authority.pem)" ;;
    *roxyError* | *"unnel connection"* | *"unnel error"*)
        fail "the proxy cannot be used; fix it (PIP_PROXY, https_proxy, http_proxy, all_proxy)" ;;
    *NewConnection* | *"ailed to establish"* | *"ailed to resolve"* | *"imed out"* | *unreachable*)
        fail "no package index can be reached; connect, or name one (PIP_INDEX_URL, PIP_PROXY)" ;;
    *) fail "the packages cannot be installed: $(last_error "$1"); run again" ;;
    esac
}

# Make .venv from the Python $1, with the packages of the lock whose names match $2.
make_venv() {
    if [ -L .venv ]; then rm .venv; fi # to another clone's, which stays as it is
    # The Python of an active environment could be .venv's own.
    base=$("$1" -I -c 'import sys; print(getattr(sys, "_base_executable", None) or sys.executable)')
    problem=$("$base" -I -m venv --clear .venv 2>&1) || explain "$problem"
    read_settings
    awk "/^[a-z0-9]/ { wanted = /^($2)==/ } wanted" requirements.txt >.venv/first.txt
    problem=$($python -m pip install -q --no-deps --require-hashes --only-binary :all: \
        -r .venv/first.txt 2>&1) || explain "$problem"
}

# Print the path of the newest Python that fits, which the uv $1 downloads unless it has one.
download_python() {
    echo "setup: $expected; found$found; uv gets one" >&2
    problem=$("$1" python install '>=3.11,<3.14' 2>&1) ||
        fail "uv cannot get one: $(last_error "$problem"); install one, or name a mirror of uv's" \
            "downloads (UV_PYTHON_INSTALL_MIRROR)"
    "$1" python find --managed-python '>=3.11,<3.14'
}

expected="expected Python 3.11, 3.12 or 3.13 with venv and ensurepip"
fitting='' booting='' found=''
if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else
    set -- python3 python3.13 python3.12 python3.11 python
fi
for candidate; do
    described=$(describe "$candidate") || continue
    found="$found $candidate (${described%% *})"
    case $described in
    *fits) fitting=$candidate && break ;;
    *boots) booting=${booting:-$candidate} ;;
    esac
done
: "${found:= none}"
if [ -z "$fitting" ] && [ -n "${PYTHON:-}" ]; then
    fail "$expected; PYTHON=$PYTHON is$found; name another one"
elif [ -z "$fitting$booting" ]; then
    command -v uv >/dev/null || fail "$expected; found$found; install one (on Debian and Ubuntu:" \
        "python3-venv) or uv, or name one: make setup PYTHON=/path/to/python3.12"
    fitting=$(download_python uv)
fi

# The lock belongs to the open file, which is this shell's and that of all that it starts.
exec 9<>requirements.txt
"${fitting:-$booting}" -I -c '
import fcntl
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("setup: another set-up is at work in this folder; waiting for it", flush=True)
    fcntl.flock(9, fcntl.LOCK_EX)
except OSError:  # a file system without locks
    pass'
if is_ready; then exit; fi

echo "setup: installing the locked packages into .venv, once: half a minute, 2.4 GB on disk"
if [ -z "$fitting" ]; then
    make_venv "$booting" uv
    fitting=$(download_python .venv/bin/uv)
fi
make_venv "$fitting" 'setuptools|uv'
# The one package that is published as source alone is built with the setuptools of the lock.
set -- --no-deps --require-hashes --only-binary :all: --no-binary antlr4-python3-runtime \
    --no-build-isolation -r requirements.txt
if ! problem=$(.venv/bin/uv pip install --python $python "$@" 2>&1); then
    echo "setup: pip installs, in minutes, since uv cannot: $(last_error "$problem")"
    problem=$($python -m pip install -q --use-pep517 "$@" 2>&1) || explain "$problem"
fi
printf '%s\n' "$key" >.venv/ready
