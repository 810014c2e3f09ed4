"""The pictures that phantom-dataset wrote, and what each of them shows."""

import json
from pathlib import Path

import numpy as np
import torch

from siglip import IMAGE_PX, PATCH_PX
from wording import FAMILIES


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
        self.of_class = [np.flatnonzero(self.label == c) for c in range(len(self.classes))]
        self.classes_of_family = [[c for c, n in enumerate(self.classes) if n.startswith(f + "/")] for f in FAMILIES]
        self.has_sides = [bool(self.side[members].any()) for members in self.of_class]
        self.case = np.array([r["index"] for r in rows])

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
