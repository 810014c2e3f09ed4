"""Trains the demo model: a small SigLIP that knows casekin's phantoms and nothing else.

    phantom-dataset DATA/train 1001 0 36000        (Rust: cargo run -p casekin-phantoms --bin phantom-dataset)
    phantom-dataset DATA/val 9001 0 500
    python train.py train    --data DATA --out RUN [--minutes M | --steps N] [--seed S] [--start FILE]
    python train.py polish   --data DATA --out RUN2 --start RUN/checkpoint.pt --minutes M
    python train.py export   --run RUN2 --model DIR
    python train.py evaluate --data DATA/val --model DIR [--json FILE]
    python train.py expect   --data DATA/val --model DIR

`train` keeps a checkpoint every few minutes; `export` writes one in Hugging Face's SiglipModel
layout, in f16; `evaluate` and `expect` read that folder back, so figures and reference embeddings
are those of the rounded weights. Needs torch, numpy and safetensors; `tokenizers` for `expect`.

How it learns: a text is a set of claims (family, finding, side, extent, something absent), and
every picture of which all claims hold is a positive of that text, in the sigmoid loss of SigLIP.
Heads that exist only in training (finding, side, extent, finding per patch from the lesion box)
help the picture tower to see small things early.
"""

import argparse
import json
import math
import string
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from figures import evaluate, expect
from pictures import Pictures, shifted
from siglip import HEADS, IMAGE_PX, MLP, PATCH_PX, TEXT_LAYERS, TOKENS, VISION_LAYERS, WIDTH, Siglip
from wording import EOS, FAMILIES, HERE, PAD, UNK, TextMaker, WordPieces, build_vocabulary

# How often each family is one of the two that fill half a batch: more often where telling apart is hard.
FAMILY_SHARE = [0.38, 0.15, 0.17, 0.05, 0.20, 0.05]


class Helpers(nn.Module):
    """Heads that only training uses."""

    def __init__(self, classes):
        super().__init__()
        self.prototypes = nn.Parameter(torch.randn(classes, WIDTH))
        self.side, self.extent = nn.Linear(WIDTH, 3), nn.Linear(WIDTH, 4)
        self.patch, self.allowed = nn.Linear(WIDTH, classes + 1), nn.Linear(WIDTH, classes)


def train(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(args.seed)
    data = Pictures(Path(args.data) / "train")
    maker = TextMaker(data.classes, args.seed)
    pieces = WordPieces(build_vocabulary())
    model, helpers = Siglip(len(pieces.ids)), Helpers(len(data.classes))
    if args.start:
        begin_from(model, helpers, pieces, args.start)
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(data.rows)} pictures, {len(data.classes)} classes, {len(pieces.ids)} pieces, {size} parameters", flush=True)
    everything = [*model.parameters(), *helpers.parameters()]
    decay = [p for p in everything if p.dim() > 1]
    flat = [p for p in everything if p.dim() <= 1]
    optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": flat, "weight_decay": 0.0}],
                                  lr=args.rate, betas=(0.9, 0.98))
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    started = saved = time.time()
    order, step, recent = rng.permutation(len(data.rows)), 0, []
    at = 0
    while True:
        passed = step / args.steps if args.steps else (time.time() - started) / (60 * args.minutes)
        if passed >= 1.0:
            break
        rate = args.rate * min(1.0, (step + 1) / 150) * (0.5 + 0.5 * math.cos(math.pi * min(passed, 1.0)) + 0.01)
        for group in optimiser.param_groups:
            group["lr"] = rate
        half = args.batch // 2
        if at + half > len(order):
            order, at = rng.permutation(len(data.rows)), 0
        picked = np.concatenate([order[at:at + half], near_kin(data, half, rng)])
        at += half
        loss, parts = losses(model, helpers, data, maker, pieces, picked, rng, args)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(everything, 1.0)
        optimiser.step()
        step += 1
        recent.append([loss.item(), *parts])
        if step % 50 == 0:
            means = " ".join(f"{v:.3f}" for v in np.mean(recent, 0))
            seen = step * args.batch
            print(f"step {step} pictures {seen} {seen / (time.time() - started):.0f}/s passed {passed:.3f} "
                  f"loss/pairs/kin/finding/side/patch/text {means} scale {model.logit_scale.exp().item():.1f}", flush=True)
            recent = []
        if time.time() - saved > 240:
            save(model, helpers, pieces, data.classes, step, args, started, out)
            saved = time.time()
    save(model, helpers, pieces, data.classes, step, args, started, out)


