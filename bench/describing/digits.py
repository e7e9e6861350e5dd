"""Captions of real handwritten digits in two languages: is the digit that they name the one there is?"""

from __future__ import annotations

import argparse

from describing.recipe import LANGUAGES, captioner, has_language, tokenizer_of, train, written
from report import Row
from sections import Measured, progress

SECONDS = 90


def measure(arguments: argparse.Namespace) -> Measured:
    """The same in both forms."""
    import keras

    from mmzoo import data
    from mmzoo.data.handwriting import digit_captions

    keras.utils.set_random_seed(arguments.seed)
    training, test = data.digits("train", tagged=True), data.digits("test")
    tokenizer, context_length = tokenizer_of(training)
    model = captioner("transformer", tokenizer, context_length)
    took = train(model, training, SECONDS, arguments.seed)
    progress(f"digits: {took}")
    digit_of = {text: digit for digit in range(10) for text in digit_captions(digit)}
    rows = []
    for language in LANGUAGES:
        texts = [str(each) for each in written(model, test.images, language)]
        named = [digit_of.get(text) for text in texts]
        right = sum(name == label for name, label in zip(named, test.labels.tolist(), strict=True)) / len(texts)
        rows.append(Row(f"digits_{language}", right, 0.1, "chance"))
        rows.append(
            Row(f"digits_{language}_in_language", sum(has_language(each, language) for each in texts) / len(texts))
        )
        progress(f"digits, {language}: {right:.4f}; such as {texts[0]!r}")
    rows.append(Row("digits_seconds", took["seconds"], unit="s of two cores"))
    return rows, {
        "parameters": model.count_params(),
        "train_pictures": len(training),
        "test_pictures": len(test),
        **took,
    }
