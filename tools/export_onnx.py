#!/usr/bin/env python3
"""Exports a PyTorch U-Net as an ONNX model that fibflow can adapt.

    export_onnx.py CHECKPOINT --class package.Network [--kwargs '{"channels": 16}'] [--output model.onnx]

CHECKPOINT is what torch.save() wrote: the weights (a state_dict, also inside of a dictionary with other things), or the whole
network. --class says which class the weights belong to; its module is looked for beside the checkpoint, in the working folder and
where Python looks otherwise.

Exporters fold BatchNorm into the convolutions before it, as it makes no difference to them; a model without it cannot be adapted. This
picks the arguments that keep it for the PyTorch that is there, checks that every BatchNorm2d of the network is in the file, computes an
image with both and compares, and writes what fibflow wants to know into the file's metadata.

Needs PyTorch and the package onnx, and to compare one of onnxruntime, onnx 1.13 or newer, or the program fibflow.
"""

import argparse
import importlib
import inspect
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

TOLERANCE = 1e-4


class Refusal(Exception):
    """What is wrong, and the way out."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--class", dest="network", metavar="package.Network", help="of the network")
    parser.add_argument("--kwargs", default="{}", metavar="JSON", help="what it is made with")
    parser.add_argument("--output", metavar="ONNX", help="default: the checkpoint's name with .onnx")
    parser.add_argument("--channels", type=int, default=1, help="of the image [1]")
    parser.add_argument("--size", type=int, default=128, help="height and width of the image it is tried with [128]")
    parser.add_argument("--opset", type=int, default=13, help="[13]")
    parser.add_argument("--normalization", metavar="RULE", help="of intensities in training, as in zscore:0.49,0.20")
    parser.add_argument("--threshold", type=float, help="probability above which a pixel is foreground")
    parser.add_argument("--voxel-nm", metavar="Z,Y,X", help="size of the voxels that it was trained on")
    parser.add_argument("--output-map", metavar="NAME|NUMBER", help="which of several maps is the one")
    parser.add_argument("--images", metavar="TIFF", help="that it was trained on: gray levels are described by them")
    parser.add_argument("--labels", metavar="TIFF", help="of those images, not 0 in objects: their share and size")
    parser.add_argument("--fibflow", default=shutil.which("fibflow"), metavar="PROGRAM", help="to compare with")
    parser.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    return parser.parse_args()


def load_network(options, torch):
    if not os.path.exists(options.checkpoint):
        raise Refusal(f"{options.checkpoint}: there is no such file")
    sys.path[:0] = [os.path.dirname(os.path.abspath(options.checkpoint)), os.getcwd()]
    # Networks are pickled by their class; weights_only would refuse them. A checkpoint is code: take those that you trust.
    newer = "weights_only" in inspect.signature(torch.load).parameters
    try:
        content = torch.load(options.checkpoint, map_location="cpu", **({"weights_only": False} if newer else {}))
    except Exception as error:  # pickle raises anything
        raise Refusal(f"{options.checkpoint}: cannot be read by torch.load: {error}") from error
    if isinstance(content, torch.nn.Module):
        return content
    weights = weights_of(content, torch, options.checkpoint)
    if not options.network:
        raise Refusal(f"{options.checkpoint}: holds weights without their network: name its class with --class package.Network")
    module, _, name = options.network.rpartition(".")
    try:
        network = getattr(importlib.import_module(module), name)(**json.loads(options.kwargs))
    except (ImportError, AttributeError, ValueError) as error:
        raise Refusal(f"--class {options.network}: {error}") from error
    except TypeError as error:
        raise Refusal(f"--class {options.network}: {error}; --kwargs says what it is made with") from error
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise Refusal(f"{options.checkpoint}: the weights do not fit {options.network}: {error}") from error
    return network


def weights_of(content, torch, path):
    """The state_dict in what was saved, without the prefix that DataParallel puts before its names."""
    for key in ("state_dict", "model_state_dict", "model", "net", "weights"):
        if isinstance(content, dict) and isinstance(content.get(key), (dict, torch.nn.Module)):
            content = content[key]
    if isinstance(content, torch.nn.Module):
        content = content.state_dict()
    if not isinstance(content, dict) or not content or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise Refusal(f"{path}: holds neither a network nor its weights (a state_dict)")
    prefixes = ("module.", "model.", "net.")
    for prefix in prefixes:
        if all(name.startswith(prefix) for name in content):
            content = {name[len(prefix):]: value for name, value in content.items()}
    return content


def export(network, image, path, options, torch):
    """With BatchNorm kept, whatever exporter this PyTorch has."""
    known = inspect.signature(torch.onnx.export).parameters
    how = {"opset_version": options.opset, "input_names": ["image"], "do_constant_folding": False}
    with torch.no_grad():
        results = network(image)
    count = len(results) if isinstance(results, (tuple, list)) else 1
    names = ["logits"] if count == 1 else [f"output_{i}" for i in range(count)]
    how["output_names"] = names
    how["dynamic_axes"] = {name: {2: "height", 3: "width"} for name in ["image"] + names}
    if "dynamo" in known:
        how["dynamo"] = False
    how["training"] = torch.onnx.TrainingMode.PRESERVE
    try:
        torch.onnx.export(network, (image,), path, **how)
    except (TypeError, AttributeError, RuntimeError) as error:
        if "dynamo" not in known:
            raise Refusal(f"torch.onnx.export fails: {error}") from error
        # A PyTorch that has the new exporter only: without its optimizer, which folds BatchNorm.
        how = {"opset_version": max(options.opset, 18), "input_names": ["image"], "output_names": names, "dynamo": True,
               "optimize": False, "dynamic_shapes": ({2: "height", 3: "width"},)}
        torch.onnx.export(network, (image,), path, **how)


def check_batch_norms(network, model, torch):
    wanted = sum(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    found = sum(node.op_type == "BatchNormalization" for node in model.graph.node)
    if wanted == 0:
        raise Refusal("the network has no BatchNorm2d, so that there is nothing to adapt; fibflow segments with such a model (if "
                      "it has no group or instance normalization) with --recipe none: export it with torch.onnx.export")
    if found != wanted:
        raise Refusal(f"the network has {wanted} BatchNorm2d, the file {found} BatchNormalization: layers that are used twice or "
                      "not at all, or an exporter that folds them")
    return found


def first(results):
    return results[0] if isinstance(results, (tuple, list)) else results


def compare(network, image, path, options, torch):
    """The largest difference between what both compute, and with what it was computed."""
    with torch.no_grad():
        expected = first(network(image)).numpy()
    try:
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return abs(session.run(None, {"image": image.numpy()})[0] - expected).max(), "onnxruntime"
    except ImportError:
        pass
    try:
        from onnx.reference import ReferenceEvaluator
        return abs(ReferenceEvaluator(path).run(None, {"image": image.numpy()})[0] - expected).max(), "onnx"
    except ImportError:
        pass
    if not options.fibflow:
        raise Refusal("nothing is there to compare with: install onnxruntime, or name fibflow with --fibflow PROGRAM")
    if image.shape[1] != 1 or expected.shape[1] != 1:
        raise Refusal("fibflow compares networks with one channel in and out: install onnxruntime for this one")
    return compare_with_fibflow(image.numpy()[0, 0], expected[0, 0], path, options), "fibflow"


def compare_with_fibflow(image, expected, path, options):
    import numpy as np
    with tempfile.TemporaryDirectory() as folder:
        stack = os.path.join(folder, "image.tif")
        height, width = image.shape
        fields = [(256, 4, width), (257, 4, height), (258, 3, 32), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
                  (278, 4, height), (279, 4, image.nbytes), (339, 3, 3)]
        with open(stack, "wb") as file:
            file.write(b"II*\0" + struct.pack("<I", 8 + image.nbytes) + image.astype("<f4").tobytes())
            file.write(struct.pack("<H", len(fields)))
            for tag, kind, value in fields:
                file.write(struct.pack("<HHII", tag, kind, 1, value))
            file.write(struct.pack("<I", 0))
        probability = os.path.join(folder, "p.tif")
        run = subprocess.run([options.fibflow, "segment", stack, "--model", path, "--recipe", "none", "--normalization", "unit",
                              "--intensity-range", "0,1", "-o", os.path.join(folder, "m.tif"), "--probability", probability,
                              "--probability-type", "f32", "--compression", "none", "-q"], capture_output=True, text=True,
                             check=False)
        if run.returncode != 0:
            raise Refusal(f"fibflow does not take the model: {run.stderr.strip()}")
        found = read_tiff(probability, height, width)
    kinds_of_sigmoid = 0 <= expected.min() and expected.max() <= 1
    wanted = expected if kinds_of_sigmoid else 1 / (1 + np.exp(-expected.astype("f8")))
    return abs(found - wanted).max()


def read_tiff(path, height, width):
    """A page of floats as fibflow writes it: not compressed, little-endian."""
    import numpy as np
    with open(path, "rb") as file:
        data = file.read()
    at = struct.unpack_from("<I", data, 4)[0]
    fields = {}
    for i in range(struct.unpack_from("<H", data, at)[0]):
        tag, kind, count, value = struct.unpack_from("<HHII", data, at + 2 + 12 * i)
        fields[tag] = (count, value)
    count, offsets = fields[273]
    strips = [offsets] if count == 1 else struct.unpack_from(f"<{count}I", data, offsets)
    count, sizes = fields[279]
    lengths = [sizes] if count == 1 else struct.unpack_from(f"<{count}I", data, sizes)
    voxels = b"".join(data[s:s + n] for s, n in zip(strips, lengths))
    return np.frombuffer(voxels, "<f4").reshape(height, width)


def pages(path):
    """The slices of a TIFF, one after the other."""
    try:
        import tifffile
    except ImportError as error:
        raise Refusal(f"{error}: tifffile is needed for {path} (pip install tifffile, or apt-get install python3-tifffile)"
                      ) from error
    if not os.path.exists(path):
        raise Refusal(f"{path}: there is no such file")
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            yield page.asarray()


def histogram_of(path):
    """Shares of the gray levels in 256 equal bins of the type's range, in parts of a million."""
    import numpy as np
    counts = np.zeros(256, np.int64)
    for image in pages(path):
        if image.dtype not in (np.uint8, np.uint16):
            raise Refusal(f"{path}: is of {image.dtype}; gray levels of 8 or 16 bits are described")
        counts += np.bincount((image >> (8 * (image.itemsize - 1))).ravel(), minlength=256)
    return ",".join(str(round(count * 1e6 / counts.sum())) for count in counts)


