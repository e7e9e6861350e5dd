"""The captioner that both sections train, and how its captions compare with the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from budget import Budget

if TYPE_CHECKING:
    from mmzoo import Captioner, Tokenizer
    from mmzoo.data import Pairs

WIDTH, BATCH, VOCABULARY = 128, 64, 512
PEAK_RATE = 1e-3
LANGUAGES = ("en", "zh")
WORDS = {"en": "13a", "zh": "zh"}
"""How sacrebleu parts a language's words."""


def captioner(decoder: str, tokenizer: Tokenizer, context_length: int) -> Captioner:
    """A small convolutional network and a decoder of the same width."""
    from mmzoo import build_captioner, build_convnet

    sizes = {"depth": 2, "num_heads": 4} if decoder == "transformer" else {}
    return build_captioner(
        build_convnet(image_size=32, widths=(32, 64, 128), blocks=1),
        decoder=decoder,
        tokenizer=tokenizer,
        context_length=context_length,
        width=WIDTH,
        **sizes,
    )


def tokenizer_of(pairs: Pairs) -> tuple[Tokenizer, int]:
    """A tokenizer with tags for both languages, and the length of the longest caption in its tokens."""
    from mmzoo import Tokenizer

    captions = sorted({caption for row in pairs.captions for caption in row})
    tokenizer = Tokenizer.train(captions, VOCABULARY, languages=LANGUAGES)
    rows = tokenizer([caption for row in pairs.captions for caption in row], 64)
    return tokenizer, int((rows != tokenizer.pad_id).sum(1).max())


def train(model: Captioner, pairs: Pairs, seconds: float, seed: int) -> dict[str, float]:
    """compile and fit on the pipeline, for so many seconds of two cores; returns what that took."""
    import keras

    from mmzoo import data

    budget = Budget(seconds, PEAK_RATE)
    model.compile(keras.optimizers.AdamW(PEAK_RATE, weight_decay=0.01))
    model.fit(data.dataset(pairs, model, BATCH, seed=seed), epochs=10_000, verbose=0, callbacks=[budget])
    return budget.took()


def written(model: Captioner, images: Any, language: str, **options: Any) -> list[Any]:
    return model.generate(images, language=language, batch_size=64, **options)


def has_language(text: str, language: str) -> bool:
    """Whether a caption is in the language: Chinese has Chinese characters, and English has none."""
    from mmzoo.data.scenes.words import is_chinese

    return is_chinese(text) == (language == "zh")