def polish(args):
    """Goes on with the text tower alone, against pictures embedded once, with more denials."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(args.seed)
    data, pieces = Pictures(Path(args.data) / "train"), WordPieces(build_vocabulary())
    model, helpers = Siglip(len(pieces.ids)), Helpers(len(data.classes))
    begin_from(model, helpers, pieces, args.start)
    kept = np.sort(rng.choice(len(data.rows), 6000, replace=False))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
        seen = torch.cat([model.pictures(data.tensor(kept[i:i + 128])) for i in range(0, len(kept), 128)])
    print("pictures are embedded", flush=True)
    maker = TextMaker(data.classes, args.seed)
    maker.denial_share = 0.45
    weights = list(model.text_model.parameters())
    optimiser = torch.optim.AdamW(weights, lr=args.rate, betas=(0.9, 0.98))
    started, step, passed = time.time(), 0, 0.0
    while passed < 1.0:
        passed = (time.time() - started) / (60 * args.minutes)
        optimiser.param_groups[0]["lr"] = args.rate * min(1.0, (step + 1) / 50) * max(0.01, 1.0 - passed)
        some = rng.choice(len(kept), args.batch * 2, replace=False)
        ids, holds, _ = claims(data, maker, pieces, kept[some], [])
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            spoken = model.text_model(ids)
        pairs = pair_loss(model, F.normalize(spoken.float(), dim=-1), seen[some], holds)
        optimiser.zero_grad(set_to_none=True)
        pairs.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        step += 1
        if step % 100 == 0:
            print(f"step {step} passed {passed:.3f} pairs {pairs.item():.3f}", flush=True)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    save(model, helpers, pieces, data.classes, step, args, started, out)


def near_kin(data, wanted, rng):
    """Pictures of two findings in each of two families: hard to tell apart, and with both sides of each."""
    picked = []
    for family in rng.choice(len(FAMILIES), 2, replace=False, p=FAMILY_SHARE):
        classes = data.classes_of_family[family]
        share = np.array([3.0 if data.has_sides[c] else 1.0 for c in classes])
        for number in rng.choice(classes, 2, replace=False, p=share / share.sum()):
            picked.append(rng.choice(data.of_class[number], wanted // 4))
    return np.concatenate(picked)


def begin_from(model, helpers, pieces, checkpoint):
    """Takes over the weights of an earlier run; its words keep their vectors where the vocabulary grew."""
    earlier = torch.load(checkpoint, weights_only=False)
    name = "text_model.embeddings.token_embedding.weight"
    table = model.state_dict()[name].clone()
    for piece, row in earlier["vocabulary"].items():
        if piece in pieces.ids:
            table[pieces.ids[piece]] = earlier["model"][name][row]
    model.load_state_dict({**earlier["model"], name: table})
    if "helpers" in earlier:
        helpers.load_state_dict(earlier["helpers"])


def claims(data, maker, pieces, picked, more):
    """Texts that hold for the pictures picked (and for `more` of them again), and which text holds for which."""
    texts, allow, side, extent = [], [], [], []
    for p in [*picked, *more]:
        text, row, s, e = maker.about(data.classes[data.label[p]], int(data.side[p]), int(data.extent[p]))
        texts.append(pieces.encode(maker.spelled(text)))
        allow.append(row), side.append(s), extent.append(e)
    allow, side, extent = np.stack(allow), np.array(side)[:, None], np.array(extent)[:, None]
    holds = allow[:, data.label[picked]]
    holds &= (side == 0) | (side == data.side[picked][None])
    holds &= (extent == 0) | (extent == data.extent[picked][None])
    return torch.tensor(texts), torch.from_numpy(holds), allow


def pair_loss(model, said, seen, holds):
    """SigLIP's sigmoid loss; a text with many positives does not outweigh one with few."""
    logits = said @ seen.T * model.logit_scale.exp() + model.logit_bias
    pair = -F.logsigmoid((holds.float() * 2 - 1) * logits)
    positives = holds.sum(1, keepdim=True).clamp(min=1)
    return ((pair * holds / positives.float().sqrt()).sum() + (pair * ~holds).sum()) / seen.shape[0]


