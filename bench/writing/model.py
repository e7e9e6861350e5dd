"""The captioner that is measured, random weights: its sizes are those of bench/peers/image_captioner.py."""

from __future__ import annotations

from typing import Any

THREADS, TOKENS, VOCAB_SIZE, WIDTH = 2, 60, 8192, 256
IMAGE_SIZE, PATCH_SIZE = 224, 16  # what transformers' ViTConfig has by itself


def captioner(decoder: str, seed: int) -> Any:
    """ViT 6 x 256 and a decoder of width 256, a transformer of 4 layers; on two threads."""
    import keras
    import tensorflow as tf

    from mmzoo import build_captioner, build_vit

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    keras.utils.set_random_seed(seed)
    encoder = build_vit(image_size=IMAGE_SIZE, patch_size=PATCH_SIZE, width=WIDTH, depth=6, num_heads=4)
    sizes = {"depth": 4, "num_heads": 4} if decoder == "transformer" else {}
    return build_captioner(
        encoder, decoder=decoder, vocab_size=VOCAB_SIZE, context_length=TOKENS + 1, width=WIDTH, **sizes
    )
