#!/usr/bin/env bash
# Installs what is needed, builds fibflow, and shows on a synthetic cell what adaptation is worth.
#
#   scripts/demo.sh          with the small source model that comes with the project (examples/demo)
#   scripts/demo.sh --train  makes that model first, as it was made
#
# Results in demo/: the stacks, the masks, run reports and the picture side_by_side.png.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh
scripts/build.sh release fibflow_cli example_side_by_side
fibflow=build/release/pipeline/cli/fibflow
out=demo
mkdir -p "$out"

echo
echo "== a chemically fixed cell to learn from, and a frozen one that nobody has labelled"
"$fibflow" phantom --fixation chemical --seed 1 --shape 48,384,384 --output "$out/source" --overwrite
"$fibflow" phantom --fixation cryo --seed 2 --shape 32,384,384 --output "$out/target" --overwrite

model=examples/demo/source.onnx
rival=examples/demo/target.onnx
if [ "${1:-}" = "--train" ]; then
  echo "== train on the source; and, for comparison only, on another labelled frozen cell"
  scripts/train-demo-models.sh "$out"
  model=$out/source.onnx
  rival=$out/target.onnx
fi

target=$out/target/image.tif
truth=$out/target/labels.tif
row() {   # row NAME MODEL OPTIONS...: segments the target and prints a line of the table
  local name=$1 file="$out/masks_$2.tif" source=$3
  shift 3
  "$fibflow" segment "$target" --model "$source" --output "$file" --report "${file%.tif}.json" --overwrite --quiet "$@"
  printf '   %-38s %s\n' "$name" "$("$fibflow" evaluate "$file" "$truth" --json | sed -n 's/^    "iou": \([0-9.]*\),*$/\1/p' | cut -c1-5)"
}

echo "== the model of the source on the target"
printf '   %-38s %s\n' "" "IoU"
row "as it is" none "$model" --recipe none
row "adapted in one pass" stream "$model"
row "adapted in one pass, no source share" stream0 "$model" --source-share 0
row "adapted in two passes" two_pass "$model" --recipe two-pass
row "a model trained on such cells" trained "$rival" --recipe none

build/release/examples/example_side_by_side "$out/side_by_side.png" 10 "$target" "$truth" "$out/masks_none.tif" "$out/masks_stream.tif"
echo
echo "$out/side_by_side.png: a slice of the target, the truth, the segmentation before and after adaptation"
