#!/usr/bin/env bash
# Configures and builds one preset: scripts/build.sh [release|dev|asan-ubsan|tsan] [targets ...]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
shift || true
cmake --preset "$preset" >"/tmp/fibflow-configure.$$" 2>&1 || { cat "/tmp/fibflow-configure.$$"; rm -f "/tmp/fibflow-configure.$$"; exit 1; }
rm -f "/tmp/fibflow-configure.$$"
if [ $# -gt 0 ]; then
  cmake --build --preset "$preset" --target "$@"
else
  cmake --build --preset "$preset"
fi