def objects_of(path):
    """Share of the foreground, and the median over its pixels of the diameter of the object that they are of: of a circle of
    the same area, in pixels; an object is what edges connect in a slice."""
    import numpy as np
    try:
        from scipy import ndimage
    except ImportError as error:
        raise Refusal(f"{error}: SciPy is needed for {path} (pip install scipy, or apt-get install python3-scipy)") from error
    areas, pixels = [], 0
    for labels in pages(path):
        objects, _ = ndimage.label(labels != 0)
        areas.append(np.bincount(objects.ravel())[1:])
        pixels += labels.size
    areas = np.sort(np.concatenate(areas))
    if not len(areas):
        raise Refusal(f"{path}: nothing is labelled")
    middle = areas[np.searchsorted(2 * np.cumsum(areas), areas.sum())]
    return f"{areas.sum() / pixels:.5g}", f"{2 * np.sqrt(middle / np.pi):.4g}"


def write_metadata(model, options):
    foreground, diameter = objects_of(options.labels) if options.labels else (None, None)
    values = {"fibflow.histogram": histogram_of(options.images) if options.images else None,
              "fibflow.foreground": foreground, "fibflow.object_diameter": diameter,
              "fibflow.normalization": options.normalization, "fibflow.threshold": options.threshold,
              "fibflow.voxel_nm": options.voxel_nm, "fibflow.output_map": options.output_map}
    for key, value in values.items():
        if value is None:
            continue
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)


