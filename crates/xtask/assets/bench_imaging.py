"""casekin's reading of pictures beside pydicom and openslide-python, in one run: `cargo xtask bench imaging`.

Rounds are interleaved, ours and the peer's, each in its own process but on the same pictures, which the page cache
holds; the medians of the rounds are compared. One Markdown table goes to standard output, progress to standard error.
"""

import argparse
import csv
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import openslide
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

ROUNDS = 9
TILE_PX = 448
REGIONS = 60
TILES = 400
BIG_PX = 50_000


def log(text):
    print(text, file=sys.stderr, flush=True)


# As decode workers have it where somebody waits for a picture.
CODEC_THREADS = min(os.cpu_count(), 4)


class Ours:
    def __init__(self, program):
        environment = {**os.environ, "OPJ_NUM_THREADS": str(CODEC_THREADS)}
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, do, **wish):
        wish = {key: str(value) if isinstance(value, Path) else value for key, value in wish.items()}
        self.process.stdin.write(json.dumps({"do": do, **wish}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(f"{do}: {answer['error']}")
        return answer


def timed(work):
    started = time.perf_counter()
    made = work()
    return (time.perf_counter() - started) * 1e3, made


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def ratio_row(name, ours, peer, bar):
    ratio = statistics.median(peer) / statistics.median(ours)
    verdict = "met" if ratio >= bar else f"missed by {(1 - ratio / bar) * 100:.0f} %"
    return f"| {name} | {spread(ours)} | {spread(peer)} | {ratio:.2f}× | ≥ {bar:g}×: {verdict} |", ratio


# --- DICOM -----------------------------------------------------------------------------------------------------------


def plugins_for(dataset):
    """The decoders of pydicom that are installed for a transfer syntax; None where pixels lie plain."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        return [None]
    from pydicom.pixels import get_decoder

    return list(get_decoder(syntax).available_plugins)


def peer_voi(path, plugin):
    """File to the values after the window, by pydicom's own functions and in the types that they choose."""
    dataset = pydicom.dcmread(path)
    pixels = (
        dataset.pixel_array
        if plugin is None
        else pydicom.pixels.pixel_array(dataset, index=0, decoding_plugin=plugin)
    )
    if dataset.SamplesPerPixel > 1:
        return pixels
    return apply_voi_lut(apply_modality_lut(pixels, dataset), dataset)


def peer_screen(path, plugin):
    """File to 8 bits for the screen: the values after the window, spread over 0 to 255 in place. Colour of 8 bits is
    what pydicom gives already. MONOCHROME1 is left as it is, which saves the peer a pass."""
    values = peer_voi(path, plugin)
    if values.dtype == np.uint8:
        return values
    low, high = float(values.min()), float(values.max())
    scale = 255.0 / (high - low) if high > low else 0.0
    if values.dtype.kind != "f":
        # Whole numbers go through a table of all of them: much faster than arithmetic on each pixel.
        first = min(int(low), 0)
        table = (np.clip(np.arange(first, int(high) + 1) - low, 0, None) * scale + 0.5).astype(np.uint8)
        return table[values if first == 0 else values.astype(np.int32) - first]
    np.subtract(values, low, out=values)
    np.multiply(values, scale, out=values)
    return values.astype(np.uint8)


# The crate that decodes a transfer syntax for casekin.
CODECS = {
    "1.2.840.10008.1.2.4.50": "libjpeg",
    "1.2.840.10008.1.2.4.57": "jpeg_decoder",
    "1.2.840.10008.1.2.4.70": "jpeg_decoder",
    "1.2.840.10008.1.2.4.80": "charls",
    "1.2.840.10008.1.2.4.81": "charls",
    "1.2.840.10008.1.2.4.90": "OpenJPEG",
    "1.2.840.10008.1.2.4.91": "OpenJPEG",
}


def bare_frame(path, folder):
    """The first frame's compressed bytes as a file, and the crate that decodes them; None where there is no codec
    that could be called by itself."""
    dataset = pydicom.dcmread(path)
    codec = CODECS.get(str(dataset.file_meta.TransferSyntaxUID))
    if codec is None:
        return None
    frames = int(getattr(dataset, "NumberOfFrames", None) or 1)
    bare = folder / "frame"
    bare.write_bytes(next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=frames)))
    return bare, codec


