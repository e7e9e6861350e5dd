"""A captioner's three parts, driven by a loop outside, write what it writes."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import mmzoo
from mmzoo import build_captioner, build_convnet
from mmzoo.bundle.manifest import read_manifest
from mmzoo.bundle.reader import open_artifact
from mmzoo.tokenizer import Tokenizer

pytestmark = pytest.mark.usefixtures("plain_search")

CAPTIONS = ("a red circle", "a blue square", "a green star", "a white ring")
TOKENIZER = Tokenizer.train(CAPTIONS, 300)
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
LENGTH = 16


def greedy(run, images):
    """Token ids, as a client without mmzoo writes them."""
    begun = run["prefill"](
        run["encoder"]({"images": images}) | {"token_ids": np.full((len(images), 1), TOKENIZER.start_id, "int32")}
    )
    texts, logits = [np.full(len(images), TOKENIZER.start_id)], begun.pop("logits")
    for place in range(1, LENGTH):
        logits[:, [TOKENIZER.start_id, TOKENIZER.pad_id, TOKENIZER.mask_id]] = -np.inf
        texts.append(logits.argmax(1).astype("int32"))
        step = {"token_ids": texts[-1][:, None], "position": np.full(len(images), place, "int32")}
        found = run["decode_step"](begun | step)
        logits = found.pop("logits")
        begun |= {name.removeprefix("next_"): value for name, value in found.items()}
    return np.stack(texts, axis=1)


@pytest.mark.parametrize("decoder", ["transformer", "gru", "lstm"])
def test_every_format_writes_what_the_model_writes(decoder, tmp_path):
    sizes = {"depth": 2, "num_heads": 2} if decoder == "transformer" else {}
    encoder = build_convnet(image_size=8, widths=(8,), blocks=1)
    model = build_captioner(encoder, decoder=decoder, tokenizer=TOKENIZER, context_length=LENGTH, width=16, **sizes)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit({"images": IMAGES, "token_ids": TOKENIZER(CAPTIONS, LENGTH)}, batch_size=4, epochs=150, verbose=0)
    mmzoo.export(model, tmp_path / "captioner")
    manifest = read_manifest(tmp_path / "captioner")
    written = model.generate(IMAGES)
    assert tuple(each.text for each in written) == CAPTIONS  # four texts, so that a state that is lost shows
    expected = [each.token_ids.tolist() for each in written]
    for form in ("saved_model", "tflite", "onnx"):
        run = {
            artifact.part: open_artifact(tmp_path / "captioner", artifact, manifest.parts[artifact.part])
            for artifact in manifest.artifacts
            if artifact.format == form
        }
        ids = greedy(run, IMAGES)
        assert [row[: len(wanted)].tolist() for row, wanted in zip(ids, expected, strict=True)] == expected
    assert_no_shape_is_computed(tmp_path / "captioner")


def assert_no_shape_is_computed(bundle):
    """Memory of a computed shape is new in every call: one in eight interpreters went on reading the old from the second call on."""
    files = sorted(bundle.glob("*/*.tflite"))
    assert [file.parent.name for file in files] == ["decode_step", "encoder", "prefill"]
    for file in files:
        assert "SHAPE" not in {operation["op_name"] for operation in Interpreter(str(file))._get_ops_details()}
