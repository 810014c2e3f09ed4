"""Holds casekin's encoder against transformers: token ids, text vectors and picture vectors of one checkpoint.

Called by `cargo xtask parity encoder`. Prints tables and exits with 1 where a bar is missed. Every picture is decoded
once and handed to both sides as the same RGB bytes: what is compared is the encoder, not the decoders.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast, SiglipImageProcessor, SiglipModel, SiglipTokenizer

import parity_material
import random_checkpoint

# The least cosine that counts as the same vector, by the arithmetic of the less exact of the two.
COSINE_BARS = {"f32": 0.99999, "bf16": 0.999, "f16": 0.999, "int8": 0.99}
PROFILES = ("train", "hf")
TEXTS = [
    "A chest X-ray with pneumonia.", "no focal consolidation", "T1/T2 weighted MRI, axial", "lesion < 5 mm; margin > 2 mm", "",
    "adénocarcinome du côlon", "O/E - soft, non-tender", "“quoted” finding…", "HE histopathology image of the liver",
    "right upper lobe nodule of 5 mm, unchanged; " * 12,
]


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
    vector = getattr(output, "pooler_output", output)[0].double().cpu().numpy()
    return vector / np.linalg.norm(vector)


def compared(mine, reference):
    mine = np.asarray(mine, dtype=np.float64)
    return float(mine @ reference / np.linalg.norm(mine)), float(np.abs(mine - reference).max())


class Reference:
    """The checkpoint under transformers in f32."""

    def __init__(self, checkpoint, spare, device):
        self.device = device
        # Convolutions would round to 10 bits of a number's 23 on a GPU.
        torch.backends.cudnn.allow_tf32 = False
        self.model = SiglipModel.from_pretrained(checkpoint, dtype=torch.float32).eval().to(device)
        self.processor = SiglipImageProcessor.from_pretrained(str(checkpoint))
        self.size, self.length = self.model.config.vision_config.image_size, self.model.config.text_config.max_position_embeddings
        self.tokenizer, self.siglips = tokenizer_of(checkpoint, spare, self.model.config.text_config.vocab_size)

    def ids(self, text):
        # SigLIP's own deletes these three; with any other tokenizer they are deleted before it.
        text = text if self.siglips else text.translate(str.maketrans("", "", "/<>"))
        return self.tokenizer([text], padding="max_length", max_length=self.length, truncation=True)["input_ids"][0]

    def text(self, text):
        return unit(self.model.get_text_features(input_ids=torch.tensor([self.ids(text)], device=self.device)))

    def picture(self, array, profile):
        if profile == "train":
            pixels = train_pixels(array, self.size)
        else:
            pixels = self.processor(images=Image.fromarray(array), return_tensors="pt")["pixel_values"]
        return unit(self.model.get_image_features(pixel_values=pixels.to(self.device)))


def tokenizer_of(checkpoint, spare, words):
    """The checkpoint's tokenizer, and whether it is SigLIP's. `spare` has the file that some copies of SigLIP lack."""
    if (checkpoint / "spiece.model").exists():
        return SiglipTokenizer.from_pretrained(str(checkpoint)), True
    siglips = SiglipTokenizer.from_pretrained(str(spare))
    if siglips.vocab_size == words:
        return siglips, True
    return PreTrainedTokenizerFast.from_pretrained(str(checkpoint)), False


def emitted(args, folder, arrays, ids_of):
    """What casekin gives for the same bytes."""
    listed = []
    for number, array in enumerate(arrays):
        file = folder / f"{number}.rgb"
        file.write_bytes(np.ascontiguousarray(array).tobytes())
        listed.append(dict(file=str(file), width_px=array.shape[1], height_px=array.shape[0]))
    asked = dict(device=args.device, precision=args.precision, pictures=listed, texts=TEXTS, ids_of=ids_of)
    (folder / "asked.json").write_text(json.dumps(asked))
    emit = [str(args.emit), str(args.model), str(folder / "asked.json"), str(folder / "given.json")]
    if subprocess.run(emit).returncode != 0:
        sys.exit("casekin's side broke off, why stands above: nothing was compared")
    given = json.loads((folder / "given.json").read_text())
    ran_on = given.get("device", "cpu")
    if ran_on.split(":")[0] != args.device.split(":")[0]:
        sys.exit(f"casekin's side ran on {ran_on}, not on {args.device}: nothing was compared")
    return given


def compare_ids(reference, sources, given):
    """Prints the table of token ids; whether all are the same."""
    print("| Token ids | Strings | Identical | Bar |\n|---|---|---|---|")
    good, given = True, iter(given)
    for name, texts in sources:
        wrong = [text for text, mine in zip(texts, given) if mine != reference.ids(text)]
        print(f"| {name} | {len(texts)} | {len(texts) - len(wrong)} | all |", flush=True)
        for text in wrong[:3]:
            print(f"other ids: {text!r}", file=sys.stderr)
        good &= not wrong
    return good


def compare_vectors(reference, pictures, given):
    """Prints the table of vectors; (kind, profile, cosine) of each."""
    print("\n| Input | 1 - cosine | Largest difference |\n|---|---|---|")
    found = []
    with torch.inference_mode():
        for text, mine in zip(TEXTS, given["texts"]):
            cosine, difference = compared(mine, reference.text(text))
            found.append(("texts", "", cosine))
            print(f"| text {text[:40]!r} | {1 - cosine:.1e} | {difference:.1e} |", flush=True)
        for (kind, name, array), mine in zip(pictures, given["pictures"]):
            for profile in PROFILES:
                cosine, difference = compared(mine[profile], reference.picture(array, profile))
                found.append((kind, profile, cosine))
                size = f"{array.shape[1]} x {array.shape[0]}"
                print(f"| {kind}, {profile}: {name} ({size}) | {1 - cosine:.1e} | {difference:.1e} |", flush=True)
    return found


def summarise(kinds, found):
    """Prints the least cosine of every kind; a kind that was left out says so."""
    def least(kind, profile):
        cosines = [cosine for *of, cosine in found if of == [kind, profile]]
        return f"1 - {1 - min(cosines):.1e}" if cosines else "left out by `--pictures`"

    print("\n| Kind | Compared | Least cosine, `train` | Least cosine, `hf` |\n|---|---|---|---|")
    print(f"| texts | {len(TEXTS)} | {least('texts', '')} | |")
    for kind in kinds:
        count = sum(of == [kind, "train"] for *of, _ in found)
        print(f"| {kind} | {count} | {least(kind, 'train')} | {least(kind, 'hf')} |")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--emit", type=pathlib.Path, required=True)
    parser.add_argument("--casekin", type=pathlib.Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=COSINE_BARS, default="f32")
    parser.add_argument("--pictures", type=int, required=True)
    random_checkpoint.add_arguments(parser)
    return parser.parse_args()


def main():
    args = arguments()
    if args.device != "cpu" and not torch.cuda.is_available():
        sys.exit("PyTorch finds no GPU with CUDA here: nothing was compared")
    spare, data = args.shared / "reference/siglip-tokenizer", args.shared / "data"
    args.model = random_checkpoint.of_arguments(args, spare)
    sources = parity_material.texts(data)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        material = parity_material.Pictures(data, args.casekin, folder)
        pictures, kinds = material.chosen(args.pictures)
        given = emitted(args, folder, [array for _, _, array in pictures], [text for _, texts in sources for text in texts])
    reference = Reference(args.model, spare, args.device)
    good = compare_ids(reference, sources, given["ids"])
    found = compare_vectors(reference, pictures, given)
    summarise(kinds, found)
    if material.refused:
        print(f"\nNot decoded by casekin, others of their kind were taken: {len(material.refused)}")
        print("\n".join(f"- {line}" for line in material.refused))
    # The text tower is always in f32.
    for what, precision in (("texts", "f32"), ("pictures", args.precision)):
        least, bar = min(cosine for kind, _, cosine in found if (kind == "texts") == (what == "texts")), COSINE_BARS[precision]
        good &= least >= bar
        print(f"\nLeast cosine of {what}: {least:.8f} in {precision} on {args.device}, bar {bar}.", end="")
    print(f" All bars: {'met' if good else 'MISSED'}.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
