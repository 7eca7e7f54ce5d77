#!/bin/sh
# Makes .venv hold what requirements.txt locks: `tools/setup.sh` for the pipeline, `tools/setup.sh dev`
# for its tests too. Does nothing where that is so already. PYTHON names the Python to build from.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH PYTHONSAFEPATH VIRTUAL_ENV CONDA_PREFIX __PYVENV_LAUNCHER__

if [ "${OS:-}" = Windows_NT ]; then venv=.venv/Scripts/python; else venv=.venv/bin/python; fi

version() { "$1" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# A clone that was moved has scripts that start with the old path, so the path is part of the key.
key="$PWD $(cksum <requirements.txt)"
if [ "$(cat ".venv/ready-${1:-run}" 2>/dev/null)" = "$key" ] && found=$(version "$venv") &&
	{ [ -z "${PYTHON:-}" ] || [ "$(version "$PYTHON")" = "$found" ]; }; then
	exit
fi

fits() {
	[ "$("$1" -I -c 'import ensurepip, sys, venv
print((3, 11) <= sys.version_info < (3, 14) and sys.implementation.name == "cpython")' 2>/dev/null)" = True ]
}

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
	if fits "$candidate"; then
		python=$candidate
		break
	fi
done
if [ -z "$python" ] && [ -n "${PYTHON:-}" ]; then
	echo "setup: expected Python 3.11, 3.12 or 3.13 with venv and ensurepip; PYTHON=$PYTHON is" \
		"$(version "$PYTHON" || echo "no Python"); name another one" >&2
	exit 1
elif [ -z "$python" ] && command -v uv >/dev/null; then
	python=$(uv python find --quiet '>=3.11,<3.14' || { uv python install --quiet 3.13 && uv python find 3.13; }) || true
fi
if [ -z "$python" ]; then
	echo "setup: expected Python 3.11, 3.12 or 3.13 with venv and ensurepip; found none on the PATH;" \
		"install one (on Debian and Ubuntu: python3 and python3-venv), or name one: make setup PYTHON=/path/to/python3.12" >&2
	exit 1
fi

# Not the Python of an environment that is active, which could be .venv itself.
base=$("$python" -I -c 'import sys; print(getattr(sys, "_base_executable", None) or sys.executable)')
exec "$base" -I tools/setup.py "$key" "${1:-run}"
