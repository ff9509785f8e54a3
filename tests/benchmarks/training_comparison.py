"""PyTorch trained on the very batches that `fibflow train` sees, from the same initial weights.

    build/release/tests/benchmarks/training_batches IMAGES LABELS ITERATIONS |
        python3 tests/benchmarks/training_comparison.py OUTPUT.onnx [THREADS]

The same network, loss (cross-entropy and soft Dice over the batch), Adam and one-cycle schedule. The network after the
last iteration is written as ONNX for `fibflow segment`; no validation picks an earlier one. Needs python3-torch, python3-onnx and python3-numpy.
"""
import json
import math
import sys
import time

import numpy as np
import onnx
import torch
import torch.nn.functional as F

from training_benchmark import Net


def rate(peak, progress):
    """PyTorch's OneCycleLR with cosines, by the share of the training that is done."""
    def between(a, b, t):
        return b + (a - b) * (1 + math.cos(math.pi * t)) / 2
    if progress < 0.3:
        return between(peak / 25, peak, progress / 0.3)
    return between(peak, peak / 250000, (progress - 0.3) / 0.7)


def main():
    output = sys.argv[1]
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
    stream = sys.stdin.buffer
    header = json.loads(stream.readline())

    def read(dtype, *shape):
        size = int(np.prod(shape))
        data = stream.read(size * np.dtype(dtype).itemsize)
        return torch.from_numpy(np.frombuffer(data, dtype).reshape(shape).copy())

    net = Net(header["channels"], header["depth"])
    state = {name: read(np.float32, *dims) for name, dims in header["tensors"]}
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)

    net.train()
    optimizer = torch.optim.Adam(net.parameters(), lr=header["learning_rate"])
    size = (header["batch"], 1, header["patch"], header["patch"])
    begin, spent, losses = time.perf_counter(), 0.0, []
    for i in range(header["iterations"]):
        x = read(np.float32, *size)
        t = read(np.uint8, *size).float()
        start = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = rate(header["learning_rate"], i / header["iterations"])
        optimizer.zero_grad(set_to_none=True)
        z = net(x)
        p = torch.sigmoid(z)
        loss = F.binary_cross_entropy_with_logits(z, t) + 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        spent += time.perf_counter() - start
        if (i + 1) % 50 == 0:
            print(f"{i + 1} iterations: loss {np.mean(losses[-50:]):.4f}, {spent / (i + 1):.3f} s per step, "
                  f"{time.perf_counter() - begin:.0f} s", flush=True)

    net.eval()
    patch = header["patch"]
    torch.onnx.export(net, torch.zeros(1, 1, patch, patch), output, opset_version=13,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "n", 2: "h", 3: "w"}, "logits": {0: "n", 2: "h", 3: "w"}})
    model = onnx.load(output)
    for key, value in (("fibflow.normalization", header["normalization"]), ("fibflow.threshold", "0.5")):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, output)


if __name__ == "__main__":
    main()
