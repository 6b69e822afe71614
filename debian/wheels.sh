#!/bin/bash
# Every wheel of the package, from the lock files with hashes, into one folder. The only step that needs a package index.
#
#     debian/wheels.sh FOLDER            llama.cpp is compiled for any x86-64 computer (about 15 minutes on two cores)
#     debian/wheels.sh FOLDER --native   llama.cpp as pip compiled it for this computer: to try the package, not to ship
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
wheels=$(mkdir -p "$1" && cd "$1" && pwd)
python=${PYTHON:-python3}
pip="$python -m pip --disable-pip-version-check --quiet"
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}

if [ "${2:-}" = "--native" ]; then
  $pip wheel --no-deps --require-hashes -r "$here/../requirements/run.txt" --wheel-dir "$wheels"
else
  awk '/^[a-z0-9]/ { on = !/^llama-cpp-python==/ } on' "$here/../requirements/run.txt" > "$wheels/others.txt"
  $pip download --no-deps --only-binary :all: --require-hashes -r "$wheels/others.txt" --dest "$wheels"
  rm "$wheels/others.txt"
  ls "$wheels"/llama_cpp_python-*.whl >/dev/null 2>&1 || "$here/llama-wheel.sh" "$wheels"
fi

tools=$(mktemp -d) && trap 'rm -rf "$tools"' EXIT
$python -m venv "$tools"
"$tools/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r "$here/build-tools.txt"
"$tools/bin/python" -m pip --disable-pip-version-check --quiet wheel --no-deps --no-build-isolation \
  --wheel-dir "$wheels" "$here/.."
