#!/usr/bin/env bash
# Installs the release build into a temporary place, and builds and runs the examples against what is installed there.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cmake --install build/release --prefix "$place/installed" >/dev/null
"$place/installed/bin/fibflow" --version
cmake -S examples -B "$place/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$place/installed" >"$place/log" ||
  { cat "$place/log"; exit 1; }
cmake --build "$place/build" >"$place/log" || { cat "$place/log"; exit 1; }
cd "$place/build"
./example_one_image
./example_own_source "$place/build" | tail -1
./example_model_drift source.onnx adapted.onnx | tail -1
