#!/usr/bin/env bash
# Fuzzes what comes from files: TIFF, ONNX, checkpoints, the journal of a live run.
#
#   scripts/fuzz.sh [SECONDS]    so long for all of them together (default 60); what is found stays in build/fuzz/found
#
# The seeds are the models of the tests, and what the program itself writes (tests/fuzz/make_seeds.cpp).
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}

scripts/install-dependencies.sh --checks
scripts/build.sh fuzz make_seeds {tiff,onnx,checkpoint,journal}_fuzz
work=build/fuzz
found=$work/found
mkdir -p "$found"

"$work/tests/fuzz/make_seeds" "$work/seeds"
mkdir -p "$work/seeds/onnx"
cp tests/fixtures/onnx/models/*.onnx "$work/seeds/onnx/"

for name in tiff onnx checkpoint journal; do
  echo "== $name"
  corpus=$work/corpus/$name
  mkdir -p "$corpus"
  # A hang is a fault, too; memory as a container has it.
  "$work/tests/fuzz/${name}_fuzz" -max_total_time=$((seconds / 4)) -timeout=20 -rss_limit_mb=3000 -max_len=100000 \
    -artifact_prefix="$found/$name-" -print_final_stats=0 -verbosity=0 "$corpus" "$work/seeds/$name" 2>"$work/$name.log" ||
    { tail -40 "$work/$name.log"; echo "$name: a fault; the input is in $found"; exit 1; }
  rm -rf /dev/shm/fibflow-fuzz-* "${TMPDIR:-/tmp}"/fibflow-fuzz-* 2>/dev/null || true
done
echo "nothing found in $seconds seconds"