def losses(model, helpers, data, maker, pieces, picked, rng, args):
    more = rng.choice(picked, args.batch // 4)
    ids, holds, allow = claims(data, maker, pieces, picked, more)
    label = torch.from_numpy(data.label[picked])
    with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
        raw, patches = model.vision_model(shifted(data.tensor(picked), rng))
        spoken = model.text_model(ids)
        patch_logits = helpers.patch(patches)
    raw, spoken, patch_logits = raw.float(), spoken.float(), patch_logits.float()
    seen, said = F.normalize(raw, dim=-1), F.normalize(spoken, dim=-1)
    pairs = pair_loss(model, said, seen, holds)
    kin = F.cross_entropy(20.0 * seen @ F.normalize(helpers.prototypes, dim=-1).T, label)
    side_loss = F.cross_entropy(helpers.side(raw), torch.from_numpy(data.side[picked]))
    extent_loss = F.cross_entropy(helpers.extent(raw), torch.from_numpy(data.extent[picked]))
    patch = F.cross_entropy(patch_logits.flatten(0, 1), data.patch_labels(picked).flatten())
    text = F.binary_cross_entropy_with_logits(helpers.allowed(spoken), torch.from_numpy(allow).float())
    total = pairs + kin + 1.0 * side_loss + 0.1 * extent_loss + 0.5 * patch + 2.0 * text
    found = (seen.detach() @ F.normalize(helpers.prototypes, dim=-1).T.detach()).argmax(1).eq(label).float().mean()
    return total, [v.item() for v in (pairs, kin, found, side_loss, patch, text)]


def save(model, helpers, pieces, classes, step, args, started, out):
    state = {"model": model.state_dict(), "helpers": helpers.state_dict(), "vocabulary": pieces.ids, "classes": classes, "step": step,
             "minutes": (time.time() - started) / 60, "arguments": {k: v for k, v in vars(args).items() if k != "call"}}
    torch.save(state, out / "checkpoint.tmp")
    (out / "checkpoint.tmp").rename(out / "checkpoint.pt")
    print(f"saved at step {step}", flush=True)


def export(args):
    from safetensors.torch import save_file
    state = torch.load(Path(args.run) / "checkpoint.pt", weights_only=False)
    folder = Path(args.model)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.to(torch.float16).contiguous() for k, v in state["model"].items()}
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    write = lambda name, value: (folder / name).write_text(json.dumps(value, indent=2) + "\n")
    shared = {"attention_dropout": 0.0, "hidden_act": "gelu_pytorch_tanh", "hidden_size": WIDTH,
              "intermediate_size": MLP, "layer_norm_eps": 1e-6, "num_attention_heads": HEADS}
    write("config.json", {
        "architectures": ["SiglipModel"], "dtype": "float16", "initializer_factor": 1.0, "model_type": "siglip",
        "text_config": {**shared, "bos_token_id": EOS, "eos_token_id": EOS, "max_position_embeddings": TOKENS,
                        "model_type": "siglip_text_model", "num_hidden_layers": TEXT_LAYERS, "pad_token_id": EOS,
                        "projection_size": WIDTH, "vocab_size": len(state["vocabulary"])},
        "vision_config": {**shared, "image_size": IMAGE_PX, "model_type": "siglip_vision_model", "num_channels": 3,
                          "num_hidden_layers": VISION_LAYERS, "patch_size": PATCH_PX, "vision_use_head": True}})
    write("preprocessor_config.json", {
        "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
        "image_processor_type": "SiglipImageProcessor", "processor_class": "SiglipProcessor", "resample": 2,
        "rescale_factor": 0.00392156862, "size": {"height": IMAGE_PX, "width": IMAGE_PX}})
    special = lambda content: {"content": content, "lstrip": False, "normalized": False, "rstrip": False,
                               "single_word": False}
    write("special_tokens_map.json", {"eos_token": special("</s>"), "pad_token": special("</s>"),
                                      "unk_token": special("<unk>")})
    write("tokenizer_config.json", {
        "added_tokens_decoder": {str(i): {**special(t), "special": True}
                                 for i, t in ((PAD, "<pad>"), (EOS, "</s>"), (UNK, "<unk>"))},
        "additional_special_tokens": [], "clean_up_tokenization_spaces": True, "do_lower_case": True,
        "eos_token": "</s>", "model_input_names": ["input_ids"], "model_max_length": TOKENS, "pad_token": "</s>",
        "processor_class": "SiglipProcessor", "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"})
    punctuation = "[" + "".join("\\" + c for c in string.punctuation) + "]"
    write("tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, **special(t), "special": True}
                         for i, t in ((PAD, "<pad>"), (EOS, "</s>"), (UNK, "<unk>"))],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Lowercase"},
            {"type": "Replace", "pattern": {"Regex": punctuation}, "content": ""},
            {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
            {"type": "Strip", "strip_left": True, "strip_right": True}]},
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}},
                                    {"Sequence": {"id": "B", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "special_tokens": {"</s>": {"id": "</s>", "ids": [EOS], "tokens": ["</s>"]}}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": state["vocabulary"]}})
    print(f"step {state['step']}, {state['minutes']:.0f} minutes, "
          f"{sum(t.numel() for t in tensors.values())} parameters, {(folder / 'model.safetensors').stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, options in (
            ("train", train, {"--data": None, "--out": None}), ("polish", polish, {"--data": None, "--out": None}),
            ("export", export, {"--run": None, "--model": str(HERE)}),
            ("evaluate", evaluate, {"--data": None, "--model": str(HERE), "--json": ""}),
            ("expect", expect, {"--data": None, "--model": str(HERE)})):
        command = commands.add_parser(name)
        command.set_defaults(call=run)
        for option, default in options.items():
            command.add_argument(option, default=default, required=default is None)
        command.add_argument("--threads", type=int, default=1)
        if name in ("train", "polish"):
            command.add_argument("--minutes", type=float, default=70)
            command.add_argument("--start", default="", help="checkpoint whose weights to begin with")
            command.add_argument("--steps", type=int, default=0)
            command.add_argument("--seed", type=int, default=7)
            command.add_argument("--batch", type=int, default=96)
            command.add_argument("--rate", type=float, default=8e-4)
            command.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    args.call(args)


if __name__ == "__main__":
    main()
