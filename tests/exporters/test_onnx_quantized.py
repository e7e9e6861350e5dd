"""int8 and float16 files, run by onnxruntime beside the float32 file they come from."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from mmzoo.exporters.onnx import quantize_onnx, write_onnx
from mmzoo.exporters.parts import parts_of
from mmzoo.exporters.trace import trace_part
from mmzoo.layers import TransformerBlock


def text_model():
    x = keras.Input((6,), dtype="int32", name="token_ids")
    y = layers.Embedding(400, 64, embeddings_initializer="normal", name="table")(x)
    y = layers.LayerNormalization()(TransformerBlock(64, 4, causal=True)(y))
    y = layers.Dense(48, name="head")(layers.GlobalAveragePooling1D()(y))
    return keras.Model(x, {"embeds": layers.UnitNormalization()(y)})


def image_model():
    x = keras.Input((16, 16, 3), dtype="uint8", name="images")
    y = layers.Conv2D(64, 3, activation="relu")(layers.Rescaling(1 / 127.5, -1)(x))
    y = layers.Conv2D(64, 3, strides=2)(y)
    return keras.Model(x, {"embeds": layers.Dense(48)(layers.GlobalAveragePooling2D()(y))})


def recurrent_model():
    x = keras.Input((6, 40), name="x")
    return keras.Model(x, {"embeds": layers.LSTM(32)(x)})


MODELS = {"text": text_model, "image": image_model, "recurrent": recurrent_model}
FEEDS = {
    "text": {"token_ids": np.random.default_rng(0).integers(0, 400, (3, 6)).astype("int32")},
    "image": {"images": np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype("uint8")},
    "recurrent": {"x": np.random.default_rng(0).normal(size=(3, 6, 40)).astype("float32")},
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The float32 files, the text model's with its weights in a second file."""
    keras.utils.set_random_seed(0)
    paths = {}
    for name, build in MODELS.items():
        [part] = parts_of(build()).values()
        paths[name] = tmp_path_factory.mktemp(name) / "model.onnx"
        write_onnx(trace_part("model", part), paths[name], external_data=name == "text")
    return paths


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path, feed):
    return session(path).run(["embeds"], feed)[0]


def least_cosine(a, b):
    return (np.sum(a * b, 1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min()


def size(files):
    return sum(file.stat().st_size for file in files)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("precision", "cosine"), [("int8", 0.999), ("fp16", 0.99999)])
def test_it_answers_nearly_the_same_on_batches_of_3_and_1(sources, tmp_path, name, precision, cosine):
    quantize_onnx(sources[name], tmp_path / "model.onnx", precision)
    for rows in (slice(3), slice(1, 2)):
        feed = {key: array[rows] for key, array in FEEDS[name].items()}
        assert least_cosine(run(sources[name], feed), run(tmp_path / "model.onnx", feed)) > cosine


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_inputs_and_outputs_stay_as_they_are(sources, tmp_path, name, precision):
    quantize_onnx(sources[name], tmp_path / "model.onnx", precision)
    before, after = session(sources[name]), session(tmp_path / "model.onnx")
    for ports in ("get_inputs", "get_outputs"):
        pairs = zip(getattr(before, ports)(), getattr(after, ports)(), strict=True)
        assert all((a.name, a.type, a.shape) == (b.name, b.type, b.shape) for a, b in pairs)
    assert after.get_inputs()[0].shape[0] == "batch"


def test_int8_holds_no_large_float_and_one_byte_for_each_weight(sources, tmp_path):
    files = quantize_onnx(sources["text"], tmp_path / "model.onnx", "int8")
    tensors = onnx.load(files[0]).graph.initializer
    assert not [t.name for t in tensors if t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) > 512]
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in tensors}
    assert weights["table/embeddings_int8"].dtype == np.int8
    assert weights["table/embeddings_scale"].shape == (400, 1)


def test_int8_multiplies_weights_as_integers_and_leaves_attention_scores(sources, tmp_path):
    quantize_onnx(sources["text"], tmp_path / "model.onnx", "int8")
    operations = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert operations.count("MatMulInteger") == 4 + 2 + 1
    assert operations.count("MatMul") == 2
    # Query, key and value read the same rows, which are quantized once.
    assert operations.count("DynamicQuantizeLinear") == 5


