"""ONNX graphs as onnx and onnxruntime see them: what became of Keras's layers, and that the answers are the same."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from mmzoo.exporters.onnx import write_onnx
from mmzoo.exporters.parts import call, parts_of
from mmzoo.exporters.samples import sample_inputs
from mmzoo.exporters.trace import trace_part
from mmzoo.layers import Attention, gelu, gelu_tanh, quick_gelu

GENERATOR = np.random.default_rng(0)


def randomize(model):
    """Keras starts biases at 0 and gammas at 1, which TensorFlow leaves out of a graph."""
    for variable in model.variables:
        if variable.dtype == "float32":
            variable.assign(
                GENERATOR.uniform(0.5, 1.5, variable.shape) * np.sign(GENERATOR.normal(size=variable.shape))
            )
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(np.abs(layer.moving_variance.numpy()))


def run(path, feed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, feed), strict=True))


def written(model, directory, *, random=True, **options):
    """Writes a model, compares its answers on batches of 3 and 1 with Keras's, and returns the ONNX graph's operations."""
    if random:
        randomize(model)
    [part] = parts_of(model).values()
    path = directory / "model.onnx"
    write_onnx(trace_part("model", part), path, **options)
    inputs = sample_inputs({"model": part}, None)["model"]
    for rows in (slice(3), slice(3, 4)):
        feed = {name: array[rows] for name, array in inputs.items()}
        expected = {name: keras.ops.convert_to_numpy(tensor) for name, tensor in call(part.model, feed).items()}
        for name, answer in run(path, feed).items():
            np.testing.assert_allclose(answer, expected[name], rtol=1e-4, atol=1e-4 * np.abs(expected[name]).max())
    return [node.op_type for node in onnx.load(path).graph.node]


def sequence_model(layer, width=40):
    x = keras.Input((5, width), name="x")
    return keras.Model(x, {"y": layer(x)})


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_layer_normalization_is_one_operation(tmp_path, scale, center):
    layer = layers.LayerNormalization(scale=scale, center=center, epsilon=1e-2)
    assert written(sequence_model(layer), tmp_path) == ["LayerNormalization"]


def test_a_normalization_of_another_axis_is_not_taken_for_one_of_the_last(tmp_path):
    assert "LayerNormalization" not in written(sequence_model(layers.LayerNormalization(axis=1)), tmp_path)


@pytest.mark.parametrize(
    ("activation", "approximate"),
    [(gelu, b"none"), (keras.activations.gelu, b"none"), (gelu_tanh, b"tanh")],
    ids=["erf", "erfc", "tanh"],
)
def test_gelu_is_one_operation(tmp_path, activation, approximate):
    assert written(sequence_model(layers.Activation(activation)), tmp_path) == ["Gelu"]
    [node] = onnx.load(tmp_path / "model.onnx").graph.node
    attributes = {attribute.name: attribute.s for attribute in node.attribute}
    assert attributes.get("approximate", b"none") == approximate


def test_quick_gelu_stays_the_form_that_onnxruntime_fuses(tmp_path):
    assert sorted(written(sequence_model(layers.Activation(quick_gelu)), tmp_path)) == ["Mul", "Mul", "Sigmoid"]


def test_a_dense_layer_of_a_sequence_is_a_product_and_a_sum(tmp_path):
    assert written(sequence_model(layers.Dense(30)), tmp_path) == ["MatMul", "Add"]


def test_a_dense_layer_of_any_length_computes_no_shape(tmp_path):
    x = keras.Input((None, 40), name="x")
    assert written(keras.Model(x, {"y": layers.Dense(30)(x)}), tmp_path) == ["MatMul", "Add"]


def test_attention_computes_no_shape(tmp_path):
    operations = written(sequence_model(Attention(40, 4)), tmp_path)
    assert operations.count("MatMul") == 6
    assert set(operations) == {"MatMul", "Add", "Mul", "Reshape", "Transpose", "Softmax"}


def test_large_weights_keep_their_keras_paths_and_values(tmp_path):
    model = sequence_model(layers.Dense(30, name="dense"))
    written(model, tmp_path)
    weights = {value.name: value for value in onnx.load(tmp_path / "model.onnx").graph.initializer}
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(weights["dense/kernel"]), model.layers[1].kernel)


def test_a_convolution_takes_its_batch_normalization_in(tmp_path):
    x = keras.Input((8, 8, 3), name="x")
    y = x
    for _ in range(2):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(40, 3, name=None)(y)))
    # Pictures have their channels last in Keras and first in ONNX: one Transpose at each end.
    assert written(keras.Model(x, {"y": y}), tmp_path) == ["Transpose", "Conv", "Relu", "Conv", "Relu", "Transpose"]


def test_a_convolution_that_two_layers_read_keeps_its_weights(tmp_path):
    x = keras.Input((8, 8, 3), name="x")
    convolved = layers.Conv2D(40, 3)(x)
    y = layers.BatchNormalization()(convolved) + convolved
    written(keras.Model(x, {"y": y}), tmp_path)


def test_a_grouped_convolution_is_one_operation(tmp_path):
    x = keras.Input((8, 8, 8), name="x")
    operations = written(keras.Model(x, {"y": layers.Conv2D(16, 3, groups=4)(x)}), tmp_path)
    assert operations == ["Transpose", "Conv", "Transpose"]


def test_transposes_pass_a_hard_swish(tmp_path):
    x = keras.Input((8, 8, 3), name="x")
    y = layers.Conv2D(4, 3)(layers.Activation("hard_swish")(layers.Conv2D(40, 3)(x)))
    assert written(keras.Model(x, {"y": y}), tmp_path).count("Transpose") == 2


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (4, 5)])
def test_a_normalization_after_a_convolution_answers_the_same_on_maps_of_any_size(tmp_path, height, width):
    x = keras.Input((height, width, 8), name="x")
    y = layers.LayerNormalization()(layers.Conv2D(8, 3, padding="same")(x))  # its variance: the square of a transpose
    written(keras.Model(x, {"y": y}), tmp_path)


def test_an_embedding_that_is_the_output_layer_too_is_held_once(tmp_path):
    import keras_hub

    x = keras.Input((7,), dtype="int32", name="x")
    table = keras_hub.layers.ReversibleEmbedding(300, 64)
    written(keras.Model(x, {"y": table(table(x), reverse=True)}), tmp_path)
    assert (tmp_path / "model.onnx").stat().st_size < 1.1 * 4 * 300 * 64


def test_only_the_rows_that_are_read_are_computed(tmp_path):
    x = keras.Input((5, 40), name="x")
    attended = x + Attention(40, 4)(layers.LayerNormalization()(x))
    y = attended + layers.Dense(40)(layers.Dense(50, activation=gelu)(layers.LayerNormalization()(attended)))
    written(keras.Model(x, {"y": y[:, 0]}), tmp_path)
    shapes = inferred_shapes(tmp_path / "model.onnx")
    assert shapes["Gelu"] == [("batch", 1, 50)]
    assert shapes["Softmax"] == [("batch", 4, 1, 5)]


def test_rows_that_another_layer_reads_are_computed(tmp_path):
    x = keras.Input((5, 40), name="x")
    y = layers.Dense(50, activation=gelu)(x)
    written(keras.Model(x, {"first": y[:, 0], "all": y}), tmp_path)
    assert inferred_shapes(tmp_path / "model.onnx")["Gelu"] == [("batch", 5, 50)]


def inferred_shapes(path):
    """{operation: shapes of its outputs}, by onnx."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True)
    types = {info.name: info.type for info in (*model.graph.value_info, *model.graph.output)}
    found = {}
    for node in model.graph.node:
        sides = types[node.output[0]].tensor_type.shape.dim
        shape = tuple(side.dim_value or ("batch" if axis == 0 else None) for axis, side in enumerate(sides))
        found.setdefault(node.op_type, []).append(shape)
    return found


