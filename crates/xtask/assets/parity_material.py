"""What `cargo xtask parity encoder` compares: pictures of every kind of the shared data, and texts.

Plain pictures are read by Pillow, DICOM and slides by `casekin decode --stage rgb`. Either way a picture is decoded once
and both sides get the same RGB bytes. What ought to be there and is not ends the run: nothing is left out in silence.
"""

import csv
import itertools
import json
import random
import re
import string
import subprocess
import sys

import numpy as np
from PIL import Image, ImageOps

PICTURE_ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".bmp", ".webp"}
ODD = ["one_pixel.png", "gray16.png", "exif_rotated.jpg", "wide_1px.png", "rgba.png", "cmyk.jpg", "palette_transparent.png"]
FOLDERS = ["chest", "radiology", "histology", "dermatology", "fundus"]
SLIDES = [
    "CMU-1-Small-Region.svs", "test3-TRITC_2_560_.ndpi", "OS-1-detail.ome.tif", "dicom_camelyon/multiframe_camelyon_challenge_image.dcm",
]
REGION_PX = 1024
NOTES = [*FOLDERS, "wsi"]
QUESTIONS = ["chest", "radiology"]
REPORT_ENDINGS = {".hl7", ".json", ".xml", ".ccda", ".txt", ".csv"}
MARKS = ("</s>", "<unk>", "<pad>")


