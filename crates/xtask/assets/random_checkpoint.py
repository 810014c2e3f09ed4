"""Makes a SigLIP checkpoint with random weights in Hugging Face's layout: of MedSigLIP-448's size, or of a shape asked for.

`cargo xtask parity encoder` and `cargo xtask bench encoder` call it; each shape is made once and kept in the cache.
"""

import dataclasses
import json
import pathlib
import shutil

import torch
from transformers import SiglipConfig, SiglipModel

TOKENIZER_FILES = ("tokenizer.json", "spiece.model", "tokenizer_config.json", "special_tokens_map.json")
HEAD_WIDTHS = (72, 64)


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a tower's tensors depend on; as it stands, MedSigLIP-448's."""

    size_px: int = 448
    patch_px: int = 14
    hidden: int = 1152
    layers: int = 27

    @property
    def name(self):
        """The folder's name. Tests, docs and older caches know the one of MedSigLIP's size by `random-medsiglip-448`."""
        if self == Shape():
            return "random-medsiglip-448"
        return f"random-siglip-{self.size_px}-p{self.patch_px}-h{self.hidden}-l{self.layers}"

    @property
    def heads(self):
        """Heads of 72 values as MedSigLIP has them, or of 64 as the smaller SigLIPs do."""
        for width in HEAD_WIDTHS:
            if self.hidden % width == 0:
                return self.hidden // width
        raise SystemExit(f"--hidden {self.hidden}: give a multiple of {' or '.join(map(str, HEAD_WIDTHS))}")

    @property
    def intermediate(self):
        """The width between the two linear layers, in MedSigLIP's proportion: 4304 to 1152, an even number."""
        return self.hidden * 4304 // 1152 // 2 * 2


def add_arguments(parser):
    """The options that name a shape; `--model` names a checkpoint that is there already."""
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=Shape.size_px)
    parser.add_argument("--patch", type=int, default=Shape.patch_px)
    parser.add_argument("--hidden", type=int, default=Shape.hidden)
    parser.add_argument("--layers", type=int, default=Shape.layers)


def shape_of(args):
    return Shape(args.size, args.patch, args.hidden, args.layers)


def of_arguments(args, tokenizer):
    """The checkpoint's folder; a random one is made where none is named."""
    if args.model is not None:
        return args.model
    shape = shape_of(args)
    folder = args.cache / shape.name
    random_checkpoint(folder, tokenizer, shape)
    return folder


def random_checkpoint(folder, tokenizer, shape):
    """Random weights: biases and norms too, or errors there would not show."""
    if (folder / "complete").exists():
        return
    if not 0 < shape.patch_px <= shape.size_px:
        raise SystemExit(f"--size {shape.size_px} --patch {shape.patch_px}: a patch must fit into the picture")
    tower = dict(hidden_size=shape.hidden, intermediate_size=shape.intermediate, num_hidden_layers=shape.layers,
                 num_attention_heads=shape.heads, hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6)
    text = dict(tower, vocab_size=32000, max_position_embeddings=64, projection_size=shape.hidden, bos_token_id=1, eos_token_id=1,
                pad_token_id=1)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    vision = dict(tower, patch_size=shape.patch_px, image_size=shape.size_px)
    model = SiglipModel(SiglipConfig(vision_config=vision, text_config=text)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copy(tokenizer / name, folder / name)
    processor = dict(do_normalize=True, do_rescale=True, do_resize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3,
                     image_processor_type="SiglipImageProcessor", rescale_factor=0.00392156862,
                     size=dict(height=shape.size_px, width=shape.size_px))
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    (folder / "complete").touch()