def made_from_real(shared, folder):
    """Uncompressed and RLE copies of a real radiograph, and one enlarged to a large detector's size."""
    source = pydicom.dcmread(shared / "data/dicom/image/pydicom-data__RG3_J2KR.dcm")
    pixels = source.pixel_array
    made = []
    for name, repeat, syntax in (
        ("uncompressed 1760²", 1, ExplicitVRLittleEndian),
        ("uncompressed 3520²", 2, ExplicitVRLittleEndian),
        ("RLE 1760²", 1, RLELossless),
    ):
        copy = pydicom.dcmread(shared / "data/dicom/image/pydicom-data__RG3_J2KR.dcm")
        enlarged = np.ascontiguousarray(np.kron(pixels, np.ones((repeat, repeat), pixels.dtype)))
        copy.decompress()
        copy.Rows, copy.Columns = enlarged.shape
        copy.PixelData = enlarged.tobytes()
        copy.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if syntax is RLELossless:
            copy.compress(RLELossless)
        path = folder / f"{name.replace(' ', '-')}.dcm"
        copy.save_as(path)
        made.append((name, path))
    return made


def large_pictures(shared):
    index = shared / "data/dicom/INDEX.csv"
    with index.open() as rows:
        for row in csv.DictReader(rows):
            size = row["rows"] and int(row["rows"]) * int(row["columns"])
            if row["category"] == "image" and size and size >= 1_000_000 and row["ref_decode"] == "ok":
                short = row["transfer_syntax_name"].split(",")[0].split("(")[0].strip()
                name = f"{short} {row['columns']} × {row['rows']}"
                yield name, shared / "data/dicom" / row["file"]


def fastest_plugin(path):
    """The plugin of pydicom that shows a picture first, and the values it gives; None where none does."""
    best = None
    for plugin in plugins_for(pydicom.dcmread(path, stop_before_pixels=True)):
        try:
            took, values = min((timed(lambda: peer_voi(path, plugin)) for _ in range(3)), key=lambda one: one[0])
        except Exception as error:  # a decoder that does not do this picture is no peer for it
            log(f"  {plugin}: {error}")
            continue
        if best is None or took < best[0]:
            best = (took, plugin, values)
    return best and best[1:]


def verdict_of(ratio, most):
    """Whether three times the peer is reached, and where it is not, whether the codec leaves room for it."""
    if ratio >= 3:
        return "≥ 3×: met"
    if most is not None and most < 3:
        return f"≥ 3×: beyond this codec, {ratio / most * 100:.0f} % of {most:.2f}× reached"
    return f"≥ 3×: missed by {(1 - ratio / 3) * 100:.0f} %"


def mean_of(ratios):
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))