def rgb(path):
    """The picture as 8-bit RGB, turned as its EXIF says; of 16 bit the upper 8."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16") or image.mode == "I":
            return np.repeat((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)[..., None], 3, axis=2)
        return np.asarray(image.convert("RGB"))


def widely(groups):
    """Of every group one after another, then the second of each, and so on: near ones are much alike."""
    turns = itertools.zip_longest(*groups.values())
    return [one for turn in turns for one in turn if one is not None]


class Pictures:
    """The shared pictures by kind. A kind is walked as far as pictures of it are wanted, and no further."""

    def __init__(self, data, casekin, folder):
        self.data, self.casekin, self.npy = data, casekin, folder / "decoded.npy"
        self.refused = []

    def decoded(self, path):
        """The picture as casekin decodes it, or None where it refuses."""
        words = [self.casekin, "decode", path, "--stage", "rgb", "--npy", self.npy]
        ran = subprocess.run([str(word) for word in words], capture_output=True, text=True)
        if ran.returncode != 0:
            self.refused.append(f"{path.relative_to(self.data)}: {ran.stderr.strip()}")
            print(f"not decoded: {self.refused[-1]}", file=sys.stderr)
            return None
        array = np.load(self.npy)
        return array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=2)

    def odd(self):
        for name in ODD:
            yield name, rgb(self.data / "images-broken-or-odd" / name)

    def plain(self, kind):
        groups = {}
        for path in sorted((self.data / kind).rglob("*")):
            if path.suffix.lower() in PICTURE_ENDINGS:
                groups.setdefault(path.parent, []).append(path)
        for path in widely(groups):
            yield str(path.relative_to(self.data)), rgb(path)

    def slides(self):
        """The middle of the picture that casekin makes of a slide."""
        for name in SLIDES:
            array = self.decoded(self.data / "wsi" / name)
            if array is not None:
                top, left = (max(0, (side - REGION_PX) // 2) for side in array.shape[:2])
                yield f"wsi/{name}, its middle", array[top:top + REGION_PX, left:left + REGION_PX]

    def dicom(self, rows):
        """From every source and coding the largest picture first. One of a single value tells little and is passed over."""
        groups = {}
        for row in sorted(rows, key=lambda row: -int(row["rows"]) * int(row["columns"])):
            groups.setdefault((row["source_repo"], row["transfer_syntax_name"], row["photometric"]), []).append(row)
        for row in widely(groups):
            array = self.decoded(self.data / "dicom" / row["file"])
            if array is not None and array.min() < array.max():
                yield f"dicom/{row['file']}", array

    def kinds(self):
        """Every kind's name and its pictures. DICOM's are the modalities of which the index names a readable picture."""
        modalities = {}
        with open(self.data / "dicom/INDEX.csv", newline="") as index:
            for row in csv.DictReader(index):
                if row["category"] in ("image", "wsi") and row["ref_decode"].startswith("ok"):
                    modalities.setdefault(row["modality"], []).append(row)
        kinds = {"odd": self.odd()} | {kind: self.plain(kind) for kind in FOLDERS} | {"slides": self.slides()}
        return kinds | {f"DICOM {name or 'without a modality'}": self.dicom(modalities[name]) for name in sorted(modalities)}

    def chosen(self, most):
        """(kind, name, array) of at most so many: one of every kind, then the other odd ones, then of the kinds by turns.
        Beside them the names of all kinds, for those that were left out are to be named."""
        missing = [name for name in ODD if not (self.data / "images-broken-or-odd" / name).is_file()]
        if missing:
            sys.exit(f"missing of the shared data's odd pictures: {', '.join(missing)}")
        kinds, first = self.kinds(), []
        for kind, pictures in kinds.items():
            picture = next(pictures, None)
            if picture is None:
                sys.exit(f"no picture of the kind {kind!r} can be read: is the shared data whole, and has `cargo xtask setup` run?")
            first.append((kind, *picture))
        names = list(kinds)
        odd = (("odd", *picture) for picture in kinds.pop("odd"))
        return list(itertools.islice(itertools.chain(first, odd, by_turns(kinds)), most)), names


def by_turns(kinds):
    """One picture of every kind, then the next of each, until all are through."""
    while kinds:
        for kind in list(kinds):
            picture = next(kinds[kind], None)
            if picture is None:
                del kinds[kind]
            else:
                yield (kind, *picture)


def parts_of(text, breaks):
    """What stands between the breaks, without the space around it."""
    return {part.strip() for part in re.split(breaks, text)} - {""}


def sentences_of(reports):
    """Sentences of the reports as they stand in the files, markup and all."""
    found = set()
    for path in sorted(reports.rglob("*")):
        if path.is_file() and path.suffix in REPORT_ENDINGS:
            found |= parts_of(path.read_text("utf-8", "replace"), r"[\n\r|]|(?<=[.;]) ")
    return sorted(found)


def notes_of(metadata):
    """The notes of a table of pictures: each as it stands, many longer than the model reads, and each of its sentences."""
    found = set()
    with open(metadata, newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            found |= {row["notes"].strip()} | parts_of(row["notes"], r"(?<=[.;?]) ")
    return sorted(found - {""})


def questions_of(jsonl):
    """Questions and answers, each by itself."""
    found = set()
    for line in jsonl.read_text("utf-8").splitlines():
        pair = json.loads(line)
        found |= {str(pair[key]).strip() for key in ("question", "answer")}
    return sorted(found - {""})


def generated(count):
    """Sentences as reports have them."""
    draw = random.Random(2)
    parts = [
        ["There is", "No evidence of", "Possible", "Interval increase in", "Stable", "Resolved", "Known"],
        ["a small", "a large", "bilateral", "left-sided", "right basal", "multifocal", "an ill-defined"],
        ["pleural effusion", "nodule (RUL)", "ground-glass opacity", "T1/T2 hyperintensity", "lesion < 5 mm", "fracture of the 7th rib",
         "adenocarcinoma, G2, pT3 pN1a", "ecchymoses", "drusen", "atypical naevus", "µ-calcification"],
        ["in the upper lobe", "at L4/L5", "since 03/2024", "measuring 3.5 x 2.1 cm", "- see comparison", "; margin > 2 mm", "(O/E soft)"],
        [".", "", "!", " …", "; follow-up in 6-12 months."],
    ]
    return [" ".join(draw.choice(part) for part in parts[:-1]) + draw.choice(parts[-1]) + f" [{draw.randrange(99999)}]" for _ in range(count)]


def fuzzed(count):
    """Strings of anything, `/ < >` among them; the spelling of the special tokens too."""
    draw = random.Random(3)
    pool = list(string.printable) + list("/<>/<>äéµß“”…–¼²①ﬁ中文日本語русский\u200b\u00a0\u3000\u0301😀\ufb01") + [" ", " "]
    made = []
    for number in range(count):
        text = "".join(draw.choice(pool) for _ in range(draw.randrange(0, 120)))
        if number % 50 == 0:
            at = draw.randrange(len(text) + 1)
            text = text[:at] + draw.choice(MARKS) + text[at:]
        made.append(text)
    return made


def texts(data):
    """Every source's name and its strings. A source without any ends the run."""
    sources = [("sentences of the files in reports", sentences_of(data / "reports"))]
    sources += [(f"notes of {folder}/metadata.csv", notes_of(data / folder / "metadata.csv")) for folder in NOTES]
    sources += [(f"{folder}/vqa_rad_qa.jsonl", questions_of(data / folder / "vqa_rad_qa.jsonl")) for folder in QUESTIONS]
    sources += [("generated report sentences", generated(10_000)), ("fuzzed strings", fuzzed(10_000) + list(MARKS))]
    empty = [name for name, strings in sources if not strings]
    if empty:
        sys.exit(f"no text in {', '.join(empty)}: the shared data is not whole")
    return sources
