#!/usr/bin/env bash
# What fibflow writes, as tifffile, libtiff's tools and ImageJ read it.
# Usage: foreign_readers_test.sh PYTHON WRITE_SAMPLES
set -euo pipefail
python=$1 write_samples=$2
if ! "$python" -c 'import tifffile' 2>/dev/null || ! command -v tiffcmp >/dev/null; then
  echo "skipped: $python has no tifffile, or libtiff's tools are missing (apt-get install python3-tifffile libtiff-tools)"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$write_samples" "$folder"
cat > "$folder/check.py" <<'EOF'
import glob, os, sys
import numpy as np
import tifffile

folder = sys.argv[1]
count = 0
for path in sorted(glob.glob(os.path.join(folder, "*.tif"))):
    name = os.path.basename(path)[:-4].split("-")
    slices = int(name[2])
    z, y, x = np.mgrid[:slices, :37, :53]
    right = ((31 * z + 7 * y + 3 * x) % 251).astype({"u8": "u1", "u16": "u2", "f32": "f4"}[name[0]])
    if name[0] == "f32":
        right /= 4
    if name[1] == "zstd":
        continue  # needs a package that Debian does not have
    with tifffile.TiffFile(path) as file:
        stack = file.asarray()
        assert np.array_equal(stack.reshape(right.shape), right), path + ": the stack is read wrong"
        assert len(file.pages) == slices, path
        for i, page in enumerate(file.pages):
            assert np.array_equal(page.asarray(), right[i]), path + ": page %d is read wrong" % i
    count += 1
assert count == 48, count
EOF
"$python" "$folder/check.py" "$folder"
# The same voxels whatever the compression, by libtiff's own comparison.
compared=0
for none in "$folder"/*-none-*.tif; do
  for other in deflate zstd; do
    tiffcmp "$none" "${none/-none-/-$other-}" >"$folder/differences" 2>&1 || true
    if grep -qE 'Scanline|sample|[Cc]annot|rror' "$folder/differences"; then
      cat "$folder/differences"; echo "$none and $other differ"; exit 1
    fi
    compared=$((compared + 1))
  done
done
[ "$compared" -eq 48 ]

ij=/usr/share/java/ij.jar
if ! command -v java >/dev/null || ! command -v xvfb-run >/dev/null || [ ! -f "$ij" ]; then
  echo "ImageJ is not here (apt-get install imagej xvfb xauth): tifffile and libtiff read everything as it was written"
  exit 0
fi
cat > "$folder/read.ijm" <<'EOF'
setBatchMode(true);
folder = getArgument();
files = getFileList(folder);
for (f = 0; f < files.length; f++) {
  if (!endsWith(files[f], ".tif") || indexOf(files[f], "zstd") >= 0 || indexOf(files[f], "-big") >= 0) continue;
  open(folder + files[f]);
  getDimensions(w, h, c, s, t);
  scale = 1;
  if (startsWith(files[f], "f32")) scale = 4;
  wrong = 0;
  for (z = 0; z < nSlices; z++) {
    setSlice(z + 1);
    for (y = 0; y < h; y++) {
      for (x = 0; x < w; x++) {
        if (getPixel(x, y) * scale != (31 * z + 7 * y + 3 * x) % 251) wrong++;
      }
    }
  }
  getVoxelSize(vw, vh, vd, unit);
  print(files[f] + " " + nSlices + " " + w + " " + h + " " + wrong + " " + vw + " " + vd + " " + unit);
  close();
}
EOF
# Its macros need a screen, though nobody looks at it.
timeout 120 xvfb-run -a java -cp "$ij" ij.ImageJ -batch "$folder/read.ijm" "$folder/" > "$folder/imagej" 2>&1 || true
read_by_imagej=0
while read -r file slices w h wrong vw vd unit; do
  expected=${file%.tif}
  if [ "$slices" != "${expected##*-}" ] || [ "$w $h $wrong $vw $unit" != "53 37 0 4 nm" ] ||
     { [ "$slices" -gt 1 ] && [ "$vd" != 20 ]; }; then
    echo "ImageJ reads wrong: $file $slices $w $h $wrong $vw $vd $unit"; exit 1
  fi
  read_by_imagej=$((read_by_imagej + 1))
done < <(grep '\.tif ' "$folder/imagej")
if [ "$read_by_imagej" -ne 24 ]; then
  cat "$folder/imagej"; echo "ImageJ read $read_by_imagej of 24 files"; exit 1
fi
echo "tifffile, libtiff and ImageJ read everything as it was written"