def run(options):
    try:
        import torch
        import onnx
    except ImportError as error:
        raise Refusal(f"{error}: PyTorch and onnx are needed (pip install torch onnx, or apt-get install python3-torch "
                      "python3-onnx)") from error
    output = options.output or os.path.splitext(options.checkpoint)[0] + ".onnx"
    if os.path.exists(output) and not options.overwrite:
        raise Refusal(f"{output}: exists already (--overwrite replaces it)")
    network = load_network(options, torch).float().eval()
    torch.manual_seed(1)
    image = torch.rand(1, options.channels, options.size, options.size)
    unfinished = output + ".partial"
    try:
        export(network, image, unfinished, options, torch)
        model = onnx.load(unfinished)
        layers = check_batch_norms(network, model, torch)
        write_metadata(model, options)
        onnx.save(model, unfinished)
        difference, other = compare(network, image, unfinished, options, torch)
        if not difference <= TOLERANCE:
            raise Refusal(f"{other} computes something else from the file than PyTorch from the network: they differ by "
                          f"{difference:.2g}; layers that behave otherwise in training (Dropout by function) do that")
        os.replace(unfinished, output)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)
    print(f"{output}: {layers} BatchNorm layers kept; {other} and PyTorch differ by {difference:.2g} at most")
    if options.normalization is None:
        print("how intensities were normalized in training is not said (--normalization): fibflow will divide them by their "
              "type's maximum")


def main():
    try:
        run(arguments())
    except Refusal as refusal:
        print(f"export_onnx.py: {refusal}", file=sys.stderr)
        return 65
    return 0


if __name__ == "__main__":
    sys.exit(main())
