#!/usr/bin/env bash
# tools/export_onnx.py with the PyTorch that is there: weights of a U-Net become a model that fibflow adapts.
# Usage: tools_test.sh PYTHON SCRIPT FIBFLOW STACK
set -euo pipefail
python=$1 script=$2 fibflow=$3
if ! "$python" -c 'import torch, onnx, numpy' 2>/dev/null; then
  echo "skipped: $python has no PyTorch or no onnx (apt-get install python3-torch python3-onnx)"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > nets.py <<'EOF'
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, base=4, folded=False):
        super().__init__()
        norm = nn.Identity if folded else lambda: nn.BatchNorm2d(base)
        self.body = nn.Sequential(nn.Conv2d(1, base, 3, padding=1), norm(), nn.ReLU(), nn.Dropout2d(0.5),
                                  nn.Conv2d(base, base, 3, padding=1), norm(), nn.ReLU(), nn.Conv2d(base, 1, 1))

    def forward(self, x):
        return self.body(x)
EOF
"$python" - <<'EOF'
import torch
from nets import Net

torch.manual_seed(3)
net = Net(base=6)
net(torch.rand(4, 1, 32, 32))
torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in net.state_dict().items()}}, "weights.pth")
torch.save(net, "network.pt")
torch.save(Net(folded=True).state_dict(), "folded.pth")
EOF
fail() { echo "FAILED: $1"; exit 1; }
export_onnx() { "$python" "$script" "$@" --fibflow "$fibflow" --size 64; }

export_onnx weights.pth --class nets.Net --kwargs '{"base": 6}' --normalization zscore:0.5,0.2 --voxel-nm 8,8,8 | tee said
grep -q '2 BatchNorm layers kept' said || fail "the layers are not counted"
export_onnx network.pt --output whole.onnx > /dev/null || fail "a whole network is not exported"
"$fibflow" info weights.onnx | tee info
grep -q 'BatchNorm .* 2 layers, 12 channels' info || fail "the layers are not in the file"
grep -q 'normalization *zscore:0.5,0.2' info || fail "the metadata is not in the file"

refused() { # command that has to fail with 65 and say $1
  local words=$1; shift
  local code=0
  export_onnx "$@" > /dev/null 2> said || code=$?
  [ "$code" = 65 ] || fail "exit $code instead of 65: $*"
  grep -q -- "$words" said || fail "does not say '$words': $(cat said)"
}
refused 'name its class with --class' weights.pth --output a.onnx
refused 'do not fit nets.Net' weights.pth --class nets.Net --output a.onnx
refused '--kwargs' weights.pth --class nets.Net --kwargs '{"width": 3}' --output a.onnx
refused 'has no BatchNorm2d' folded.pth --class nets.Net --kwargs '{"folded": true}' --output a.onnx
refused 'exists already' weights.pth --class nets.Net --kwargs '{"base": 6}'
refused 'there is no such file' nothing.pth --class nets.Net
[ ! -e a.onnx ] && [ ! -e a.onnx.partial ] || fail "a refusal leaves something behind"

if "$python" -c 'import tifffile, scipy' 2>/dev/null; then
  "$fibflow" phantom --fixation cryo --seed 5 --shape 4,96,96 --output phantom > /dev/null 2>&1
  "$fibflow" train --images phantom/image.tif --labels phantom/labels.tif --output trained.onnx --channels 4 --depth 2 \
    --patch 64 --batch 2 --iterations 1 --validation 0 > /dev/null 2>&1 || fail "no model is trained to compare with"
  export_onnx weights.pth --class nets.Net --kwargs '{"base": 6}' --images phantom/image.tif --labels phantom/labels.tif \
    --output described.onnx > /dev/null || fail "a model is not described"
  "$python" - <<'EOF' || fail "the training is described otherwise than by fibflow itself"
import onnx
metadata = lambda path: {p.key: p.value for p in onnx.load(path).metadata_props}
ours, others = metadata("trained.onnx"), metadata("described.onnx")
for key in ("fibflow.foreground", "fibflow.object_diameter", "fibflow.histogram"):
    print(key, ours[key][:40], others[key][:40])
assert abs(float(ours["fibflow.foreground"]) - float(others["fibflow.foreground"])) < 1e-4
assert abs(float(ours["fibflow.object_diameter"]) - float(others["fibflow.object_diameter"])) < 0.01
ours, others = ([int(n) for n in m["fibflow.histogram"].split(",")] for m in (ours, others))
assert len(others) == 256 and max(abs(a - b) for a, b in zip(ours, others)) < 2000, "histograms differ"
EOF
  refused 'there is no such file' weights.pth --class nets.Net --kwargs '{"base": 6}' --output a.onnx --labels nothing.tif
  [ ! -e a.onnx ] && [ ! -e a.onnx.partial ] || fail "a refusal leaves something behind"
fi
