"""What rouge-score and pycocoevalcap say of sets of captions: python tests/parity/captions.py FOLDER"""

import json
import random
import sys
from pathlib import Path

from pycocoevalcap.cider.cider import Cider
from rouge_score.rouge_scorer import RougeScorer

SETS = 250
WORDS = (
    "a",
    "the",
    "large",
    "small",
    "red",
    "blue",
    "circle",
    "square",
    "star",
    "on",
    "of",
    "below",
    "two",
    "dogs",
    "run",
    "3",
    "x-ray",
)


class Words:
    """Texts whose words are parted by spaces, read as they are."""

    @staticmethod
    def tokenize(text):
        return text.split()


def caption_sets(seed=0):
    """Captions and references with much, little and nothing in common; repeated words; a caption of no words at all."""
    drawn = random.Random(seed)
    captions, references = [], []
    for _ in range(SETS):
        row = [" ".join(drawn.choices(WORDS, k=drawn.randint(1, 14))) for _ in range(drawn.randint(1, 5))]
        caption = drawn.choice(row).split()
        for place in range(len(caption)):
            if drawn.random() < 0.3:
                caption[place] = drawn.choice(WORDS)
        captions.append(" ".join(caption[: drawn.randint(0, 16)]))
        references.append(row)
    return captions, references


def main(folder):
    captions, references = caption_sets()
    scorer = RougeScorer(["rougeL"], tokenizer=Words())
    rouge = [
        scorer.score_multi(row, caption)["rougeL"].fmeasure for caption, row in zip(captions, references, strict=True)
    ]
    cider = Cider()
    _, each = cider.compute_score(dict(enumerate(references)), {i: [caption] for i, caption in enumerate(captions)})
    record = {"captions": captions, "references": references, "rouge_l": rouge, "cider_d": each.tolist()}
    (Path(folder) / "captions.json").write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
