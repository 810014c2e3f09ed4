"""The words the demo model learns: its tokenizer, and texts with the claims they make."""

import json
import random
import re
import string
from pathlib import Path

import numpy as np

from siglip import TOKENS

HERE = Path(__file__).resolve().parent
PAD, EOS, UNK = 0, 1, 2
FAMILIES = ["chest", "head", "abdomen", "histology", "fundus", "skin"]
AMERICAN = {"haematoma": "hematoma", "haemorrhage": "hemorrhage", "haemorrhages": "hemorrhages",
            "haemorrhagic": "hemorrhagic", "tumour": "tumor", "ischaemic": "ischemic", "ischaemia": "ischemia",
            "oedema": "edema", "naevus": "nevus", "haemangioma": "hemangioma", "grey": "gray",
            "haematoxylin": "hematoxylin", "keratinising": "keratinizing", "colour": "color", "colours": "colors"}


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
        self.denial_share = 0.13
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
        r, family = self.rng.uniform(0.13, 1.0), name.split("/")[0]
        if self.rng.random() < self.denial_share:
            absent = self.rng.choice([f for f in self.of_family[family] if f in self.findings and f != name])
            return self.denial(absent)
        if r < 0.17:
            return self.rng.choice(self.groups[family]), self.allow(self.of_family[family]), 0, 0
        several = [g for g in self.groups["several"] if name in g["classes"]]
        if several and r < 0.24:
            group = self.rng.choice(several)
            return self.rng.choice(group["words"]), self.allow(group["classes"]), 0, 0
        use_side = side if self.rng.random() < 0.55 else 0
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
            text = f"{text}. {self.denial(absent, before=True)[0]}."
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

    def denial(self, absent, before=False):
        """A text that denies a finding; `before` it is named where another finding stands in front,
        for without punctuation "effusion pneumothorax not seen" would deny either."""
        family = absent.split("/")[0]
        # Wordings that speak of absence themselves would be denied twice.
        options = [w for w in self.wordings[absent]["train"] if "without" not in w]
        bare = bare_phrase(self.rng.choice(options[:3] if self.rng.random() < 0.6 else options))
        frames = [f for f in self.groups["absent"] if f.endswith("{}") or not before]
        text = self.rng.choice(frames).replace("{}", bare)
        return text, self.allow([c for c in self.of_family[family] if c != absent]), 0, 0

    def spelled(self, text):
        if self.rng.random() < 0.3:
            return " ".join(AMERICAN.get(w, w) for w in words_of(text))
        return text


def bare_phrase(text):
    return re.sub(r"\s+", " ", text.replace("{side} sided", "").replace("on the {side}", "").replace("{side}", "")).strip()
