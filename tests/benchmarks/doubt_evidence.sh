#!/usr/bin/env bash
# How often the doubt about an adaptation is right:
#
#   tests/benchmarks/doubt_evidence.sh FOLDER [STACKS]
#
# Trains a dozen small models on synthetic cells into FOLDER (unless they are there: half an hour on two cores) and tries
# them on other synthetic cells. The limits in pipeline/adapt/doubt.h were chosen on the part `chosen`; the part `held` has other
# models and other cells. STACKS: a folder with models/*.onnx and data/stacks, for the same with real images.
# FOLDER gets the cases as doubt_PART.csv.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build/release
fibflow=$build/pipeline/cli/fibflow
folder=$1 stacks=${2:-}
mkdir -p "$folder"

model() {  # model NAME FIXATION SEED ITERATIONS DEPTH PHANTOM-OPTIONS...
  local out=$folder/$1 fixation=$2 seed=$3 iterations=$4 depth=$5
  shift 5
  [ -f "$out.onnx" ] && return
  "$fibflow" phantom --fixation "$fixation" --seed "$seed" --shape 24,256,256 --output "$out" --overwrite --quiet "$@"
  "$fibflow" train --images "$out/image.tif" --labels "$out/labels.tif" -o "$out.onnx" --channels 8 --depth "$depth" \
    --patch 128 --batch 8 --iterations "$iterations" --seed 1 --no-curve --overwrite --quiet
}

model chemA chemical 21 400 3
model cryoA cryo 22 400 3
model chemN chemical 23 400 3 --noise 16 --defocus 1
model cryoR cryo 24 400 3 --resin 0.4
model chemL chemical 25 120 3
model cryoB cryo 26 400 3 --resin 0 --noise 5
model chemD chemical 31 400 2
model cryoD cryo 32 400 3 --noise 13
model chemE chemical 33 400 3 --resin 0.35
model cryoE cryo 34 400 3 --mitochondria 0.2

examples=$here/../../examples/demo
try() {  # try NAME ARGUMENTS...
  local name=$1
  shift
  echo "== $name"
  "$build/tests/benchmarks/doubt_evidence" "$folder" "$@" >"$folder/doubt_$name.csv"
  grep '^#' "$folder/doubt_$name.csv"
}
held=("$folder"/{chemD,cryoD,chemE,cryoE}.onnx)
try chosen chosen "$examples"/{source,target}.onnx "$folder"/{chemA,cryoA,chemN,cryoR,chemL,cryoB}.onnx
try held held "${held[@]}"
try held_two-pass held --recipe two-pass "${held[@]}"
[ -n "$stacks" ] || exit 0
for stack in cdeep3m_train cdeep3m_val vnc_stack1; do
  try "real_$stack" "$stacks/data/stacks/$stack" "$stacks"/models/{cdeep3m,vnc}_unet16.onnx
done
