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
row "two-pass, ema, running statistics" --recipe two-pass --estimator ema --normalize-by running --source-share 0
for estimator in ema pooled prior ubna; do
  row "stream, each slice measured, $estimator" --estimator "$estimator" --measure-every all --source-share 0
done
row "stream, each slice measured, no probe" --measure-every all --probe 0 --source-share 0
for share in 0 0.1 0.25 0.5; do
  row "stream, each slice measured, share $share" --measure-every all --source-share "$share"
  row "stream, share $share" --source-share "$share"
  row "stream, frozen after the probe, share $share" --freeze probe --source-share "$share"
done
row "stream, defaults" --recipe stream
row "two-pass, defaults" --recipe two-pass
