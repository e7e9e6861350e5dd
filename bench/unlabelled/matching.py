"""Does the caption fit? Wrong ones differ in one word, and no label was ever seen: the pre-training's own matching decides."""

from __future__ import annotations

import argparse
from typing import Any

from report import Row
from sections import Measured
from unlabelled.learning import pretrained_trunk

TESTED = 4_000


def measure(arguments: argparse.Namespace) -> Measured:
    import numpy as np

    from mmzoo import data

    model, took = pretrained_trunk(arguments.seed)
    examples = data.matching("test", TESTED, source="shapes", seed=arguments.seed)
    matcher = model.to_matcher()
    inputs, wanted = examples.arrays(matcher)
    right = (matcher.predict(inputs, batch_size=256, verbose=0)[:, 0] > 0.5) == (wanted == 1)
    cosine = "a CLIP's cosine, best threshold on these examples"
    rows = [
        Row("matching_accuracy", float(right.mean()), _by_cosine(model.to_clip(), inputs, wanted), cosine),
        Row("matching_chance", float(max(np.mean(wanted == 0), np.mean(wanted == 1)))),
    ]
    kinds = np.array(examples.kinds)
    rows += [Row(f"matching_{kind}", float(right[kinds == kind].mean()), 0.5, "chance") for kind in sorted(set(kinds))]
    rows.append(Row("trunk_seconds", took["seconds"], unit="s of two cores"))
    return rows, {"trunk": took, "test_examples": TESTED}


def _by_cosine(clip: Any, inputs: dict[str, Any], wanted: Any) -> float:
    """Accuracy of the same pre-training's CLIP with the threshold that suits these examples best: more than a user could have."""
    import numpy as np

    outputs = clip.predict(inputs, batch_size=256, verbose=0)
    cosines = np.sum(outputs["image_embeds"] * outputs["text_embeds"], axis=1)
    sorted_wanted = wanted[np.argsort(cosines)]
    yes_above = np.append(sorted_wanted.sum(), sorted_wanted.sum() - np.cumsum(sorted_wanted))
    no_below = np.append(0, np.cumsum(1 - sorted_wanted))
    return float((yes_above + no_below).max() / len(wanted))
