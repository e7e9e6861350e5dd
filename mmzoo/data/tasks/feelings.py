"""Sentiment that neither the picture nor the words decide: a drawn face and a sentence, sarcasm included."""

from __future__ import annotations

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.examples import Examples
from mmzoo.data.images import ImageView
from mmzoo.data.tasks.balance import check_request, detail, even_cells
from mmzoo.data.tasks.faces import draw_face, random_face
from mmzoo.data.tasks.sentences import KINDS, sentences


def sentiment(split: str = "train", count: int = 8_192, *, seed: int = 0, image_size: int = 32) -> Examples:
    """Is this post good news for the one who writes it? A drawn face that smiles or frowns, and a sentence.

    What the two mean, so that every label can be checked by hand:
    1. The face tells how somebody feels, whatever the words say: "oh great, another Monday" under a frown is sarcasm,
       negative; "oh no, not cake again" under a smile is a joke, positive; under the other face either is meant.
    2. The sentence tells whose face it is. The writer's own ("me", or nobody is named), or one of the writer's side ("our
       captain", "the woman I voted for"): what is good for them is good, a smile is positive. One of the other side ("their
       captain", "the thief who robbed us"): what is good for them is bad, a smile is negative and a frown positive.
    3. An earlier face, since when it is "the other way round", "the opposite" or "reversed", counts as the other face:
       "our captain an hour before; after the match it was the other way round" under a smile is negative.

    Examples 2 j and 2 j + 1 are about one face, one of them positive; every eight of these pairs show each kind of
    sentence with a smile and with a frown. So either modality alone is right half of the time, for each face, each
    template and each kind. A quarter of the pairings of a person with a moment, and of a remark with its frame, never
    occurs in training; the test has them all.

    split: "train" or "test", whose faces are different ones. image_size: pixels a side, at least 24. Example i is the
    same whatever count is.
    Returns `Examples`: images (count, image_size, image_size, 3) uint8; label_names "negative" and "positive"; kinds
    "whose" (rule 2), "earlier" (2 and 3), "remark" (1 and 2) and "everyday" (1 and 3).
    Raises: ValueError if an argument is out of its range.
    """
    check_request(split, count, seed)
    words = {
        (kind, sign): [each for each in sentences(kind) if each.sign == sign and (each.seen or split == "test")]
        for kind in KINDS
        for sign in (-1, 1)
    }
    pictures, texts, targets, kinds = [], [], [], []
    for pair, cell in enumerate(even_cells(-(-count // 2), 2 * len(KINDS), split, seed).tolist()):
        rng = detail(pair, split, seed)
        kind, smiles = KINDS[cell // 2], cell % 2 == 1
        pictures.append(draw_face(random_face(smiles, rng), image_size))
        first = 1 if rng.random() < 0.5 else -1
        for sign in (first, -first):
            choices = words[kind, sign]
            texts.append(choices[rng.integers(len(choices))].text)
            targets.append(int(smiles == (sign == 1)))
            kinds.append(kind)
    return Examples(
        images=ImageView(np.stack(pictures), np.arange(count) // 2),
        texts=tuple(texts[:count]),
        targets=np.array(targets[:count], np.int32),
        label_names=("negative", "positive"),
        kinds=tuple(kinds[:count]),
        augment=Augment(crop=(0.8, 1.0), rotate=10.0, flip=True),
    )
