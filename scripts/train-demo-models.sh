#!/usr/bin/env bash
# Makes the two small models of the demo from phantoms: scripts/train-demo-models.sh FOLDER
# FOLDER/source holds the source phantom already (scripts/demo.sh makes it).
set -euo pipefail
cd "$(dirname "$0")/.."
fibflow=build/release/pipeline/cli/fibflow
out=$1

"$fibflow" phantom --fixation cryo --seed 3 --shape 48,384,384 --output "$out/labelled_target" --overwrite
for name in source:source target:labelled_target; do
  "$fibflow" train --images "$out/${name#*:}/image.tif" --labels "$out/${name#*:}/labels.tif" \
    --output "$out/${name%:*}.onnx" --channels 8 --depth 3 --patch 128 --batch 8 --iterations 400 --seed 1 --overwrite
done
