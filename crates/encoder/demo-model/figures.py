"""What the demo model can do, measured on pictures of seeds it was not trained on."""

import json
from pathlib import Path

import numpy as np
import torch

from pictures import Pictures
from siglip import TOKENS, Siglip
from wording import EOS, FAMILIES, WordPieces, bare_phrase, load_wordings


def load_folder(folder):
    from safetensors.torch import load_file
    vocabulary = json.loads((Path(folder) / "tokenizer.json").read_text())["model"]["vocab"]
    model = Siglip(len(vocabulary))
    model.load_state_dict({k: v.float() for k, v in load_file(str(Path(folder) / "model.safetensors")).items()})
    return model.eval(), WordPieces(vocabulary)


class Judge:
    """Ranks the pictures of `data` for texts, and for each other."""

    def __init__(self, model, pieces, data):
        self.model, self.pieces, self.data = model, pieces, data
        parts = [model.pictures(data.tensor(np.arange(i, min(i + 128, len(data.rows)))))
                 for i in range(0, len(data.rows), 128)]
        self.seen = torch.cat(parts).numpy()
        self.wordings, self.groups = load_wordings()

    def best_for(self, text):
        vector = self.model.texts(torch.tensor([self.pieces.encode(text)]))[0].numpy()
        return np.argsort(-(self.seen @ vector))[:5]

    def words(self, number):
        """Precision@5 of the wordings of a class that training never saw."""
        held = self.wordings[self.data.classes[number]]["held"]
        return [(self.data.label[self.best_for(bare_phrase(w))] == number).mean() for w in held]

    def words_with_side(self, number):
        hits = []
        for wording in self.wordings[self.data.classes[number]]["held"]:
            for code, side in ((1, "right"), (2, "left")):
                if "{side}" in wording:
                    best = self.best_for(wording.replace("{side}", side))
                    hits.append(((self.data.label[best] == number) & (self.data.side[best] == code)).mean())
        return hits

    def denials(self, number):
        """How much of the top five shows the very thing that the text denies."""
        wording = self.wordings[self.data.classes[number]]
        phrases = [bare_phrase(w) for w in wording["held"][:2] + wording["train"][:1]]
        frames = ["no {}", "without {}", *self.groups["absent_held"]]
        return [(self.data.label[self.best_for(frame.replace("{}", phrase))] == number).mean()
                for phrase in phrases if "without" not in phrase for frame in frames]

    def kin(self, picture):
        """Precision@5 by main finding among other patients' pictures."""
        scores = self.seen @ self.seen[picture]
        # A patient has at most two cases, one after the other.
        scores[np.abs(self.data.case - self.data.case[picture]) <= 1] = -9
        return (self.data.label[np.argsort(-scores)[:5]] == self.data.label[picture]).mean()


@torch.no_grad()
def evaluate(args):
    torch.set_num_threads(args.threads)
    model, pieces = load_folder(args.model)
    data = Pictures(args.data)
    judge = Judge(model, pieces, data)
    numbers = range(len(data.classes))
    family_of = [name.split("/")[0] for name in data.classes]
    words = [judge.words(n) for n in numbers]
    sides = [judge.words_with_side(n) for n in numbers]
    denials = [[] if data.classes[n].endswith("/normal") else judge.denials(n) for n in numbers]
    kin = [[judge.kin(p) for p in np.flatnonzero(data.label == n)] for n in numbers]

    def summary(chosen):
        measured = {"text_to_image": words, "image_to_image": kin, "text_with_side": sides, "denied_in_top_5": denials}
        values = {key: [hit for n in chosen for hit in hits[n]] for key, hits in measured.items()}
        return {key: round(float(np.mean(v)), 3) if v else None for key, v in values.items()}

    figures = {
        "pictures": len(data.rows), "cases": len(set(data.case)),
        "parameters": sum(p.numel() for p in model.parameters()), "overall": summary(numbers),
        "by_family": {f: {**summary([n for n in numbers if family_of[n] == f]),
                          "chance_within_family": round(1 / family_of.count(f), 3)} for f in FAMILIES},
        "by_finding": {name: summary([n]) for n, name in enumerate(data.classes)}}
    text = json.dumps(figures, indent=1)
    print(text)
    if args.json:
        Path(args.json).write_text(text + "\n")


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