def test_external_data_lies_beside_the_graph(tmp_path):
    model = sequence_model(layers.Dense(30, name="dense"))
    written(model, tmp_path, external_data=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert (tmp_path / "model.onnx.data").stat().st_size == 4 * 40 * 30


def test_a_model_past_protobufs_limit_has_external_data(tmp_path, monkeypatch):
    monkeypatch.setattr("mmzoo.exporters.onnx.files.LARGEST", 4000)
    written(sequence_model(layers.Dense(30)), tmp_path)
    assert (tmp_path / "model.onnx.data").exists()


def test_a_model_without_large_weights_has_one_file(tmp_path):
    model = sequence_model(layers.Dense(3), width=4)
    [part] = parts_of(model).values()
    files = write_onnx(trace_part("model", part), tmp_path / "model.onnx", external_data=True)
    assert files == (tmp_path / "model.onnx",)


def hub_model(name):
    import keras_hub

    small = {"num_layers": 1, "num_heads": 4, "hidden_dim": 64}
    text = {**small, "vocabulary_size": 50, "intermediate_dim": 96, "max_sequence_length": 16}
    match name:
        case "bert":
            return keras_hub.models.BertBackbone(**text)
        case "roberta":
            return keras_hub.models.RobertaBackbone(**text)
        case "vit":
            return keras_hub.models.ViTBackbone(**small, image_shape=(32, 32, 3), patch_size=16, mlp_dim=96)
        case _:
            blocks = {"stackwise_num_filters": [64], "stackwise_num_blocks": [1], "stackwise_num_strides": [1]}
            stem = {"input_conv_filters": [64], "input_conv_kernel_sizes": [7], "image_shape": (32, 32, 3)}
            return keras_hub.models.ResNetBackbone(**stem, **blocks, block_type="basic_block")


@pytest.mark.parametrize("name", ["bert", "roberta", "vit", "resnet"])
def test_backbones_of_kerashub_answer_the_same(tmp_path, name):
    written(hub_model(name), tmp_path, random=False)


def test_mobilenet_answers_the_same_with_one_transpose(tmp_path):
    model = keras.applications.MobileNetV3Small(weights=None, input_shape=(64, 64, 3), classes=10)
    assert written(model, tmp_path, random=False).count("Transpose") == 1


@pytest.mark.parametrize("layer", [layers.LSTM(12), layers.GRU(12, return_sequences=True)], ids=["lstm", "gru"])
def test_recurrent_layers_answer_the_same(tmp_path, layer):
    written(sequence_model(layer), tmp_path, random=False)
