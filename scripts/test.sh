#!/usr/bin/env bash
# Installs what is needed, builds, and runs the tests: optimized, then under the sanitizers.
# scripts/test.sh --quick runs the optimized tests only.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh
scripts/build.sh release
ctest --preset release -j "$(nproc)"
[ "${1:-}" = "--quick" ] && exit 0

# Memory errors and undefined behaviour can be anywhere; threads are in the nodes and the pipeline.
scripts/build.sh asan-ubsan
ctest --preset asan-ubsan -j "$(nproc)" -LE slow
scripts/build.sh tsan model_tests nodes_tests pipeline_tests segment_tests
ctest --preset tsan -j "$(nproc)" -R '^(model.in_parallel|nodes|pipeline|segment)$'
