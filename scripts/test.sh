#!/usr/bin/env bash
# Installs what is needed, builds, and runs the tests.
#
#   scripts/test.sh               all tests, optimized
#   scripts/test.sh --sanitizers  the same tests under the address, undefined-behaviour and thread sanitizers
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh --tests
if [ "${1:-}" = "--sanitizers" ]; then
  # Memory errors and undefined behaviour can be anywhere; threads are in the nodes and the pipeline.
  scripts/build.sh asan-ubsan
  ctest --preset asan-ubsan -j "$(nproc)" -LE slow
  scripts/build.sh tsan model_tile_tests nodes_{intensity,scale,statistics,tiles,finish}_tests {flow,adapt,segment,resume,live,live_http}_tests
  ctest --preset tsan -j "$(nproc)" -R '^(model.in_parallel|nodes_.*|flow|adapt|segment|resume|live|live_http)$'
else
  scripts/build.sh release
  results=$PWD/build/release/tests.xml
  ctest --preset release -j "$(nproc)" --output-junit "$results" || failed=$?
  scripts/skipped.sh "$results"
  exit "${failed:-0}"
fi
