"""casekin's encoder beside PyTorch and transformers, at MedSigLIP-448's size unless another is asked for, in one run:
`cargo xtask bench encoder`.

Random weights cost what real ones cost. Rounds are interleaved, ours and the peer's, each in its own
process with the same number of threads; medians of the rounds are compared. Markdown goes to standard output, progress to
standard error.
"""

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from transformers import SiglipImageProcessor, SiglipVisionModel

import random_checkpoint
from parity_encoder import COSINE_BARS, compared, train_pixels, unit

ROUNDS = 5
SIDE_PX = 3000
WINDOW = (2048.0, 3000.0)
PNGS = 256
# What casekin runs on either device and what it is held against: the peer's type. On a GPU f32 is nobody's choice.
RECIPES = {"cpu": ("train",), "cuda": ("train-bf16", "train-f16")}
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
# A checkpoint up to this cost for a picture counts as small: all of its rows take minutes without a GPU.
SMALL_GFLOP = 10


def log(text):
    print(text, file=sys.stderr, flush=True)


class Ours:
    def __init__(self, program, device):
        self.process = subprocess.Popen([program, device], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, do, **wish):
        wish = {key: str(value) if isinstance(value, Path) else value for key, value in wish.items()}
        try:
            self.process.stdin.write(json.dumps({"do": do, **wish}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"error": "it ended; its last words stand above"}
        if "error" in answer:
            raise RuntimeError(f"{do}: {answer['error']}")
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def timed(work):
    started = time.perf_counter()
    made = work()
    return (time.perf_counter() - started) * 1e3, made


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def verdict(met, missed):
    return "met" if met else f"missed by {missed}"


def share_of_bar(value, bar):
    """For a bar that is to be reached."""
    return verdict(value >= bar, f"{(1 - value / bar) * 100:.0f} %")


def flops_per_image(config):
    """Multiplications and additions of the image tower, the pooling head included."""
    tokens, hidden, wide = (config.image_size // config.patch_size) ** 2, config.hidden_size, config.intermediate_size
    layer = tokens * (4 * hidden * hidden + 2 * hidden * wide) + 2 * tokens * tokens * hidden
    patches = tokens * hidden * config.num_channels * config.patch_size**2
    head = 2 * tokens * hidden * hidden + 2 * tokens * hidden + 2 * hidden * hidden + 2 * hidden * wide
    return 2 * (config.num_hidden_layers * layer + patches + head)


def image_tower_bytes(checkpoint):
    with open(checkpoint / "model.safetensors", "rb") as weights:
        header = json.loads(weights.read(struct.unpack("<Q", weights.read(8))[0]))
    sizes = {name: np.prod(entry["shape"], dtype=np.int64) for name, entry in header.items() if name != "__metadata__"}
    return 4 * int(sum(size for name, size in sizes.items() if name.startswith("vision_model.")))


def precision_of(recipe):
    """`f32` of `train`, `bf16` of `train-bf16`."""
    return recipe.partition("-")[2] or "f32"


class Peer:
    """The image tower under transformers: SDPA, inference_mode; on CUDA compiled too. In the arithmetic of a recipe."""

    def __init__(self, checkpoint, device, precision):
        self.device = "cuda" if device.startswith("cuda") else "cpu"
        self.dtype = DTYPES[precision]
        model = SiglipVisionModel.from_pretrained(checkpoint, dtype=self.dtype, attn_implementation="sdpa")
        model = model.eval().to(self.device)
        self.config = model.config
        self.model = torch.compile(model) if self.device == "cuda" else model

    def run(self, pixels):
        with torch.inference_mode():
            ms, output = timed(lambda: self.model(pixel_values=pixels).pooler_output.float().cpu())
        return ms, output

    def gemm_ms(self, rows, inner, outer):
        """The largest linear layer by itself, as PyTorch runs it."""
        layer = torch.nn.Linear(inner, outer, device=self.device, dtype=self.dtype)
        data = torch.rand(rows, inner, device=self.device, dtype=self.dtype)
        def once():
            layer(data)
            if self.device == "cuda":
                torch.cuda.synchronize()
        with torch.inference_mode():
            once()
            return min(timed(once)[0] for _ in range(8))


def bench_pixels(size):
    """The same noise as the program that measures takes, prepared by profile `train`."""
    at = np.arange(size * size * 3, dtype=np.uint64)
    noise = ((at * 2654435761 & 0xFFFFFFFF) >> 24).astype(np.uint8).reshape(size, size, 3)
    return train_pixels(noise, size)


def tower_rows(args, checkpoint):
    rows = []
    for recipe in args.recipes:
        peer = Peer(checkpoint, args.device, precision_of(recipe))
        for batch in [int(number) for number in args.batches.split(",")]:
            rows += batch_rows(args, checkpoint, peer, (recipe, batch))
    return rows


def batch_rows(args, checkpoint, peer, wanted):
    (recipe, batch), cuda, config = wanted, args.device.startswith("cuda"), peer.config
    precision, name = precision_of(recipe), f"batches of {batch}" if recipe == "train" else f"`{recipe}`, batches of {batch}"
    log(f"{name}: loading")
    ours = Ours(args.measure, args.device)
    ours.ask("load", model=checkpoint, device=args.device, threads=args.threads, batch=batch, recipe=recipe)
    together = bench_pixels(config.image_size).repeat(batch, 1, 1, 1).to(peer.device, peer.dtype)
    tokens = batch * (config.image_size // config.patch_size) ** 2
    layer = {"rows": tokens, "from": config.hidden_size, "to": config.intermediate_size, "threads": args.threads}
    layer_gflop = 2 * tokens * config.hidden_size * config.intermediate_size / 1e9
    mine, theirs, gemm, their_gemm = [], [], [], []
    for round_no in range(args.rounds + 1):
        ran = ours.ask("run", pictures=batch)
        ms, output = peer.run(together)
        if round_no == 0:
            cosine, _ = compared(ran["vector"], unit(output[:1]))
            log(f"{name}: 1 - cosine {1 - cosine:.1e}")
            if cosine < COSINE_BARS[precision]:
                raise RuntimeError(f"the two do not agree: cosine {cosine}")
            continue
        mine.append(batch / ran["ms"] * 1e3)
        theirs.append(batch / ms * 1e3)
        their_gemm.append(layer_gflop / peer.gemm_ms(tokens, config.hidden_size, config.intermediate_size) * 1e3)
        # On CUDA the bar is the rate that this arithmetic has there in PyTorch; on a CPU that of the same runtime's own layer.
        gemm.append(their_gemm[-1] if cuda else layer_gflop / ours.ask("gemm", **layer)["ms"] * 1e3)
        log(f"{name}: {mine[-1]:.4f} and {theirs[-1]:.4f} pictures/s, GEMM {gemm[-1]:.0f} and {their_gemm[-1]:.0f} GFLOP/s")
    ours.end()
    ratio = statistics.median(mine) / statistics.median(theirs)
    whole = statistics.median(mine) * flops_per_image(config) / 1e9
    share = whole / statistics.median(gemm)
    rival = f"transformers, torch.compile, {precision}" if cuda else "transformers"
    rate_bar, share_bar = (1.0, 0.55) if cuda else (1.1, 0.85)
    rows = [
        f"| pictures/s, {name}, {rival} | {spread(mine, 3)} | {spread(theirs, 3)} | {ratio:.2f}× "
        f"| ≥ {rate_bar}×: {share_of_bar(ratio, rate_bar)} |",
        f"| GFLOP/s, whole tower, the largest layer alone in {f'PyTorch, {precision}' if cuda else 'ONNX Runtime'} | {whole:.0f} "
        f"| {spread(gemm, 0)} | {share * 100:.0f} % | ≥ {share_bar * 100:.0f} %: {share_of_bar(share, share_bar)} |",
    ]
    if not cuda:
        rows.append(f"| GFLOP/s, the largest layer alone, PyTorch | {spread(gemm, 0)} | {spread(their_gemm, 0)} "
                    f"| {statistics.median(gemm) / statistics.median(their_gemm):.2f}× | |")
    return rows


def quantised_rows(args, checkpoint):
    """The image tower in 8 bit beside the full one: rate, agreement, memory."""
    full, eight = Ours(args.measure, "cpu"), Ours(args.measure, "cpu")
    wish = dict(model=checkpoint, device="cpu", threads=args.threads, batch=1)
    full.ask("load", recipe="train", **wish)
    loaded = eight.ask("load", recipe="train-int8", **wish)
    rates = ([], [])
    for round_no in range(args.rounds + 1):
        ran = [one.ask("run", pictures=1) for one in (full, eight)]
        if round_no == 0:
            vectors = [np.asarray(one["vector"], dtype=np.float64) for one in ran]
            continue
        for rate, one in zip(rates, ran):
            rate.append(1e3 / one["ms"])
    cosine = float(vectors[0] @ vectors[1] / np.linalg.norm(vectors[0]) / np.linalg.norm(vectors[1]))
    memory = [one.ask("memory")["peak_kb"] * 1024 / 1e6 for one in (full, eight)]
    full.end()
    eight.end()
    ratio = statistics.median(rates[1]) / statistics.median(rates[0])
    log(f"8 bit: {ratio:.2f} times, cosine {cosine:.5f}")
    return [
        f"| pictures/s in 8 bit (`train-int8`), in f32; cosine of the two {cosine:.5f} | {spread(rates[1], 3)} | {spread(rates[0], 3)} "
        f"| {ratio:.2f}× | faster, and cosine ≥ 0.99: {verdict(ratio > 1 and cosine >= 0.99, 'one of them')} |",
        f"| peak resident memory in 8 bit (loaded in {loaded['ms'] / 1e3:.1f} s), in f32, MB | {memory[1]:.0f} | {memory[0]:.0f} "
        f"| {memory[1] / memory[0]:.2f}× | |",
    ]


def windowed(samples):
    """DICOM's linear window to 8 bit, as numpy does it."""
    centre, width = WINDOW
    scaled = ((samples.astype(np.float32) - (centre - 0.5)) / (width - 1) + 0.5) * 255
    return np.clip(scaled, 0, 255).astype(np.uint8)


def prepare_row(args, checkpoint, folder):
    log("preparing a picture")
    draw = np.random.default_rng(4)
    ramp = np.add.outer(np.arange(SIDE_PX), np.arange(SIDE_PX)) * 4095 // (2 * SIDE_PX)
    samples = (ramp + draw.integers(0, 64, (SIDE_PX, SIDE_PX))).astype("<u2")
    file = folder / "samples.u16"
    file.write_bytes(samples.tobytes())
    processor = SiglipImageProcessor.from_pretrained(str(checkpoint))
    size = processor.size["height"]
    ours = Ours(args.measure, "cpu")
    wish = dict(file=file, width_px=SIDE_PX, height_px=SIDE_PX, centre=WINDOW[0], width=WINDOW[1], size_px=size)
    mine, alone, theirs = [], [], []
    for round_no in range(3 * args.rounds + 1):
        ran = ours.ask("prepare", **wish)
        window_ms, rgb = timed(lambda: np.repeat(windowed(samples)[..., None], 3, axis=2))
        ms, _ = timed(lambda: processor(images=rgb, return_tensors="pt")["pixel_values"])
        if round_no == 0:
            wanted = float(train_pixels(rgb, size).double().mean())
            if abs(wanted - ran["mean"]) > 1e-3:
                raise RuntimeError(f"other pixels: mean {ran['mean']}, not {wanted}")
            continue
        mine.append(ran["ms"])
        alone.append(ms)
        theirs.append(window_ms + ms)
    ours.end()
    took, ratio = statistics.median(mine), statistics.median(alone) / statistics.median(mine)
    return [
        f"| ms, {SIDE_PX} × {SIDE_PX} 16-bit samples under a window → tensor, one thread; the processor without the window | {spread(mine)} | {spread(alone)} "
        f"| {ratio:.0f}× | ≤ 4 ms: {verdict(took <= 4, f'{took - 4:.1f} ms')}; ≥ 20×: {share_of_bar(ratio, 20)} |",
        f"| the same, the window by numpy before the processor | {spread(mine)} | {spread(theirs)} "
        f"| {statistics.median(theirs) / took:.0f}× | |",
    ]


def memory_row(args, checkpoint):
    log("memory")
    ours = Ours(args.measure, args.device)
    loaded = ours.ask("load", model=checkpoint, device=args.device, threads=args.threads, batch=1, recipe="train")
    after_load = ours.ask("memory")
    ours.ask("run", pictures=1)
    after_run = ours.ask("memory")
    ours.end()
    weights = image_tower_bytes(checkpoint)
    peak = after_run["peak_kb"] * 1024
    return (f"| peak resident memory, image tower loaded and run, its f32 weights, MB | {peak / 1e6:.0f} "
            f"(loaded {after_load['peak_kb'] * 1024 / 1e6:.0f}, in {loaded['ms'] / 1e3:.1f} s) | {weights / 1e6:.0f} "
            f"| {peak / weights:.2f}× | ≤ 1.25×: {verdict(peak <= 1.25 * weights, f'{(peak / weights / 1.25 - 1) * 100:.0f} %')} |")


def worker_row(args, checkpoint, folder):
    """PNG files to vectors through the whole worker, against the encoder's own rate in batches of 16, by the first recipe."""
    recipe = args.recipes[0]
    log(f"{PNGS} PNG files through the worker, `{recipe}`")
    files, draw = folder / "files", np.random.default_rng(5)
    files.mkdir()
    for number in range(PNGS):
        grey = draw.integers(0, 256, (64, 64), dtype=np.uint8)
        Image.fromarray(grey).resize((1024, 1024)).save(files / f"{number}.png")
    config = folder / "casekin.toml"
    config.write_text(f'[encoder]\nprofile = "{recipe}"\nthreads = {args.threads}\n')
    library = ["--data-dir", str(folder / "library"), "--config", str(config), "--device", args.device]
    run = lambda *words: subprocess.run([args.casekin, *library, *words], check=True, stdout=subprocess.DEVNULL)
    run("model", "add", str(checkpoint))
    empty = folder / "one"
    empty.mkdir()
    (files / "0.png").rename(empty / "0.png")
    started, _ = timed(lambda: run("ingest", str(empty)))
    took, _ = timed(lambda: run("ingest", str(files)))
    rate = (PNGS - 1) / (took - started) * 1e3
    ours = Ours(args.measure, args.device)
    ours.ask("load", model=checkpoint, device=args.device, threads=args.threads, batch=16, recipe=recipe)
    ours.ask("run", pictures=16)
    own = statistics.median(128 / ours.ask("run", pictures=128)["ms"] * 1e3 for _ in range(args.rounds))
    ours.end()
    # A small checkpoint on a CPU shows that this works, and no more: decoding takes longer than the encoder there.
    bar = "" if args.device == "cpu" else f"≥ 90 %: {share_of_bar(rate / own, 0.9)} "
    return (f"| pictures/s, {PNGS - 1} PNG files of 1,024² → vectors in the library by `{recipe}`, the encoder alone | {rate:.1f} | {own:.1f} "
            f"| {rate / own * 100:.0f} % | {bar}|")


def picture_gflop(checkpoint):
    return flops_per_image(SiglipVisionModel.config_class.from_pretrained(checkpoint)) / 1e9


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--measure", required=True)
    parser.add_argument("--casekin")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--batches", default="1")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    random_checkpoint.add_arguments(parser)
    args = parser.parse_args()
    args.threads = args.threads or len(os.sched_getaffinity(0))
    args.recipes = RECIPES[args.device.split(":")[0]]
    return args


def all_rows(args, checkpoint):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        rows = tower_rows(args, checkpoint)
        if args.device == "cpu":
            rows += quantised_rows(args, checkpoint)
            rows += prepare_row(args, checkpoint, folder)
            rows.append(memory_row(args, checkpoint))
        if args.device != "cpu" or picture_gflop(checkpoint) <= SMALL_GFLOP:
            rows.append(worker_row(args, checkpoint, folder))
        return rows


def without_gpu(args):
    """Says what a machine without a GPU can say about `--device cuda`, and ends with an error: nothing is measured."""
    log("No GPU with CUDA, so everything short of it is checked.")
    try:
        driver = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True)
        log(f"- driver: {(driver.stdout or driver.stderr).strip() or 'it lists no GPU'}")
    except FileNotFoundError:
        log("- driver: there is no nvidia-smi")
    log(f"- PyTorch {torch.__version__}: built for CUDA {torch.version.cuda}, finds {torch.cuda.device_count()} GPUs")
    shape = random_checkpoint.shape_of(args)
    if args.model is None and shape == random_checkpoint.Shape() and not (args.cache / shape.name / "complete").exists():
        log("- checkpoint: none of MedSigLIP's size is made (3.5 GB), as nothing could run it; --model or --hidden and --layers give another")
    else:
        checkpoint = random_checkpoint.of_arguments(args, args.shared / "reference/siglip-tokenizer")
        log(f"- checkpoint {checkpoint.name}: {image_tower_bytes(checkpoint) / 1e6:.0f} MB of f32 in the image tower")
        try:
            ours = Ours(args.measure, args.device)
            for recipe in args.recipes:
                ours.ask("load", model=checkpoint, device=args.device, threads=args.threads, batch=1, recipe=recipe)
                log(f"- casekin: loads it for {args.device} as `{recipe}`")
        except RuntimeError as error:
            log(f"- casekin, {error}")
        rehearse(args, checkpoint)
    sys.exit("error: PyTorch finds no GPU with CUDA here: nothing was measured, and docs/BENCHMARKS.md is as it was")


def rehearse(args, checkpoint):
    """One round of what `--device cuda` measures, on the CPU: whether the script works, not how fast anything is."""
    if picture_gflop(checkpoint) > SMALL_GFLOP:
        log("- its rows: not tried, they would take hours on a CPU; a small checkpoint's are (--hidden 144 --layers 3)")
        return
    # ONNX Runtime has no bf16 on a CPU; in f16 it takes the same paths.
    trial = argparse.Namespace(**vars(args) | dict(device="cpu", rounds=1, recipes=("train-f16",)))
    with tempfile.TemporaryDirectory() as folder:
        rows = [*tower_rows(trial, checkpoint), worker_row(trial, checkpoint, Path(folder))]
    log("- its rows, tried on the CPU; no figures of a GPU:\n" + "\n".join(rows))


def main():
    args = arguments()
    cuda = args.device.startswith("cuda")
    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    if cuda and not torch.cuda.is_available():
        without_gpu(args)
    checkpoint = random_checkpoint.of_arguments(args, args.shared / "reference/siglip-tokenizer")
    try:
        rows = all_rows(args, checkpoint)
    except RuntimeError as error:
        sys.exit(f"error: {error}")
    print("| what | casekin, median (least–most) | beside it | ratio | bar |\n|---|---|---|---|---|")
    print("\n".join(rows))
    name = torch.cuda.get_device_name() if cuda else f"{args.threads} threads each"
    weights = "Random weights" if args.model is None else "Weights"
    tower = SiglipVisionModel.config_class.from_pretrained(checkpoint)
    print(f"\nPeers: PyTorch {torch.__version__} (SDPA, inference_mode), transformers {transformers.__version__}; {name}. "
          f"{args.rounds} rounds, interleaved. {weights} of {tower.image_size} px, patches of {tower.patch_size} px, "
          f"{tower.num_hidden_layers} layers of {tower.hidden_size}.")


if __name__ == "__main__":
    main()
