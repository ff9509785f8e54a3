#!/usr/bin/env bash
# Installs what is needed, builds, and runs the tests: optimized, then under the sanitizers.
# scripts/test.sh --quick runs the optimized tests only.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh
scripts/build.sh release
ctest --preset release -j "$(nproc)"
[ "${1:-}" = "--quick" ] && exit 0

scripts/build.sh asan-ubsan
ctest --preset asan-ubsan -j "$(nproc)"
scripts/build.sh tsan
ctest --preset tsan -j "$(nproc)"
