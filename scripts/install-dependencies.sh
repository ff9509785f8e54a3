#!/usr/bin/env bash
# Installs what fibflow is built with, from Debian 12's own packages. Needs root or sudo.
#
#   scripts/install-dependencies.sh          what the program and its libraries need
#   scripts/install-dependencies.sh --tests  also what only tests need: a browser, and other readers of TIFF
#   scripts/install-dependencies.sh --checks what lint.sh and fuzz.sh need: clang and its tools
set -euo pipefail

packages=(
  build-essential cmake ninja-build
  libtbb-dev                         # flow graph
  libdnnl-dev ocl-icd-opencl-dev     # convolutions; Debian's oneDNN asks for OpenCL's headers
  libonnx-dev libprotobuf-dev protobuf-compiler   # model files
  libtiff-dev libpng-dev libjpeg62-turbo-dev libpugixml-dev libzstd-dev
  libxxhash-dev                      # checksums of what grows; compiled in
  libmicrohttpd-dev                  # the live page
  libspdlog-dev libcli11-dev nlohmann-json3-dev
  libgtest-dev
)

[ "${1:-}" = "--tests" ] && packages+=(chromium python3-tifffile libtiff-tools imagej xvfb xauth)
[ "${1:-}" = "--checks" ] && packages+=(clang clang-format clang-tidy libclang-rt-14-dev)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
