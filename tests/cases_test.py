#!/usr/bin/env python3
"""What becomes of inputs as people have them: runs fibflow over a folder of them and compares with the table in a document.

Usage: cases_test.py FIBFLOW MODEL CASES DOCUMENT [--write]
Exit: 0 the table is right, 1 it is not, 77 the inputs are not here.
"""
import os
import re
import subprocess
import sys
import tempfile

fibflow, model, cases, document = sys.argv[1:5]
if not os.path.isdir(cases):
    print("skipped: recorded inputs are not here: " + cases)
    sys.exit(77)


def run(*arguments, seconds=60):
    done = subprocess.run([fibflow, *arguments], capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def said(text):
    """The refusal, or the warnings, without folders and times."""
    lines = []
    for line in text.splitlines():
        if line.startswith("fibflow: "):
            lines.append(line[len("fibflow: "):])
        elif re.match(r"\d\d:\d\d:\d\d warning ", line):
            lines.append(line[17:])
    words = "; ".join(dict.fromkeys(lines)).replace(cases + "/", "").replace("|", "/")
    words = re.sub(r"(slice \d+ \(reader\): )?((ranges|names|images|models|hostile)/)", r"\2", words)
    words = re.sub(r"; run `fibflow [a-z]+ --help`", "", words)
    return words if len(words) <= 230 else words[:227] + "..."


def iou(folder, mask):
    code, out, err = run("evaluate", mask, os.path.join(cases, "ranges", "labels.tif"))
    found = re.search(r"^whole +([0-9.]+|-)", out, re.M)
    return found.group(1)[:5] if code == 0 and found else "?"


def rows():
    with tempfile.TemporaryDirectory() as folder:
        mask = os.path.join(folder, "masks.tif")

        def segment(path, by=model, more=()):
            if os.path.exists(mask):
                os.remove(mask)
            return run("segment", path, "--model", by, "-o", mask, *more)

        for name in sorted(os.listdir(os.path.join(cases, "ranges"))):
            path = os.path.join(cases, "ranges", name)
            if name == "labels.tif":
                continue
            code, _, err = segment(path, more=("--recipe", "none"))
            as_it_is = iou(folder, mask) if code == 0 else "-"
            code, _, err = segment(path)
            adapted = iou(folder, mask) if code == 0 else "-"
            yield "ranges/" + name, "segment", code, "IoU %s as it is, %s adapted. %s" % (as_it_is, adapted, said(err))
        for name in sorted(os.listdir(os.path.join(cases, "names"))):
            path = os.path.join(cases, "names", name)
            code, _, err = segment(path)
            yield "names/" + name, "segment", code, said(err)
            output = os.path.join(folder, "watch_" + name)
            code, _, err = run("watch", path, "--model", model, "-o", output, "--settle", "0.2s", "--end-after", "1s")
            numbered = re.findall(r"slices are numbered .*", err)
            counted = re.findall(r"\d+ slices segmented.*", err)
            words = "; ".join(numbered[-1:] + counted) if code == 0 else said(err)
            yield "names/" + name, "watch", code, words
        for name in sorted(os.listdir(os.path.join(cases, "images"))):
            path = os.path.join(cases, "images", name)
            if name.startswith("labels_"):
                if name == "labels_prediction.tif":
                    continue
                code, out, err = run("evaluate", os.path.join(cases, "images", "labels_prediction.tif"), path,
                                     "--foreground", "nonzero")
                found = re.search(r"^whole +([0-9.]+)", out, re.M)
                yield "images/" + name, "evaluate", code, "IoU " + found.group(1)[:5] if found else said(err)
                continue
            code, _, err = segment(path)
            yield "images/" + name, "segment", code, said(err)
        for kind in ("models", "hostile"):
            for name in sorted(os.listdir(os.path.join(cases, kind))):
                if not name.endswith((".onnx", ".pth")):
                    continue
                code, _, err = segment(os.path.join(cases, "models", "test.tif"), os.path.join(cases, kind, name),
                                       ("--normalization", "unit", "--recipe", "none"))
                yield kind + "/" + name, "segment", code, said(err)


table = ["| input | command | exit | what is said |", "| --- | --- | --- | --- |"]
table += ["| %s | %s | %d | %s |" % row for row in rows()]
print("\n".join(table))
text = open(document, encoding="utf-8").read()
begin, end = "<!-- cases -->\n", "<!-- /cases -->"
before, rest = text.split(begin)
recorded, after = rest.split(end)
if "--write" in sys.argv:
    open(document, "w", encoding="utf-8").write(before + begin + "\n".join(table) + "\n" + end + after)
    sys.exit(0)
if recorded.strip().splitlines() != table:
    print("\nthe table in %s is another one:" % document)
    for line in recorded.strip().splitlines():
        if line not in table:
            print("- " + line)
    for line in table:
        if line not in recorded:
            print("+ " + line)
    sys.exit(1)
