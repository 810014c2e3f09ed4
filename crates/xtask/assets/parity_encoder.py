"""Holds casekin's encoder against transformers: token ids, text vectors and picture vectors of one checkpoint.

Called by `cargo xtask parity encoder`. Prints a table and exits with 1 where a bar is missed. The pictures are decoded
here once and handed to both sides as the same RGB bytes: what is compared is the encoder, not the decoders.
"""

import argparse
import itertools
import json
import pathlib
import random
import re
import shutil
import string
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image, ImageOps
from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipTokenizer

COSINE_BAR = 0.99999
PICTURE_ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".bmp", ".webp"}
ODD = ["one_pixel.png", "gray16.png", "exif_rotated.jpg", "wide_1px.png", "rgba.png", "cmyk.jpg", "palette_transparent.png"]
MARKS = ("</s>", "<unk>", "<pad>")
TEXTS = [
    "A chest X-ray with pneumonia.", "no focal consolidation", "T1/T2 weighted MRI, axial", "lesion < 5 mm; margin > 2 mm", "",
    "adénocarcinome du côlon", "O/E - soft, non-tender", "“quoted” finding…", "HE histopathology image of the liver",
    "right upper lobe nodule of 5 mm, unchanged; " * 12,
]


def random_checkpoint(folder, tokenizer):
    """A checkpoint of MedSigLIP-448's size with random weights: biases and norms too, or errors there would not show."""
    if (folder / "complete").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    tower = dict(hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16,
                 hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6)
    text = dict(tower, vocab_size=32000, max_position_embeddings=64, projection_size=1152, bos_token_id=1, eos_token_id=1, pad_token_id=1)
    model = SiglipModel(SiglipConfig(vision_config=dict(tower, patch_size=14, image_size=448), text_config=text)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "spiece.model", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(tokenizer / name, folder / name)
    processor = dict(do_normalize=True, do_rescale=True, do_resize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3,
                     image_processor_type="SiglipImageProcessor", rescale_factor=0.00392156862, size=dict(height=448, width=448))
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    (folder / "complete").touch()


def rgb(path):
    """The picture as 8-bit RGB, turned as its EXIF says; of 16 bit the upper 8."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16") or image.mode == "I":
            return np.repeat((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)[..., None], 3, axis=2)
        return np.asarray(image.convert("RGB"))


def pictures(data, most):
    """The odd ones, then of every modality one after another, each time from another of its folders, until there are enough."""
    chosen = [data / "images-broken-or-odd" / name for name in ODD]
    modalities = {}
    for path in sorted(data.rglob("*")):
        if path.suffix.lower() in PICTURE_ENDINGS and "broken" not in str(path) and "wsi" not in path.parts:
            modality = path.relative_to(data).parts[0]
            modalities.setdefault(modality, {}).setdefault(path.parent, []).append(path)
    turns = [[folder[turn] for turn in range(3) for folder in folders.values() if len(folder) > turn]
             for folders in modalities.values()]
    for together in itertools.zip_longest(*turns):
        chosen += [path for path in together if path is not None]
    return [path for path in chosen if path.is_file()][:most]


def sentences_of(data):
    """Sentences of the notes as they stand in the files, markup and all."""
    found = []
    for path in sorted((data / "reports").rglob("*")):
        if path.is_file() and path.suffix in {".hl7", ".json", ".xml", ".ccda", ".txt", ".csv"}:
            found += [part.strip() for part in re.split(r"[\n\r|]|(?<=[.;]) ", path.read_text("utf-8", "replace"))]
    return sorted({part for part in found if part})


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


def train_pixels(array, size):
    """Centred zero padding, bilinear without antialias, truncated to 8 bit, -1 to 1."""
    height, width, _ = array.shape
    side = max(height, width)
    below, right = side - height, side - width
    padded = np.pad(array, ((below // 2, below - below // 2), (right // 2, right - right // 2), (0, 0)))
    tensor = torch.from_numpy(padded).permute(2, 0, 1)[None].float()
    tensor = torch.nn.functional.interpolate(tensor, size=(size, size), mode="bilinear", align_corners=False, antialias=False)
    return tensor.clamp(0, 255).to(torch.uint8).float() / 127.5 - 1


def unit(output):
    vector = getattr(output, "pooler_output", output)[0].double().numpy()
    return vector / np.linalg.norm(vector)


def compared(mine, reference):
    mine = np.asarray(mine, dtype=np.float64)
    return float(mine @ reference / np.linalg.norm(mine)), float(np.abs(mine - reference).max())


def emitted(args, folder, arrays, texts, ids_of):
    listed = []
    for number, (name, array) in enumerate(arrays):
        file = folder / f"{number}.rgb"
        file.write_bytes(np.ascontiguousarray(array).tobytes())
        listed.append(dict(file=str(file), width_px=array.shape[1], height_px=array.shape[0]))
    (folder / "asked.json").write_text(json.dumps(dict(pictures=listed, texts=texts, ids_of=ids_of)))
    subprocess.run([str(args.emit), str(args.model), str(folder / "asked.json"), str(folder / "given.json")], check=True)
    return json.loads((folder / "given.json").read_text())


def compare_ids(tokenizer, length, groups, given):
    rows, good, at = [], True, 0
    for name, texts in groups:
        wrong = []
        for text, mine in zip(texts, given[at:at + len(texts)]):
            wanted = tokenizer([text], padding="max_length", max_length=length, truncation=True)["input_ids"][0]
            if mine != wanted:
                wrong.append(text)
        at += len(texts)
        rows.append(f"| {name} | {len(texts)} | {len(texts) - len(wrong)} | all |")
        for text in wrong[:3]:
            print(f"other ids: {text!r}", file=sys.stderr)
        good &= not wrong
    return rows, good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--emit", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--pictures", type=int, default=24)
    args = parser.parse_args()
    spare = args.shared / "reference/siglip-tokenizer"
    if args.model is None:
        args.model = args.cache / "random-medsiglip-448"
        random_checkpoint(args.model, spare)
    data = args.shared / "data"
    arrays = [(str(path.relative_to(data)), rgb(path)) for path in pictures(data, args.pictures)]
    fuzz = fuzzed(10_000)
    groups = [("sentences of the notes", sentences_of(data)), ("generated report sentences", generated(10_000)),
              ("fuzzed strings", fuzz + list(MARKS))]
    with tempfile.TemporaryDirectory() as folder:
        given = emitted(args, pathlib.Path(folder), arrays, TEXTS, [text for _, texts in groups for text in texts])
    tokenizer = SiglipTokenizer.from_pretrained(str(args.model if (args.model / "spiece.model").exists() else spare))
    model = SiglipModel.from_pretrained(args.model, dtype=torch.float32).eval()
    processor = SiglipImageProcessor.from_pretrained(str(args.model))
    size, length = model.config.vision_config.image_size, model.config.text_config.max_position_embeddings
    print("| Token ids | Strings | Identical | Bar |\n|---|---|---|---|")
    rows, good = compare_ids(tokenizer, length, groups, given["ids"])
    print("\n".join(rows))
    print("\n| Input | 1 - cosine | Largest difference |\n|---|---|---|")
    least = 1.0
    with torch.inference_mode():
        for text, mine in zip(TEXTS, given["texts"]):
            ids = tokenizer([text], padding="max_length", max_length=length, truncation=True, return_tensors="pt")["input_ids"]
            cosine, difference = compared(mine, unit(model.get_text_features(input_ids=ids)))
            least = min(least, cosine)
            print(f"| text {text[:40]!r} | {1 - cosine:.1e} | {difference:.1e} |", flush=True)
        for (name, array), mine in zip(arrays, given["pictures"]):
            for profile in ("train", "hf"):
                pixels = train_pixels(array, size) if profile == "train" else processor(images=Image.fromarray(array), return_tensors="pt")["pixel_values"]
                cosine, difference = compared(mine[profile], unit(model.get_image_features(pixel_values=pixels)))
                least = min(least, cosine)
                print(f"| {profile} {name} ({array.shape[1]} x {array.shape[0]}) | {1 - cosine:.1e} | {difference:.1e} |", flush=True)
    good &= least >= COSINE_BAR
    print(f"\nLeast cosine {least:.8f}, bar {COSINE_BAR}: {'met' if good else 'MISSED'}.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
