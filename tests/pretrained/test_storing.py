"""Files written are those of the safetensors library, byte by byte."""

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mmzoo.pretrained.checkpoint import open_checkpoint
from mmzoo.pretrained.storing import NewTensor, write_checkpoint

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "b.weight": RANDOM.normal(size=(4, 3)).astype("float32"),
    "a.weight": RANDOM.normal(size=(3, 5)).astype("float16"),
    "a.bias": RANDOM.normal(size=7).astype(ml_dtypes.bfloat16),
    "position_ids": np.arange(6)[None],
    "scale": np.array(4.6, "float32"),
    "größe": np.ones((1, 2), "float32"),
}


def new(arrays):
    return {name: NewTensor(array.shape, array.dtype.name, lambda array=array: array) for name, array in arrays.items()}


def test_a_file_is_the_one_the_library_writes(tmp_path):
    files = write_checkpoint(tmp_path / "model.safetensors", new(ARRAYS))
    save_file(ARRAYS, tmp_path / "expected.safetensors", metadata={"format": "pt"})
    assert files == [tmp_path / "model.safetensors"]
    assert files[0].read_bytes() == (tmp_path / "expected.safetensors").read_bytes()


def test_arrays_with_strides_are_written_in_order(tmp_path):
    array = np.arange(12, dtype="float32").reshape(3, 4).T
    (path,) = write_checkpoint(tmp_path / "model.safetensors", new({"x": array}))
    np.testing.assert_array_equal(load_file(path)["x"], array)


@pytest.mark.parametrize(("limit", "count"), [(10**6, 1), (100, 2), (50, 4), (1, 6)])
def test_shards_hold_at_most_so_many_bytes_and_together_everything(tmp_path, limit, count):
    files = write_checkpoint(tmp_path / "model.safetensors", new(ARRAYS), max_shard_bytes=limit)
    shards = [path for path in files if path.suffix == ".safetensors"]
    assert len(shards) == count
    for path in shards:
        tensors = load_file(path)
        assert len(tensors) == 1 or sum(array.nbytes for array in tensors.values()) <= limit
    checkpoint = open_checkpoint(tmp_path)
    assert set(checkpoint.tensors) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(checkpoint.read(name), array.astype(checkpoint.read(name).dtype))


def test_the_index_is_laid_out_as_hugging_face_does(tmp_path):
    *_, path = write_checkpoint(tmp_path / "model.safetensors", new(ARRAYS), max_shard_bytes=100)
    index = json.loads(path.read_text())
    assert path.name == "model.safetensors.index.json"
    assert index["metadata"]["total_size"] == sum(array.nbytes for array in ARRAYS.values())
    assert index["weight_map"]["position_ids"] == "model-00001-of-00002.safetensors"


def test_tensors_are_made_one_at_a_time_in_the_order_of_the_file(tmp_path):
    made = []

    def make(name):
        made.append(name)
        return np.zeros(2, "float32")

    tensors = {name: NewTensor((2,), "float32", lambda name=name: make(name)) for name in "cab"}
    write_checkpoint(tmp_path / "model.safetensors", tensors)
    assert made == ["a", "b", "c"]


@pytest.mark.parametrize("made", [np.zeros(3, "float32"), np.zeros(2, "float64"), np.zeros(2, ">f4")])
def test_a_tensor_that_is_made_another_leaves_no_file(tmp_path, made):
    path = tmp_path / "model.safetensors"
    path.write_text("earlier")
    with pytest.raises(ValueError, match=r"tensor x must be made as float32 of shape \(2,\), received"):
        write_checkpoint(path, {"x": NewTensor((2,), "float32", lambda: made)})
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]
    assert path.read_text() == "earlier"
