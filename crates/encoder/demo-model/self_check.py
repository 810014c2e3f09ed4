"""Writes self-check.json: what transformers makes of the self-check's picture and text (crates/encoder/src/self_check.rs)
with this model under the preprocessing profile `train`. Needs numpy, torch, transformers and tokenizers."""

import hashlib
import json
import string
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
TEXT = "Frontal chest radiograph: small right pleural effusion, no pneumothorax."
WIDTH, HEIGHT = 200, 150


def model_id():
    digest = hashlib.sha256()
    for name in ["config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"]:
        data = (HERE / name).read_bytes()
        digest.update(name.encode() + b"\0" + len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def picture():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    disc = (x - 70) ** 2 + (y - 60) ** 2 < 35 * 35
    board = (x // 9 + y // 7) % 2 == 0
    red, green = x * 255 // (WIDTH - 1), np.where(disc, 230, y * 200 // (HEIGHT - 1))
    return np.stack([red, green, np.where(board, 180, x * y % 97)], -1).astype(np.uint8)


def train(rgb, size):
    """Zeros around it to a square, bilinear without antialias at half-pixel centres, truncated to 8 bit."""
    height, width, _ = rgb.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3), np.float32)
    square[top:top + height, left:left + width] = rgb
    square = torch.from_numpy(square.transpose(2, 0, 1)[None].copy())
    both = torch.nn.functional.interpolate(square, (size, size), mode="bilinear", align_corners=False, antialias=False)
    both = both[0].numpy().transpose(1, 2, 0)
    return np.clip(both, 0, 255).astype(np.uint8).astype(np.float32) / 127.5 - 1


def token_ids(length):
    text = TEXT.lower().translate(str.maketrans("", "", string.punctuation))
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    ids = tokenizer.encode(" ".join(text.split()), add_special_tokens=False).ids[:length - 1] + [1]
    return torch.tensor([ids + [1] * (length - len(ids))])


@torch.inference_mode()
def main():
    torch.set_num_threads(1)
    model = transformers.SiglipModel.from_pretrained(HERE).float().eval()

    def vector(tower, profile, features):
        values = getattr(features, "pooler_output", features)[0].double()
        made_by = f"transformers {transformers.__version__}, torch {torch.__version__}, CPU"
        entry = {"tower": tower, "profile": profile, "precision": "f32", "made_by": made_by,
                 "vector": [round(value, 8) for value in (values / values.norm()).tolist()]}
        return {key: value for key, value in entry.items() if value is not None}

    size, rgb = model.config.vision_config.image_size, picture()
    ids = token_ids(model.config.text_config.max_position_embeddings)
    vectors = [vector("text", None, model.get_text_features(input_ids=ids))]
    pixels = torch.from_numpy(train(rgb, size).transpose(2, 0, 1)[None].copy())
    vectors.append(vector("image", "train", model.get_image_features(pixel_values=pixels)))
    record = {"inputs": 1, "model_id": model_id(), "vectors": vectors}
    (HERE / "self-check.json").write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
