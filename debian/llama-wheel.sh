#!/bin/bash
# llama.cpp for any x86-64 computer: one CPU backend per generation of processors, the right one chosen when it is loaded.
#
#     debian/llama-wheel.sh WHEELS        puts llama_cpp_python-*.whl into the folder WHEELS
#
# A build for the machine it runs on ends with SIGILL on an older one. Nothing that speaks to a network is compiled in: no
# server, no curl, no RPC backend. The paths of the build are mapped away, so two builds have the same bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
wheels=$(mkdir -p "$1" && cd "$1" && pwd)
work=${LLAMA_WORK:-$here/../build/llama}
jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}

rm -rf "$work" && mkdir -p "$work/source" && work=$(cd "$work" && pwd)
# Without it the revision of the repository around the build would be compiled in.
export GIT_CEILING_DIRECTORIES=$work

python3 -m venv "$work/tools"
pip="$work/tools/bin/python -m pip --disable-pip-version-check --quiet"
$pip install --require-hashes -r "$here/build-tools.txt"
awk '/^llama-cpp-python==/ { on = 1 } on { print } on && !/\\$/ { exit }' "$here/../requirements/run.txt" > "$work/source.txt"
$pip download --no-deps --no-binary :all: --no-build-isolation --require-hashes -r "$work/source.txt" -d "$work"
tar -xzf "$work"/llama_cpp_python-*.tar.gz -C "$work/source" --strip-components=1

# A search path of the build is cut at installation, and its length stays in the library: so it names no folder.
map="-ffile-prefix-map=$work=/llama"
export CMAKE_BUILD_PARALLEL_LEVEL=$jobs PATH="$work/tools/bin:$PATH"
export CMAKE_ARGS="-DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON \
 -DGGML_RPC=OFF -DLLAMA_CURL=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAVA_BUILD=OFF -DCMAKE_SKIP_INSTALL_RPATH=OFF \
 -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON -DCMAKE_INSTALL_RPATH=\$ORIGIN -DCMAKE_INSTALL_BINDIR=llama_cpp/lib -DCMAKE_INSTALL_LIBDIR=llama_cpp/lib \
 -DCMAKE_INSTALL_INCLUDEDIR=llama_cpp/include -DCMAKE_C_FLAGS=$map -DCMAKE_CXX_FLAGS=$map \
 -DCMAKE_SHARED_LINKER_FLAGS=-Wl,--build-id=none -DCMAKE_MODULE_LINKER_FLAGS=-Wl,--build-id=none"
$pip wheel --no-deps --no-build-isolation --no-cache-dir --wheel-dir "$wheels" \
  --config-settings=build-dir="$work/build" "$work/source"
