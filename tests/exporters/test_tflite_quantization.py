"""int8 and float16 TFLite files against the float32 ones they are made from."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from mmzoo import Tokenizer, build_clip
from mmzoo.bundle.chatter import quiet
from mmzoo.exporters.parts import parts_of
from mmzoo.exporters.tflite import quantize_tflite, write_tflite
from mmzoo.exporters.trace import trace_part


def write(part, path):
    with quiet():
        write_tflite(trace_part("part", part), path)
    return path


def quantized(path, precision):
    target = path.with_name(f"{precision}.tflite")
    quantize_tflite(path, target, precision)
    return target


def answer(path, feed):
    return Interpreter(str(path)).get_signature_runner("part")(**feed)


def min_cosine(expected, actual):
    return min((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(expected, actual, strict=True))


def weights(path):
    """{shape: dtype} of the tensors of two and more axes that hold more than 999 numbers."""
    tensors = Interpreter(str(path)).get_tensor_details()
    return {
        tuple(t["shape"]): t["dtype"].__name__ for t in tensors if len(t["shape"]) > 1 and np.prod(t["shape"]) > 999
    }


def text_model():
    ids = keras.Input((9,), dtype="int32", name="ids")
    y = layers.Dense(300, activation="gelu")(layers.Embedding(3000, 256)(ids))
    return keras.Model(ids, {"y": layers.UnitNormalization()(layers.Dense(32)(layers.GlobalAveragePooling1D()(y)))})


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    keras.utils.set_random_seed(0)
    return write(parts_of(text_model())["model"], tmp_path_factory.mktemp("text") / "fp32.tflite")


@pytest.fixture(scope="module")
def text_feed():
    return {"ids": np.random.default_rng(0).integers(0, 3000, (3, 9)).astype("int32")}


@pytest.mark.parametrize(("precision", "bytes", "cosine"), [("int8", 0.28, 0.999), ("fp16", 0.51, 0.999999)])
def test_a_small_file_answers_nearly_as_the_large_one(text_file, text_feed, precision, bytes, cosine):
    small = quantized(text_file, precision)
    assert small.stat().st_size < bytes * text_file.stat().st_size
    for batch in (1, 3):
        feed = {"ids": text_feed["ids"][:batch]}
        assert min_cosine(answer(text_file, feed)["y"], answer(small, feed)["y"]) > cosine


def test_int8_holds_kernels_and_embeddings_as_int8_with_a_scale_for_each_row(text_file):
    found = weights(quantized(text_file, "int8"))
    assert (found[3000, 256], found[300, 256], found[32, 300]) == ("int8", "int8", "int8")
    tensors = Interpreter(str(text_file.with_name("int8.tflite"))).get_tensor_details()
    scales = {tuple(t["shape"]): len(t["quantization_parameters"]["scales"]) for t in tensors}
    assert (scales[3000, 256], scales[300, 256]) == (3000, 300)


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_names_shapes_and_dtypes_outside_stay(text_file, precision):
    def outside(path):
        interpreter = Interpreter(str(path))
        details = interpreter.get_input_details() + interpreter.get_output_details()
        return interpreter.get_signature_list(), [(d["dtype"], d["shape_signature"].tolist()) for d in details]

    assert outside(quantized(text_file, precision)) == outside(text_file)


def test_fp16_leaves_values_that_float16_does_not_have(tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, {"y": layers.Dense(300, use_bias=False)(x)})
    model.layers[1].kernel.assign(np.full((4, 300), 1e6))
    small = quantized(write(parts_of(model)["model"], tmp_path / "x.tflite"), "fp16")
    np.testing.assert_allclose(answer(small, {"x": np.ones((1, 4), "float32")})["y"], 4e6)


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_a_model_with_nothing_to_make_smaller_stays_right(tmp_path, precision):
    x = keras.Input((4,), name="x")
    source = write(parts_of(keras.Model(x, {"y": layers.Softmax()(x * 2)}))["model"], tmp_path / "x.tflite")
    feed = {"x": np.random.default_rng(0).normal(size=(3, 4)).astype("float32")}
    np.testing.assert_allclose(answer(quantized(source, precision), feed)["y"], answer(source, feed)["y"], atol=1e-6)


@pytest.mark.parametrize(("precision", "cosine"), [("int8", 0.99), ("fp16", 0.99999)])
def test_a_small_convolutional_network_keeps_its_answers(tmp_path, precision, cosine):
    model = build_clip("tiny", tokenizer=Tokenizer.train(["a red circle"], 300))
    source = write(model.export_parts()["image"], tmp_path / "x.tflite")
    feed = {"images": np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype("uint8")}
    expected, actual = (answer(path, feed)["image_embeds"] for path in (source, quantized(source, precision)))
    assert min_cosine(expected, actual) > cosine


def test_quantizing_says_nothing(text_file, capfd):
    with quiet():
        quantized(text_file, "int8")
    assert capfd.readouterr() == ("", "")


def test_another_precision_is_refused(text_file):
    with pytest.raises(ValueError, match="precision must be int8 or fp16, received 'int4'"):
        quantized(text_file, "int4")
