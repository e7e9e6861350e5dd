"""What each format's file looks like to somebody else's tools."""

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from mmzoo.bundle import Bundle, read_manifest
from mmzoo.exporters import export


@pytest.fixture
def text_onnx(exported):
    return onnx.load(exported / "text/model.onnx")


def test_onnx_passes_the_checker_with_names_opset_and_origin(text_onnx):
    onnx.checker.check_model(text_onnx, full_check=True)
    assert [value.name for value in text_onnx.graph.input] == ["token_ids"]
    assert [value.name for value in text_onnx.graph.output] == ["text_embeds"]
    assert {entry.domain: entry.version for entry in text_onnx.opset_import}[""] >= 17
    assert (text_onnx.producer_name, text_onnx.graph.name) == ("mmzoo", "text")


def test_onnx_names_the_batch_axis_and_fixes_the_others(text_onnx):
    dimensions = text_onnx.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dimensions] == ["batch", 7]
    assert text_onnx.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_onnx_holds_a_large_weight_once_under_its_keras_path(text_onnx, two_towers):
    weights = {value.name: onnx.numpy_helper.to_array(value) for value in text_onnx.graph.initializer}
    embedding = two_towers.text_tower.get_layer("embedding").embeddings
    np.testing.assert_array_equal(weights[embedding.path], embedding.numpy())
    assert sum(value.size for value in weights.values()) < two_towers.text_tower.count_params() + 100


def test_onnx_has_the_exact_gelu_as_erf(exported):
    # The image tower's activation; TensorFlow computes it with Erfc, which ONNX lacks.
    operations = {node.op_type for node in onnx.load(exported / "image/model.onnx").graph.node}
    assert "Erf" in operations
    assert "Erfc" not in operations


def test_onnx_holds_the_tensors_a_layer_keeps_outside_its_weights(tmp_path):
    x = keras.Input((3,), name="x")
    model = keras.Model(x, {"y": layers.Normalization(mean=[1.0, 2, 3], variance=[4.0, 4, 4])(x)})
    export(model, tmp_path / "x", ("onnx",))
    outputs = Bundle(tmp_path / "x").run("model", "onnx", {"x": np.array([[3, 4, 3]], "float32")})
    np.testing.assert_allclose(outputs["y"], [[1, 1, 0]], atol=1e-6)


def test_onnx_refuses_an_operation_it_has_no_form_of(tmp_path):
    x = keras.Input((3,), name="x")
    model = keras.Model(x, {"y": keras.ops.erfinv(layers.Dense(2, activation="tanh")(x) / 2)})
    with pytest.raises(ValueError, match="part 'model' must be made of operations that ONNX has, received Erfinv"):
        export(model, tmp_path / "x", ("onnx",))


def test_onnx_keeps_a_recurrent_layer_as_one_operation(tmp_path):
    x = keras.Input((5, 40), name="x")
    export(keras.Model(x, {"y": layers.LSTM(200)(x)}), tmp_path / "x", ("onnx",))
    assert "LSTM" in {node.op_type for node in onnx.load(tmp_path / "x/model/model.onnx").graph.node}


def test_tflite_has_a_signature_of_the_part_s_name(exported):
    interpreter = Interpreter(str(exported / "image/model.tflite"))
    assert interpreter.get_signature_list() == {"image": {"inputs": ["images"], "outputs": ["image_embeds"]}}
    assert interpreter.get_input_details()[0]["dtype"] is np.uint8


def test_tflite_holds_builtin_operations_only(exported):
    operations = Interpreter(str(exported / "text/model.tflite"))._get_ops_details()
    assert operations
    assert not [op["op_name"] for op in operations if op["op_name"].startswith(("Flex", "Custom"))]


def test_tflite_lists_what_it_refuses_in_one_line(tmp_path, capfd):
    x = keras.Input((None, 4), name="x")
    message = "^part 'model' must be made of TFLite's builtin operations, received TensorListReserve \\(lstm"
    with pytest.raises(ValueError, match=message):
        export(keras.Model(x, {"y": layers.LSTM(3)(x)}), tmp_path / "x", ("tflite",))
    assert capfd.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_the_saved_model_has_a_signature_a_part_with_a_free_batch_axis(exported):
    signatures = tf.saved_model.load(exported / "saved_model/1").signatures
    assert sorted(signatures) == ["image", "text"]
    assert signatures["text"].structured_input_signature[1]["token_ids"].shape.as_list() == [None, 7]
    assert list(signatures["text"].structured_outputs) == ["text_embeds"]


def test_the_saved_model_holds_each_variable_once(exported, two_towers):
    stored = (exported / "saved_model/1/variables/variables.data-00000-of-00001").stat().st_size
    parameters = two_towers.image_tower.count_params() + two_towers.text_tower.count_params()
    assert 4 * parameters <= stored < 4 * parameters + 4096


def test_the_saved_model_is_what_tflite_was_made_from_whether_it_is_kept_or_not(
    exported, two_towers, samples, tmp_path
):
    alone = export(two_towers, tmp_path / "x", ("tflite",), samples=samples)
    together = read_manifest(exported)
    assert alone.artifact("text", "tflite").bytes == together.artifact("text", "tflite").bytes


def test_state_outside_keras_weights_is_refused(tmp_path):
    x = keras.Input((3,), name="x", dtype="int64")
    model = keras.Model(x, {"y": layers.IntegerLookup(vocabulary=[3, 4], output_mode="multi_hot")(x)})
    with pytest.raises(ValueError, match="must keep its state in Keras weights"):
        export(model, tmp_path / "x", ("saved_model",))
