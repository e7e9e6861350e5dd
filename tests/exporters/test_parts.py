import keras
import numpy as np
import pytest
from keras import layers

from mmzoo.exporters.parts import call, float32_compute, input_names, output_names, parts_of
from mmzoo.signature import Part, TensorSpec


def one_layer(name="x", shape=(4,), **options):
    x = keras.Input(shape, name=name, **options)
    return x, layers.Dense(3)(x)


class WithParts:
    def __init__(self, parts):
        self.parts = parts

    def export_parts(self):
        return self.parts


def test_names_are_the_keys_of_dictionaries():
    x, y = one_layer()
    model = keras.Model({"x": x}, {"b": y, "a": y * 2})
    assert (input_names(model), output_names(model)) == (["x"], ["a", "b"])


def test_names_are_those_given_to_layers_where_there_are_no_dictionaries():
    x = keras.Input((4,), name="my input")
    model = keras.Model([x], [layers.Dense(2, name="head")(x)])
    assert (input_names(model), output_names(model)) == (["my_input"], ["head"])


def test_names_do_not_depend_on_what_was_built_before():
    def build():
        x = keras.Input((4,))
        return keras.Model(x, [layers.Dense(2)(x), layers.GlobalAveragePooling1D()(layers.Reshape((2, 2))(x))])

    build()
    assert (input_names(build()), output_names(build())) == (["input"], ["output_0", "output_1"])


def test_a_sequential_model_has_names():
    model = keras.Sequential([keras.Input((4,), name="features"), layers.Dense(2), layers.Dense(3, name="logits")])
    assert (input_names(model), output_names(model)) == (["features"], ["logits"])


def test_two_outputs_of_one_layer_get_numbers():
    x, _ = one_layer()
    shared = layers.Dense(4, name="shared")
    assert output_names(keras.Model(x, [shared(x), shared(shared(x))])) == ["shared_0", "shared_1"]


def test_call_casts_to_the_keras_inputs_and_answers_by_name():
    x = keras.Input((2,), name="x")
    model = keras.Model({"x": x}, {"y": x / 2})
    np.testing.assert_array_equal(call(model, {"x": np.array([[1, 3]], "uint8")})["y"], [[0.5, 1.5]])


def test_any_model_is_the_part_model_with_its_declared_inputs():
    x, y = one_layer(shape=(None, 4), dtype="float16")
    part = parts_of(keras.Model(x, y))["model"]
    assert part.inputs == (TensorSpec("x", (None, None, 4), "float16"),)


def ranges(model):
    return {spec.name: spec.range for spec in parts_of(model)["model"].inputs}


def test_ids_are_those_that_every_embedding_of_the_input_has():
    x, y = keras.Input((5,), name="x", dtype="int32"), keras.Input((4,), name="y")
    looked_up = [layers.Flatten()(layers.Embedding(size, 2)(x)) for size in (30, 20)]
    assert ranges(keras.Model([x, y], layers.Concatenate()([*looked_up, y]))) == {"x": (0, 19), "y": None}


def test_ids_are_found_through_nested_models_and_inputs_left_at_float32():
    inner = keras.Sequential([keras.Input((5,)), layers.Embedding(30, 2)])
    x, y = keras.Input((5,), name="x"), keras.Input((5,), name="y")
    model = keras.Model({"x": x, "y": y}, inner(x) + layers.Embedding(7, 2)(y))
    assert ranges(model) == {"x": (0, 29), "y": (0, 6)}
    assert ranges(keras.Sequential([keras.Input((5,), name="x"), inner])) == {"x": (0, 29)}


@keras.saving.register_keras_serializable("test_parts")
class Positions(layers.Layer):
    """Looks up something else than its input, as patch embeddings do with positions."""

    def __init__(self):
        super().__init__()
        self.table = layers.Embedding(9, 4)

    def call(self, x):
        return x + self.table(keras.ops.arange(3))


def test_an_embedding_inside_a_layer_says_nothing_of_its_float_input():
    x = keras.Input((3, 4), name="x")
    assert ranges(keras.Model(x, Positions()(x))) == {"x": None}


def test_within_float32_compute_mixed_layers_compute_in_float32():
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(3, dtype="mixed_float16")(x))
    with float32_compute(model):
        assert keras.backend.standardize_dtype(model(np.ones((1, 4))).dtype) == "float32"
    assert keras.backend.standardize_dtype(model(np.ones((1, 4))).dtype) == "float16"


def test_a_subclassed_model_is_told_what_is_missing():
    class Mine(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match=r"must be built from keras\.Input.* or have export_parts"):
        parts_of(Mine())
    with pytest.raises(ValueError, match=r"must be built from keras\.Input"):
        parts_of(keras.Sequential([layers.Dense(2)]))


def test_something_else_is_no_model():
    with pytest.raises(TypeError, match=r"must be a keras\.Model or have export_parts\(\), received dict"):
        parts_of({})


def test_a_fixed_batch_axis_is_refused():
    x = keras.Input(batch_shape=(4, 3), name="x")
    with pytest.raises(ValueError, match=r"input x must leave the batch axis free, received shape \(4, 3\)"):
        parts_of(keras.Model(x, layers.Dense(2)(x)))


def test_an_output_without_batch_axis_is_refused():
    x, y = one_layer()
    with pytest.raises(ValueError, match=r"output total must have the batch axis first, received shape \(\)"):
        parts_of(keras.Model(x, {"total": keras.ops.sum(y)}))


def test_an_output_named_like_an_input_is_refused():
    x, y = one_layer()
    with pytest.raises(ValueError, match="outputs must have other names than inputs, received x as both"):
        parts_of(keras.Model(x, {"x": y}))


@pytest.mark.parametrize("name", ["saved_model", "a b", "", "../x"])
def test_a_part_s_name_must_be_usable_as_a_folder(name):
    model = keras.Model(*one_layer())
    with pytest.raises(ValueError, match="a part's name must be an identifier"):
        parts_of(WithParts({name: Part(model, (TensorSpec("x", (None, 4), "float32"),))}))


def test_a_part_must_declare_its_model_s_inputs():
    model = keras.Model(*one_layer())
    with pytest.raises(ValueError, match=r"must declare the model's inputs \['x'\], received \['images'\]"):
        parts_of(WithParts({"image": Part(model, (TensorSpec("images", (None, 4), "float32"),))}))
