#!/usr/bin/env bash
# The IoU of a model on a labelled stack with every recipe and estimator:
#
#   tests/benchmarks/recipes.sh MODEL STACK LABELS [FIRST:END]
#
# Source share 0 throughout, as the paper; the last rows are fibflow's defaults.
set -euo pipefail
fibflow=$(dirname "$0")/../../build/release/pipeline/cli/fibflow
model=$1 stack=$2 labels=$3 slices=${4:-0:}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

row() {  # row NAME OPTIONS...
  local name=$1
  shift
  "$fibflow" segment "$stack" --model "$model" --slices "$slices" --output "$folder/m.tif" --overwrite --quiet --compare 0 "$@"
  printf '%-44s %s\n' "$name" \
    "$("$fibflow" evaluate "$folder/m.tif" "$labels" --slices "$slices" --json | sed -n 's/^    "iou": \([0-9.]*\),*$/\1/p' | cut -c1-5)"
}

row "none" --recipe none
for estimator in ema pooled prior ubna; do
  row "two-pass, $estimator" --recipe two-pass --estimator "$estimator" --source-share 0
done
for estimator in ema pooled prior ubna; do
  row "stream, $estimator" --estimator "$estimator" --source-share 0 --lag 1
done
row "stream, ema, no probe" --estimator ema --probe 0 --source-share 0 --lag 1
row "stream, frozen after the probe" --freeze probe --source-share 0
row "stream, own statistics of each slice" --normalize-by batch --source-share 0
row "stream, defaults" --recipe stream
row "two-pass, defaults" --recipe two-pass
