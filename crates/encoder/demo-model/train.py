"""Trains the demo model: a small SigLIP that knows casekin's phantoms and nothing else.

    phantom-dataset DATA/train 1001 0 36000        (Rust: cargo run -p casekin-phantoms --bin phantom-dataset)
    phantom-dataset DATA/val 9001 0 500
    python train.py train    --data DATA --out RUN [--minutes M | --steps N] [--seed S] [--start FILE]
    python train.py export   --run RUN --model DIR
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
import random
import re
import string
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
IMAGE_PX, PATCH_PX, TOKENS = 112, 14, 32
WIDTH, HEADS, MLP = 192, 3, 576
VISION_LAYERS, TEXT_LAYERS = 4, 2
PAD, EOS, UNK = 0, 1, 2
FAMILIES = ["chest", "head", "abdomen", "histology", "fundus", "skin"]
FAMILY_SHARE = [0.38, 0.15, 0.17, 0.05, 0.20, 0.05]
AMERICAN = {"haematoma": "hematoma", "haemorrhage": "hemorrhage", "haemorrhages": "hemorrhages",
            "haemorrhagic": "hemorrhagic", "tumour": "tumor", "ischaemic": "ischemic", "ischaemia": "ischemia",
            "oedema": "edema", "naevus": "nevus", "haemangioma": "hemangioma", "grey": "gray",
            "haematoxylin": "hematoxylin", "keratinising": "keratinizing", "colour": "color", "colours": "colors"}


# ---------------------------------------------------------------- model

class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = (p(x).view(b, n, self.heads, d // self.heads).transpose(1, 2)
                   for p in (self.q_proj, self.k_proj, self.v_proj))
        # Spelled out: on a CPU the fused kernel's backward pass is several times slower at 64 tokens.
        mixed = torch.softmax(q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5, -1) @ v
        return self.out_proj(mixed.transpose(1, 2).reshape(b, n, d))


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.self_attn, self.mlp = Attention(WIDTH, HEADS), Mlp(WIDTH, MLP)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class PoolingHead(nn.Module):
    """SigLIP's attention pooling: one learned query looks at all patches."""

    def __init__(self):
        super().__init__()
        self.probe = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.layernorm, self.mlp = nn.LayerNorm(WIDTH, eps=1e-6), Mlp(WIDTH, MLP)

    def forward(self, x):
        probe = self.probe.expand(x.shape[0], -1, -1)
        pooled = self.attention(probe, x, x, need_weights=False)[0]
        return (pooled + self.mlp(self.layernorm(pooled)))[:, 0]


class VisionEmbeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, WIDTH, PATCH_PX, stride=PATCH_PX)
        self.position_embedding = nn.Embedding((IMAGE_PX // PATCH_PX) ** 2, WIDTH)

    def forward(self, x):
        return self.patch_embedding(x).flatten(2).transpose(1, 2) + self.position_embedding.weight


class Vision(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings, self.encoder = VisionEmbeddings(), Encoder(VISION_LAYERS)
        self.post_layernorm, self.head = nn.LayerNorm(WIDTH, eps=1e-6), PoolingHead()

    def forward(self, x):
        patches = self.post_layernorm(self.encoder(self.embeddings(x)))
        return self.head(patches), patches


class TextEmbeddings(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, WIDTH)
        self.position_embedding = nn.Embedding(TOKENS, WIDTH)

    def forward(self, ids):
        return self.token_embedding(ids) + self.position_embedding.weight


class Text(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embeddings, self.encoder = TextEmbeddings(vocabulary), Encoder(TEXT_LAYERS)
        self.final_layer_norm, self.head = nn.LayerNorm(WIDTH, eps=1e-6), nn.Linear(WIDTH, WIDTH)

    def forward(self, ids):
        return self.head(self.final_layer_norm(self.encoder(self.embeddings(ids)))[:, -1])


class Siglip(nn.Module):
    """Parameter names are those of transformers' SiglipModel."""

    def __init__(self, vocabulary):
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor([math.log(10.0)]))
        self.logit_bias = nn.Parameter(torch.tensor([-5.0]))
        self.vision_model, self.text_model = Vision(), Text(vocabulary)
        for name, p in self.named_parameters():
            if name.endswith("embedding.weight") and p.dim() == 2:
                nn.init.normal_(p, std=0.05)

    def pictures(self, x):
        return F.normalize(self.vision_model(x)[0].float(), dim=-1)

    def texts(self, ids):
        return F.normalize(self.text_model(ids).float(), dim=-1)


# ---------------------------------------------------------------- words

def words_of(text):
    """SigLIP's clean-up: lower case, no ASCII punctuation, single spaces."""
    return text.lower().translate(str.maketrans("", "", string.punctuation)).split()


class WordPieces:
    """Greedy longest-match word pieces, as the `tokenizers` crate's WordPiece does it."""

    def __init__(self, vocabulary):
        self.ids = vocabulary
        self.known = {}

    def word(self, word):
        if word not in self.known:
            pieces, start = [], 0
            while start < len(word):
                end = len(word)
                while end > start and ("##" if start else "") + word[start:end] not in self.ids:
                    end -= 1
                if end == start:
                    pieces = [UNK]
                    break
                pieces.append(self.ids[("##" if start else "") + word[start:end]])
                start = end
            self.known[word] = pieces
        return self.known[word]

    def encode(self, text):
        ids = [i for w in words_of(text) for i in self.word(w)][: TOKENS - 1] + [EOS]
        return ids + [EOS] * (TOKENS - len(ids))


def load_wordings():
    return json.loads((HERE / "wordings.json").read_text()), json.loads((HERE / "groups.json").read_text())


def build_vocabulary():
    """Every word of the training wordings, then letters, so that any word has a spelling."""
    wordings, groups = load_wordings()
    counted = {}
    texts = [t for v in wordings.values() for t in v["train"]] + groups["absent"] + groups["present"] + groups["noise"]
    texts += [t for f in FAMILIES for t in groups[f]] + [t for g in groups["several"] for t in g["words"]]
    texts += FRAMES + ["right left side sided on the small large right-sided left-sided both eye moderate marked mild"]
    for text in texts:
        for word in words_of(text.replace("{side}", "").replace("{}", "")):
            for form in {word, AMERICAN.get(word, word)}:
                counted[form] = counted.get(form, 0) + 1
    vocabulary = {"<pad>": PAD, "</s>": EOS, "<unk>": UNK}
    letters = string.ascii_lowercase + string.digits
    pieces = list(letters) + ["##" + c for c in letters]
    pieces += ["##" + e for e in ("s", "es", "ed", "ing", "al", "ic", "ous", "ion", "ions", "oma", "itis", "osis", "er", "ly")]
    for piece in sorted(counted, key=lambda w: (-counted[w], w)) + pieces:
        vocabulary.setdefault(piece, len(vocabulary))
    return vocabulary


FRAMES = ["{} on the {side}", "{} on the {side} side", "{side} sided {}", "{side} {}", "{side} side {}"]


class TextMaker:
    """Draws texts with the claims they make: allowed classes, side, extent."""

    def __init__(self, classes, seed):
        self.wordings, self.groups = load_wordings()
        self.classes, self.number = classes, {c: i for i, c in enumerate(classes)}
        self.rng = random.Random(seed)
        self.of_family = {f: [c for c in classes if c.startswith(f + "/")] for f in FAMILIES}
        self.findings = [c for c in classes if not c.endswith("/normal")]

    def allow(self, names):
        row = np.zeros(len(self.classes), dtype=bool)
        row[[self.number[n] for n in names]] = True
        return row

    def phrase(self, name, side):
        """One wording of a finding, with the side in it where it is given."""
        text = self.rng.choice(self.wordings[name]["train"])
        if side and "{side}" in text:
            return text.replace("{side}", side)
        bare = bare_phrase(text)
        if not side:
            return bare
        if name.startswith("fundus"):
            return self.rng.choice(["{} of the {side} eye", "{side} eye {}", "{side} eye with {}", "{} {side} eye"]).replace("{}", bare).replace("{side}", side)
        return self.rng.choice(FRAMES).replace("{side}", side).replace("{}", bare)

    def about(self, name, side, extent):
        """A text that holds for a picture of this class."""
        r, family = self.rng.random(), name.split("/")[0]
        if r < 0.13:
            absent = self.rng.choice([f for f in self.of_family[family] if f in self.findings and f != name])
            return self.denial(absent)
        if r < 0.17:
            return self.rng.choice(self.groups[family]), self.allow(self.of_family[family]), 0, 0
        several = [g for g in self.groups["several"] if name in g["classes"]]
        if several and r < 0.24:
            group = self.rng.choice(several)
            return self.rng.choice(group["words"]), self.allow(group["classes"]), 0, 0
        use_side = side if self.rng.random() < 0.4 else 0
        use_extent = extent if extent in (1, 3) and self.rng.random() < 0.12 and name in self.findings else 0
        text = self.phrase(name, {0: "", 1: "right", 2: "left"}[use_side])
        if use_extent:
            text = {1: "small ", 3: "large "}[use_extent] + text
        if r < 0.45:
            text = self.rng.choice(self.groups["present"]).replace("{}", text)
        elif r < 0.60:
            where = self.rng.choice(self.groups[family])
            text = self.rng.choice([f"{where} with {text}", f"{text} on {where}", f"{where} {text}", f"{text} {where}"])
        elif r < 0.68:
            other = bare_phrase(self.rng.choice(self.wordings[name]["train"]))
            text = f"{text}, {other}"
        elif r < 0.74 and name in self.findings:
            absent = self.rng.choice([f for f in self.of_family[family] if f in self.findings and f != name])
            text = f"{text}. {self.denial(absent)[0]}."
        elif r < 0.86:
            text = self.bag(text)
        return text, self.allow([name]), use_side, use_extent

    def bag(self, text):
        """Words of a wording, shuffled or thinned, so that meaning does not hang on one order."""
        words = text.split()
        if "without" in words or "no" in words:
            return text
        if self.rng.random() < 0.6:
            self.rng.shuffle(words)
        if self.rng.random() < 0.5:
            words.insert(self.rng.randrange(len(words) + 1), self.rng.choice(self.groups["noise"]))
        return " ".join(words)

    def denial(self, absent):
        family = absent.split("/")[0]
        # Wordings that speak of absence themselves would be denied twice.
        options = [w for w in self.wordings[absent]["train"] if "without" not in w]
        bare = bare_phrase(self.rng.choice(options[:3] if self.rng.random() < 0.6 else options))
        text = self.rng.choice(self.groups["absent"]).replace("{}", bare)
        return text, self.allow([c for c in self.of_family[family] if c != absent]), 0, 0

    def spelled(self, text):
        if self.rng.random() < 0.3:
            return " ".join(AMERICAN.get(w, w) for w in words_of(text))
        return text


def bare_phrase(text):
    return re.sub(r"\s+", " ", text.replace("{side} sided", "").replace("on the {side}", "").replace("{side}", "")).strip()


# ---------------------------------------------------------------- pictures

class Pictures:
    """The pictures that phantom-dataset wrote."""

    def __init__(self, folder, classes=None):
        rows = [json.loads(line) for line in (Path(folder) / "pictures.jsonl").open()]
        self.rows = rows
        self.pixels = np.memmap(Path(folder) / "pixels.u8", np.uint8, "r").reshape(-1, IMAGE_PX, IMAGE_PX, 3)
        names = [f"{r['family']}/{r['finding']}" for r in rows]
        self.classes = classes or sorted(set(names))
        number = {c: i for i, c in enumerate(self.classes)}
        self.label = np.array([number[n] for n in names])
        self.side = np.array([{None: 0, "right": 1, "left": 2}[r["side"]] for r in rows])
        self.extent = np.array([{"small": 1, "moderate": 2, "large": 3}[r["extent"]] for r in rows])
        self.family = np.array([FAMILIES.index(r["family"]) for r in rows])
        self.patient = np.array([r["index"] for r in rows])

    def tensor(self, picked):
        return torch.from_numpy(self.pixels[picked]).permute(0, 3, 1, 2).float() / 127.5 - 1.0

    def patch_labels(self, picked):
        """Class of the finding for each patch whose centre lies in the lesion box, else none."""
        n = IMAGE_PX // PATCH_PX
        centre = (np.arange(n) + 0.5) / n
        out = np.full((len(picked), n, n), len(self.classes))
        for i, p in enumerate(picked):
            box = self.rows[p]["lesion"]
            if box:
                x = (centre > box[0] - 0.02) & (centre < box[0] + box[2] + 0.02)
                y = (centre > box[1] - 0.02) & (centre < box[1] + box[3] + 0.02)
                out[i][np.ix_(y, x)] = self.label[p]
        return torch.from_numpy(out.reshape(len(picked), -1))


def shifted(x, rng):
    """Small shifts and changes of light; no flips, since the side matters."""
    dx, dy = rng.integers(-5, 6, 2)
    x = torch.roll(x, (int(dy), int(dx)), (2, 3))
    gain = torch.from_numpy(rng.uniform(0.88, 1.12, (len(x), 1, 1, 1)).astype(np.float32))
    return ((x + 1.0) * gain - 1.0).clamp_(-1, 1)


# ---------------------------------------------------------------- training

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
        begin_from(model, pieces, args.start)
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
    # Half of each batch comes from two families, where telling apart is hard; grey local findings need it most.
    by_family = [np.flatnonzero(data.family == f) for f in range(len(FAMILIES))]
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
        two = rng.choice(len(FAMILIES), 2, replace=False, p=FAMILY_SHARE)
        near = np.concatenate([rng.choice(by_family[f], half // 2) for f in two])
        picked = np.concatenate([order[at:at + half], near])
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
            save(model, pieces, data.classes, step, args, started, out)
            saved = time.time()
    save(model, pieces, data.classes, step, args, started, out)


def begin_from(model, pieces, checkpoint):
    """Takes over the weights of an earlier run; its words keep their vectors where the vocabulary grew."""
    earlier = torch.load(checkpoint, weights_only=False)
    name = "text_model.embeddings.token_embedding.weight"
    table = model.state_dict()[name].clone()
    for piece, row in earlier["vocabulary"].items():
        if piece in pieces.ids:
            table[pieces.ids[piece]] = earlier["model"][name][row]
    model.load_state_dict({**earlier["model"], name: table})


def losses(model, helpers, data, maker, pieces, picked, rng, args):
    texts, allow, side, extent = [], [], [], []
    for p in list(picked) + list(rng.choice(picked, args.batch // 4)):
        text, row, s, e = maker.about(data.classes[data.label[p]], int(data.side[p]), int(data.extent[p]))
        texts.append(pieces.encode(maker.spelled(text)))
        allow.append(row), side.append(s), extent.append(e)
    allow, side, extent = np.stack(allow), np.array(side)[:, None], np.array(extent)[:, None]
    holds = allow[:, data.label[picked]]
    holds &= (side == 0) | (side == data.side[picked][None])
    holds &= (extent == 0) | (extent == data.extent[picked][None])
    holds = torch.from_numpy(holds)
    label = torch.from_numpy(data.label[picked])
    with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
        raw, patches = model.vision_model(shifted(data.tensor(picked), rng))
        spoken = model.text_model(torch.tensor(texts))
        patch_logits = helpers.patch(patches)
    raw, spoken, patch_logits = raw.float(), spoken.float(), patch_logits.float()
    seen, said = F.normalize(raw, dim=-1), F.normalize(spoken, dim=-1)
    logits = said @ seen.T * model.logit_scale.exp() + model.logit_bias
    sign = holds.float() * 2 - 1
    pair = -F.logsigmoid(sign * logits)
    # A text with many positives must not outweigh one with few.
    positives = holds.sum(1, keepdim=True).clamp(min=1)
    pairs = ((pair * holds / positives.float().sqrt()).sum() + (pair * ~holds).sum()) / len(picked)
    kin = F.cross_entropy(20.0 * seen @ F.normalize(helpers.prototypes, dim=-1).T, label)
    side_loss = F.cross_entropy(helpers.side(raw), torch.from_numpy(data.side[picked]))
    extent_loss = F.cross_entropy(helpers.extent(raw), torch.from_numpy(data.extent[picked]))
    patch = F.cross_entropy(patch_logits.flatten(0, 1), data.patch_labels(picked).flatten())
    text = F.binary_cross_entropy_with_logits(helpers.allowed(spoken), torch.from_numpy(allow).float())
    total = pairs + kin + 0.3 * side_loss + 0.1 * extent_loss + 0.5 * patch + 2.0 * text
    found = (seen.detach() @ F.normalize(helpers.prototypes, dim=-1).T.detach()).argmax(1).eq(label).float().mean()
    return total, [v.item() for v in (pairs, kin, found, side_loss, patch, text)]


def save(model, pieces, classes, step, args, started, out):
    state = {"model": model.state_dict(), "vocabulary": pieces.ids, "classes": classes, "step": step,
             "minutes": (time.time() - started) / 60, "arguments": {k: v for k, v in vars(args).items() if k != "call"}}
    torch.save(state, out / "checkpoint.tmp")
    (out / "checkpoint.tmp").rename(out / "checkpoint.pt")
    print(f"saved at step {step}", flush=True)


# ---------------------------------------------------------------- the model folder

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


def load_folder(folder):
    from safetensors.torch import load_file
    vocabulary = json.loads((Path(folder) / "tokenizer.json").read_text())["model"]["vocab"]
    model = Siglip(len(vocabulary))
    model.load_state_dict({k: v.float() for k, v in load_file(str(Path(folder) / "model.safetensors")).items()})
    return model.eval(), WordPieces(vocabulary)


# ---------------------------------------------------------------- evaluation

@torch.no_grad()
def evaluate(args):
    torch.set_num_threads(args.threads)
    model, pieces = load_folder(args.model)
    wordings, groups = load_wordings()
    data = Pictures(args.data)
    seen = torch.cat([model.pictures(data.tensor(np.arange(i, min(i + 128, len(data.rows)))))
                      for i in range(0, len(data.rows), 128)]).numpy()
    say = lambda texts: model.texts(torch.tensor([pieces.encode(t) for t in texts])).numpy()
    family_of = [c.split("/")[0] for c in data.classes]
    text_hits, text_chance, by_class = {f: [] for f in FAMILIES}, {f: [] for f in FAMILIES}, {}
    for number, name in enumerate(data.classes):
        truth = data.label == number
        phrases = [bare_phrase(w) for w in wordings[name]["held"]]
        scores = seen @ say(phrases).T
        hits = [truth[np.argsort(-scores[:, j])[:5]].mean() for j in range(len(phrases))]
        by_class[name] = float(np.mean(hits))
        text_hits[family_of[number]] += hits
        text_chance[family_of[number]].append(truth.sum() / (data.family == FAMILIES.index(family_of[number])).sum())
    sides, side_chance = [], []
    for number, name in enumerate(data.classes):
        for code, side in ((1, "right"), (2, "left")):
            for wording in wordings[name]["held"]:
                if "{side}" in wording:
                    truth = (data.label == number) & (data.side == code)
                    best = np.argsort(-(seen @ say([wording.replace("{side}", side)])[0]))[:5]
                    sides.append(truth[best].mean())
    kin = {f: [] for f in FAMILIES}
    kin_class = {c: [] for c in data.classes}
    alike = seen @ seen.T
    for i in range(len(seen)):
        scores = alike[i].copy()
        scores[same_patient(data, i)] = -9
        hit = (data.label[np.argsort(-scores)[:5]] == data.label[i]).mean()
        kin[FAMILIES[data.family[i]]].append(hit)
        kin_class[data.classes[data.label[i]]].append(hit)
    wrong = {}
    for number, name in enumerate(data.classes):
        if name.endswith("/normal"):
            continue
        for bare in [bare_phrase(w) for w in wordings[name]["held"][:2]] + [bare_phrase(wordings[name]["train"][0])]:
            for frame in ["no {}", "without {}", *groups["absent_held"]]:
                if "without" in bare:
                    continue
                scores = seen @ say([frame.replace("{}", bare)])[0]
                best = np.argsort(-scores)[:5]
                wrong.setdefault(name, []).append([(data.label[best] == number).mean(),
                                                   (data.family[best] == FAMILIES.index(name.split("/")[0])).mean()])
    figures = {
        "pictures": len(data.rows), "cases": len(set(data.patient)),
        "text_to_image_precision_at_5": mean_of(text_hits), "image_to_image_precision_at_5": mean_of(kin),
        "text_with_side_precision_at_5": float(np.mean(sides)),
        "absent_finding_in_top_5": float(np.mean([v[0] for w in wrong.values() for v in w])),
        "absent_query_right_family": float(np.mean([v[1] for w in wrong.values() for v in w])),
        "by_family": {f: {"text_to_image": float(np.mean(text_hits[f])), "image_to_image": float(np.mean(kin[f])),
                          "absent_finding_in_top_5": float(np.mean([v[0] for n, w in wrong.items() if n.startswith(f) for v in w])),
                          "chance_within_family": float(np.mean(text_chance[f]))} for f in FAMILIES},
        "by_finding": {c: {"text_to_image": by_class[c], "image_to_image": float(np.mean(kin_class[c])),
                           "absent_finding_in_top_5": float(np.mean([v[0] for v in wrong[c]])) if c in wrong else None}
                       for c in data.classes}}
    print(json.dumps(figures, indent=1))
    if args.json:
        rounded = json.loads(json.dumps(figures), parse_float=lambda s: round(float(s), 3))
        Path(args.json).write_text(json.dumps(rounded, indent=2) + "\n")


def same_patient(data, i):
    """Pictures that may belong to the same patient: a patient has at most two cases in a row."""
    return np.abs(data.patient - data.patient[i]) <= 1


def mean_of(hits):
    return float(np.mean([h for values in hits.values() for h in values]))


@torch.no_grad()
def expect(args):
    from tokenizers import Tokenizer
    model, pieces = load_folder(args.model)
    tokenizer = Tokenizer.from_file(str(Path(args.model) / "tokenizer.json"))
    data = Pictures(args.data)
    texts = ["right pneumothorax", "There is a collapsed lung on the right.", "pleural effusion", "no pneumothorax",
             "melanoma", "histology of carcinoma", "CT head: large left subdural haematoma", "hydrocephalus",
             "kidney stone", "glaucoma of the left eye", "T1/T2 <unfamiliar> words, zyzzyva 5 mm!", ""]
    expected = {"texts": [], "images": []}
    for text in texts:
        ids = pieces.encode(text)
        theirs = tokenizer.encode(text).ids[:TOKENS]
        assert theirs + [EOS] * (TOKENS - len(theirs)) == ids, text
        expected["texts"].append({"text": text, "token_ids": ids,
                                  "embedding": [round(v, 7) for v in model.texts(torch.tensor([ids]))[0].tolist()]})
    firsts = [int(np.flatnonzero(data.family == f)[k]) for f, k in ((0, 0), (0, 7), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (5, 9))]
    for i in firsts:
        row = data.rows[i]
        expected["images"].append({"seed": row["seed"], "index": row["index"], "image": row["image"],
                                   "embedding": [round(v, 7) for v in model.pictures(data.tensor([i]))[0].tolist()]})
    (Path(args.model) / "expected.json").write_text(json.dumps(expected) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, options in (
            ("train", train, {"--data": None, "--out": None}), ("export", export, {"--run": None, "--model": str(HERE)}),
            ("evaluate", evaluate, {"--data": None, "--model": str(HERE), "--json": ""}),
            ("expect", expect, {"--data": None, "--model": str(HERE)})):
        command = commands.add_parser(name)
        command.set_defaults(call=run)
        for option, default in options.items():
            command.add_argument(option, default=default, required=default is None)
        command.add_argument("--threads", type=int, default=1)
        if name == "train":
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