def test_int8_products_cannot_overflow_16_bits_anywhere(sources, tmp_path):
    quantize_onnx(sources["text"], tmp_path / "model.onnx", "int8")
    graph = onnx.load(tmp_path / "model.onnx").graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    products = [weights[node.input[1]] for node in graph.node if node.op_type == "MatMulInteger"]
    assert all(2 * 255 * np.abs(weight.astype(int)).max() < 2**15 for weight in products)


def test_int8_by_hand(tmp_path):
    # One row: 2 x 127 / 254 -> its scale is 1 / 2 of a step of 7 bits; exact values survive.
    x = keras.Input((64,), name="x")
    model = keras.Model(x, {"embeds": layers.Dense(32, use_bias=False)(x)})
    kernel = np.random.default_rng(0).integers(-63, 64, (64, 32)).astype("float32")
    kernel[0] = 63
    model.layers[1].kernel.assign(kernel / 4)
    [part] = parts_of(model).values()
    write_onnx(trace_part("model", part), tmp_path / "model.onnx")
    quantize_onnx(tmp_path / "model.onnx", tmp_path / "model.int8.onnx", "int8")
    inputs = np.random.default_rng(1).integers(0, 256, (3, 64)).astype("float32")
    inputs[:, 0] = 255
    expected = inputs @ kernel / 4
    np.testing.assert_allclose(run(tmp_path / "model.int8.onnx", {"x": inputs}), expected, rtol=1e-6)


def test_fp16_holds_half_the_bytes(sources, tmp_path):
    files = quantize_onnx(sources["text"], tmp_path / "model.onnx", "fp16")
    kinds = {t.data_type for t in onnx.load(files[0]).graph.initializer if np.prod(t.dims) > 512}
    assert kinds == {onnx.TensorProto.FLOAT16}


def test_fp16_computes_the_norm_in_float32(tmp_path):
    # 300 squared is more than float16 holds.
    x = keras.Input((64,), name="x")
    [part] = parts_of(keras.Model(x, {"embeds": layers.UnitNormalization()(layers.Dense(64)(x))})).values()
    write_onnx(trace_part("model", part), tmp_path / "model.onnx")
    quantize_onnx(tmp_path / "model.onnx", tmp_path / "model.fp16.onnx", "fp16")
    feed = {"x": np.full((2, 64), 300, "float32")}
    answers = run(tmp_path / "model.fp16.onnx", feed)
    np.testing.assert_allclose(answers, run(tmp_path / "model.onnx", feed), atol=1e-3)


def test_fp16_casts_a_value_once_for_all_that_read_it_in_float32(tmp_path):
    # The factors of both enlargements are one constant.
    x = keras.Input((4, 4, 32), name="x")
    larger = [layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(32, 1)(x)) for _ in range(2)]
    [part] = parts_of(keras.Model(x, {"embeds": layers.Add()(larger)})).values()
    write_onnx(trace_part("model", part), tmp_path / "model.onnx")
    quantize_onnx(tmp_path / "model.onnx", tmp_path / "model.fp16.onnx", "fp16")
    feed = {"x": np.random.default_rng(0).normal(size=(3, 4, 4, 32)).astype("float32")}
    answers = run(tmp_path / "model.fp16.onnx", feed)
    np.testing.assert_allclose(answers, run(tmp_path / "model.onnx", feed), atol=2e-2)


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_weights_lie_in_a_second_file_where_the_source_has_one(sources, tmp_path, precision):
    files = quantize_onnx(sources["text"], tmp_path / "model.q.onnx", precision)
    assert [file.name for file in files] == ["model.q.onnx", "model.q.onnx.data"]
    source = [sources["text"], sources["text"].with_name("model.onnx.data")]
    assert size(files) < size(source) * 0.65
    assert files[0].stat().st_size < 50_000
    assert quantize_onnx(sources["image"], tmp_path / "image.onnx", precision) == (tmp_path / "image.onnx",)


def test_another_precision_is_refused(sources, tmp_path):
    with pytest.raises(ValueError, match="precision must be int8 or fp16, received 'int4'"):
        quantize_onnx(sources["image"], tmp_path / "model.onnx", "int4")
