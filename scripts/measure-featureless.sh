#!/usr/bin/env bash
# What leaving featureless area out of the statistics is worth: IoU on phantoms with 0 to 70 % of empty resin, with the
# demo's models, for the source model as it is and for each source share, counting everything and not.
#
#   scripts/measure-featureless.sh [SEED ...]     one table for each direction; means over the seeds (default 11 12 13)
#
# FIBFLOW, FOLDER: the program (default: the release build's) and a place for phantoms (default: a temporary one).
# SOURCE, TARGET: other models for chemically fixed and frozen cells than the demo's.
set -euo pipefail
cd "$(dirname "$0")/.."
fibflow=${FIBFLOW:-build/release/pipeline/cli/fibflow}
if [ -n "${FOLDER:-}" ]; then
  folder=$FOLDER
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
seeds=("$@")
[ $# -gt 0 ] || seeds=(11 12 13)
shares=(0 0.1 0.25 0.5)

iou() {   # iou MODEL STACK OPTIONS...
  local model=$1 stack=$2
  shift 2
  "$fibflow" segment "$stack/image.tif" --model "$model" --output "$folder/masks.tif" --overwrite --quiet --compare 0 "$@"
  "$fibflow" evaluate "$folder/masks.tif" "$stack/labels.tif" --json | sed -n 's/^    "iou": \([0-9.]*\),*$/\1/p'
}

mean() {   # mean MODEL FIXATION RESIN OPTIONS...
  local model=$1 fixation=$2 resin=$3 seed
  shift 3
  for seed in "${seeds[@]}"; do iou "$model" "$folder/$fixation-$resin-$seed" "$@"; done |
    awk '{ sum += $1 } END { printf " %6.3f", sum / NR }'
}

table() {   # table TITLE MODEL FIXATION
  echo
  echo "$1: source share, everything counts | featureless area left out"
  printf '%-7s %6s' resin none
  for side in count leave-out; do printf ' |'; printf ' %6s' "${shares[@]}"; done
  echo
  for resin in 0 0.2 0.4 0.55 0.7; do
    for seed in "${seeds[@]}"; do
      [ -d "$folder/$3-$resin-$seed" ] || "$fibflow" phantom --fixation "$3" --resin "$resin" --seed "$seed" \
        --shape 12,384,384 --output "$folder/$3-$resin-$seed" --quiet
    done
    printf '%-7s' "$resin"
    mean "$2" "$3" "$resin" --recipe none
    for side in count leave-out; do
      printf ' |'
      for share in "${shares[@]}"; do
        mean "$2" "$3" "$resin" --featureless "$side" --source-share "$share" ${OPTIONS:-}
      done
    done
    echo
  done
}

source=${SOURCE:-examples/demo/source.onnx}
target=${TARGET:-examples/demo/target.onnx}
table "chemical to cryo" "$source" cryo
table "cryo to chemical" "$target" chemical
table "cryo to cryo" "$target" cryo
table "chemical to chemical" "$source" chemical
