"""Compares casekin's pictures of raster files with Pillow's. Run by `cargo xtask parity raster`.

Usage: parity_raster.py FOLDER STAGES_PROGRAM

Every page of every PNG, JPEG, TIFF, BMP, WebP and GIF below FOLDER; DICOM and slides have comparisons of their own.
Lossless pictures must be equal to the bit, JPEG (also inside TIFF) must lie within 4 grey levels at every pixel. What one
of the two refuses alone is listed. Files that the index of odd ones calls damaged are not compared: each decoder goes on
after a wrong bit in its own way.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import PIL
from PIL import Image, ImageOps

warnings.filterwarnings("ignore")
ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
ELSEWHERE = {"dicom", "wsi"}
LEVELS = 4
BINS = ["equal", "1", "2", "3", "4", "more"]


def min_max(values):
    """Deep grey as docs/FORMATS.md has it: lowest value black, highest white. Pillow would cut it off at 255."""
    values = values.astype("f8")
    low, high = values.min(), values.max()
    scale = 255 / (high - low) if high > low else 0
    grey = ((values - low) * scale + 0.5).astype("u1")
    return np.stack([grey] * 3, axis=-1)


def theirs(image):
    """One page as Pillow shows it: turned, without alpha, in RGB."""
    turned = ImageOps.exif_transpose(image)
    if turned.mode in ("I", "F") or turned.mode.startswith("I;16"):
        return min_max(np.asarray(turned))
    return np.asarray(turned.convert("RGB"))


def pages(path):
    """Yields kind and pixels of each page; of an animation the first frame alone."""
    with Image.open(path) as image:
        count = image.n_frames if image.format == "TIFF" else 1
        for page in range(count):
            image.seek(page)
            kind = image.format
            if kind == "TIFF" and image.info.get("compression") == "jpeg":
                kind = "JPEG in TIFF"
            yield kind, theirs(image)


class Casekin:
    def __init__(self, program, folder):
        self.npy = str(pathlib.Path(folder) / "stage.npy")
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def page(self, file, number):
        wish = {"file": str(file), "frame": number, "stage": "rgb", "npy": self.npy}
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return (None, answer["error"]) if "error" in answer else (np.load(self.npy), None)


def damaged(folder):
    """Files in which a bit was changed on purpose."""
    odd = folder / "images-broken-or-odd"
    with open(odd / "INDEX.csv", newline="") as index:
        return {odd / row["file"] for row in csv.DictReader(index) if "damaged" in row["expect"]}


def apart(ours, reference):
    """The greatest distance of two values; None where the sizes differ."""
    if ours.shape != reference.shape:
        return None
    return int(np.abs(ours.astype("i2") - reference.astype("i2")).max())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("program")
    args = parser.parse_args()
    files = sorted(
        path
        for path in args.folder.rglob("*")
        if path.suffix.lower() in ENDINGS and path.relative_to(args.folder).parts[0] not in ELSEWHERE
    )
    untold = damaged(args.folder).intersection(files)
    files = [path for path in files if path not in untold]
    table, refused, missed = {}, {"both": 0, "Pillow alone": [], "casekin alone": []}, []
    with tempfile.TemporaryDirectory() as scratch:
        casekin = Casekin(args.program, scratch)
        for path in files:
            name = path.relative_to(args.folder)
            try:
                read = list(pages(path))
            except Exception as refusal:
                ours, reason = casekin.page(path, 1)
                if ours is None:
                    refused["both"] += 1
                else:
                    refused["Pillow alone"].append(f"{name}: {refusal}")
                continue
            for number, (kind, reference) in enumerate(read, 1):
                ours, reason = casekin.page(path, number)
                if ours is None:
                    refused["casekin alone"].append(f"{name}: {reason}")
                    continue
                distance = apart(ours, reference)
                bound = LEVELS if kind.startswith("JPEG") else 0
                if distance is None or distance > bound:
                    missed.append(f"{name} page {number}: {distance} levels apart, {ours.shape} and {reference.shape}")
                place = len(BINS) - 1 if distance is None else min(distance, len(BINS) - 1)
                row = table.setdefault(kind, [0] * len(BINS))
                row[place] += 1
                if distance and distance > 3:
                    print(f"{name} page {number}: {distance} levels apart")
    print(f"\n{len(files)} files, Pillow {PIL.__version__}; pages by the greatest distance of a value from Pillow's")
    print(f"  {'':14}" + "".join(f"{head:>7}" for head in BINS))
    for kind, row in sorted(table.items()):
        print(f"  {kind:14}" + "".join(f"{count:7}" for count in row))
    print(f"refused by both: {refused['both']}; damaged and not compared: {len(untold)}")
    for who in ["Pillow alone", "casekin alone"]:
        for line in refused[who]:
            print(f"refused by {who}: {line}")
    for line in missed:
        print(f"MISSED: {line}")
    if missed:
        sys.exit(f"{len(missed)} pages miss their bar")


if __name__ == "__main__":
    main()