def dicom_table(ours, shared, folder):
    rows, screens, open_to_all, values = [], [], [], []
    for name, path in [*large_pictures(shared), *made_from_real(shared, folder)]:
        log(f"DICOM {name}")
        first = ours.ask("voi", file=path)
        found = fastest_plugin(path)
        if found is None:
            continue
        plugin, seen = found
        if not math.isclose(float(np.mean(seen)), first["mean"], rel_tol=2e-3, abs_tol=1):
            log(f"  values differ: {np.mean(seen)} and {first['mean']}")
        bare = bare_frame(path, folder)
        took = {key: [] for key in ("screen", "peer screen", "voi", "peer voi", "codec")}
        for _ in range(ROUNDS):
            took["screen"].append(ours.ask("screen", file=path)["ms"])
            took["peer screen"].append(timed(lambda: peer_screen(path, plugin))[0])
            took["voi"].append(ours.ask("voi", file=path)["ms"])
            took["peer voi"].append(timed(lambda: peer_voi(path, plugin))[0])
            if bare:
                took["codec"].append(ours.ask("codec", file=bare[0], codec=bare[1])["ms"])
        middle = {key: statistics.median(times) for key, times in took.items() if times}
        ratio = middle["peer screen"] / middle["screen"]
        most = middle["peer screen"] / middle["codec"] if bare else None
        typed = middle["peer voi"] / middle["voi"]
        screens.append(ratio)
        values.append(typed)
        if most is None or most >= 3:
            open_to_all.append(ratio)
        floor = f"{bare[1]} {middle['codec']:.2f} | {most:.2f}×" if bare else "– | –"
        rows.append(
            f"| {name}, {plugin or 'numpy alone'} | {spread(took['screen'])} | {spread(took['peer screen'])} | "
            f"{ratio:.2f}× | {floor} | {verdict_of(ratio, most)} | {typed:.2f}× |"
        )
    rows.append(
        f"| **all, geometric mean** | | | **{mean_of(screens):.2f}×** | | | {verdict_of(mean_of(screens), None)} | "
        f"**{mean_of(values):.2f}×** |"
    )
    rows.append(
        f"| **the {len(open_to_all)} whose codec leaves room for 3×** | | | **{mean_of(open_to_all):.2f}×** | | | "
        f"{verdict_of(mean_of(open_to_all), None)} | |"
    )
    head = (
        "| DICOM picture, pydicom's plugin | casekin, ms | pydicom, ms | ratio | codec alone, ms | most possible | bar | "
        "as values |\n|---|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *rows])


DICOM_WORDS = """
Timed from file to 8-bit picture. casekin: the viewer's own path (`render`), to RGB. pydicom: `dcmread`, `pixel_array` by
the fastest of its plugins for the picture, `apply_modality_lut`, `apply_voi_lut`, then 0 to 255 in place by numpy, to grey
(MONOCHROME1 not inverted). *Codec alone* is the crate that casekin uses, called on the compressed frame in memory and
nothing else; *most possible* is pydicom's whole time over that: no program around this codec can be further ahead.
*As values* compares the windowed values in pydicom's types (64-bit floating point) instead, as `casekin decode --stage voi`
and `apply_voi_lut` give them.
"""


# --- Slides ----------------------------------------------------------------------------------------------------------


def region_rows(ours, shared):
    rows = []
    slides = ["CMU-1-Small-Region.svs", "test3-TRITC_2_560_.ndpi"]
    for name in slides:
        path = shared / "data/wsi" / name
        log(f"slide {name}")
        slide = openslide.OpenSlide(str(path))
        width, height = slide.dimensions
        dice = random.Random(7)
        side = min(TILE_PX, width, height)
        boxes = [
            [dice.randrange(width - side + 1), dice.randrange(height - side + 1), side, side]
            for _ in range(REGIONS)
        ]
        mine, theirs = [], []
        for round_no in range(ROUNDS + 1):
            ms = sum(ours.ask("region", file=path, box_px=box)["ms"] for box in boxes)
            # What casekin gives are RGB pixels in memory: the peer's are taken out of its picture as well.
            took = sum(
                timed(lambda: np.asarray(slide.read_region((box[0], box[1]), 0, (side, side)).convert("RGB")))[0]
                for box in boxes
            )
            if round_no > 0:
                mine.append(ms / len(boxes))
                theirs.append(took / len(boxes))
        rows.append(ratio_row(f"{name}, {side} px at level 0, openslide-python", mine, theirs, 1)[0])
    return rows


def big_slide(shared, cache):
    """Tissue over 50,000 × 50,000 pixels: a real slide's finest level beside copies of itself, turned and flipped."""
    path = cache / "slide-50000.tif"
    if path.exists():
        return path
    import pyvips

    log("making the large slide")
    real = openslide.OpenSlide(str(shared / "data/wsi/CMU-1-Small-Region.svs"))
    pixels = np.asarray(real.read_region((0, 0), 0, real.dimensions).convert("RGB"))
    tile = pyvips.Image.new_from_array(pixels)
    ground = [243, 243, 243]
    row = [tile.gravity("centre", 5000, 5000, extend="background", background=ground)]
    row += [row[0].rot180(), row[0].fliphor(), row[0].flipver(), row[0].rot90()]
    joined = pyvips.Image.arrayjoin([*row, *reversed(row)], across=10)
    whole = joined.replicate(1, 10).crop(0, 0, BIG_PX, BIG_PX)
    whole.tiffsave(
        str(path), tile=True, pyramid=True, tile_width=256, tile_height=256, compression="jpeg", Q=80,
        bigtiff=True, resunit="cm", xres=2000, yres=2000,
    )
    return path


def mosaic_row(ours, shared, cache):
    path = big_slide(shared, cache)
    log("mosaic of the large slide")
    answers = [ours.ask("mosaic", file=path) for _ in range(5)]
    seconds = [answer["ms"] / 1e3 for answer in answers]
    middle = statistics.median(seconds)
    verdict = "met" if middle <= 3 else f"missed by {middle - 3:.1f} s"
    name = f"50,000 × 50,000 slide, file → mosaic of {answers[0]['views']} tiles, seconds"
    return f"| {name} | {spread(seconds)} | | | ≤ 3 s: {verdict} |"


def tile_row(ours, shared):
    path = shared / "data/wsi/CMU-1-Small-Region.svs"
    width, height = openslide.OpenSlide(str(path)).dimensions
    log("tiles through a decode worker")
    finest = math.ceil(math.log2(max(width, height)))
    tiles = []
    for level in range(finest, 7, -1):
        scale = 2 ** (finest - level)
        columns, rows = math.ceil(width / scale / 254), math.ceil(height / scale / 254)
        tiles += [(level, column, row) for column in range(columns) for row in range(rows)]
    took = []
    for level, column, row in tiles[:TILES]:
        try:
            took.append(ours.ask("tile", file=path, level=level, column=column, row=row)["ms"])
        except RuntimeError:
            continue  # past the edge
    took.sort()
    p95 = took[int(len(took) * 0.95)]
    verdict = "met" if p95 <= 60 else f"missed by {p95 - 60:.0f} ms"
    name = f"{len(took)} deep-zoom tiles of the SVS through a decode worker, p95"
    return f"| {name} | {p95:.1f} ({took[0]:.1f}–{took[-1]:.1f}) | | | ≤ 60 ms: {verdict} |"


# --- Decode workers --------------------------------------------------------------------------------------------------


def worker_row(ours, shared, casekin, folder):
    files = sorted((shared / "data/chest").rglob("*.jp*g"))[:40]
    files += sorted((shared / "data/histology").rglob("*.png"))[:40]
    files += [path for _, path in large_pictures(shared)]
    log(f"decode workers over {len(files)} pictures")
    # By picture and interleaved: what differs is a few per cent of the largest pictures' own spread.
    inside, outside = [[] for _ in files], [[] for _ in files]
    for round_no in range(ROUNDS + 1):
        for number, file in enumerate(files):
            here = ours.ask("decode", file=file, worker=False)["ms"]
            there = ours.ask("decode", file=file, worker=True)["ms"]
            if round_no > 0:
                inside[number].append(here)
                outside[number].append(there)
    def mean_of_medians(all_times):
        return statistics.fmean(statistics.median(times) for times in all_times)
    listed = folder / "listed"
    listed.mkdir()
    for number, file in enumerate(files):
        (listed / f"{number}{file.suffix}").write_bytes(file.read_bytes())
    took, _ = timed(
        lambda: subprocess.run(
            [casekin, "--data-dir", folder / "library", "ingest", listed, "--json"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
        )
    )
    ingest = took / len(files)
    differences = [[b - a for a, b in zip(*times)] for times in zip(inside, outside)]
    cost = mean_of_medians(differences)
    share = cost / ingest * 100
    verdict = "met" if share < 5 else f"missed by {share - 5:.1f} %"
    name = f"decode worker's cost, a picture of {len(files)}: {cost:.2f} ms of {ingest:.1f} ms of ingest"
    times = f"{mean_of_medians(outside):.2f} | {mean_of_medians(inside):.2f} in process"
    return f"| {name} | {times} | {share:.1f} % | < 5 %: {verdict} |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--measure", required=True)
    parser.add_argument("--casekin", required=True)
    args = parser.parse_args()
    ours = Ours(args.measure)
    dicom = dicom_table(ours, args.shared, args.folder)
    rows = [
        *region_rows(ours, args.shared),
        mosaic_row(ours, args.shared, args.cache),
        tile_row(ours, args.shared),
        worker_row(ours, args.shared, args.casekin, args.folder),
    ]
    print(f"{dicom}\n{DICOM_WORDS}")
    print("| what, ms | casekin, median (least–most) | peer | ratio | bar |\n|---|---|---|---|---|")
    print("\n".join(rows))
    print(
        f"\nPeers: pydicom {pydicom.__version__} with the plugin named, openslide-python "
        f"{openslide.__version__} over OpenSlide {openslide.__library_version__}, which casekin uses too. "
        f"{ROUNDS} rounds, interleaved; one thread each."
    )


if __name__ == "__main__":
    main()
