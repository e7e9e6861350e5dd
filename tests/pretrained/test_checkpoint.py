"""Checkpoints read as the safetensors library reads them, and damaged ones refused in a sentence."""

import json
import os
import struct

import ml_dtypes
import numpy as np
import pytest
import safetensors
from safetensors.numpy import load_file, save_file

from mmzoo.pretrained.checkpoint import find_stem, open_checkpoint
from mmzoo.pretrained.headers import MAX_HEADER

RANDOM = np.random.default_rng(0)


def write(path, header, data=b"", length=None):
    """A safetensors file with a header of our making."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def entry(shape=(2,), start=0, stop=8, dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def shards(folder, places=None, **contents):
    """Shards a.safetensors, b.safetensors and so on of {name: array}, and their index."""
    for shard, tensors in contents.items():
        save_file(tensors, folder / f"{shard}.safetensors")
    named = {name: f"{shard}.safetensors" for shard, tensors in contents.items() for name in tensors}
    index = {"metadata": {"total_size": 1}, "weight_map": named if places is None else places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def ones(*names):
    return {name: np.ones((2, 3), "float32") for name in names}


def test_values_are_those_of_the_library(tmp_path):
    tensors = {
        "float32": RANDOM.normal(size=(700, 600)).astype("float32"),
        "float16": RANDOM.normal(size=(3, 5)).astype("float16"),
        "float64": RANDOM.normal(size=(3, 1, 5)),
        "int64": np.arange(6).reshape(1, 6),
        "int32": np.arange(6, dtype="int32"),
        "uint8": np.arange(6, dtype="uint8"),
        "bool": np.array([True, False]),
        "number": np.array(3.5, "float32"),
        "empty": np.zeros((0, 4), "float32"),
    }
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.metadata == {"format": "pt"}
    assert set(checkpoint.tensors) == set(tensors)
    for name, expected in load_file(tmp_path / "model.safetensors").items():
        assert checkpoint.shape(name) == expected.shape
        np.testing.assert_array_equal(checkpoint.read(name), expected, strict=True)
        blocks = [block.copy() for block in checkpoint.blocks(name, 600 if name == "float32" else 1)]
        assert all(block.nbytes <= 2**20 for block in blocks)
        np.testing.assert_array_equal(np.concatenate([*blocks, []]), expected.reshape(-1))


def test_bfloat16_becomes_the_same_numbers_in_float32(tmp_path):
    bits = np.arange(2**16, dtype="uint16")
    save_file({"all": bits.view(ml_dtypes.bfloat16)}, tmp_path / "model.safetensors")
    values = open_checkpoint(tmp_path).read("all")
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, bits.view(ml_dtypes.bfloat16).astype("float32"))


def test_shards_are_one_checkpoint(tmp_path):
    shards(tmp_path, a={"x": np.full(2, 3.0)}, b={"y": np.full(3, 4.0), "z": np.full(1, 5.0)})
    checkpoint = open_checkpoint(tmp_path)
    assert {name: checkpoint.read(name)[0] for name in checkpoint.tensors} == {"x": 3, "y": 4, "z": 5}


def test_the_stem_is_that_of_the_files_there(tmp_path):
    assert find_stem(tmp_path, ("open_clip_model", "model")) == "open_clip_model"
    save_file(ones("x"), tmp_path / "model.safetensors")
    assert find_stem(tmp_path, ("open_clip_model", "model")) == "model"
    (tmp_path / "open_clip_model.safetensors.index.json").touch()
    assert find_stem(tmp_path, ("open_clip_model", "model")) == "open_clip_model"


FAULTS = {
    "overlap": ({"x": entry(), "y": entry(start=4, stop=12)}, b"\0" * 12, "'y' overlaps another"),
    "the same bytes": ({"x": entry(), "y": entry()}, b"\0" * 8, "'y' overlaps another"),
    "gap": ({"x": entry(), "y": entry(start=12, stop=20)}, b"\0" * 20, "'y' leaves a gap of 4 bytes"),
    "gap at the start": ({"x": entry(start=4, stop=12)}, b"\0" * 12, "'x' leaves a gap of 4 bytes"),
    "past the end": ({"x": entry()}, b"\0" * 7, "received .*: it is truncated"),
    "more at the end": ({"x": entry()}, b"\0" * 9, "it is followed by something else"),
    "bytes": ({"x": entry(shape=(3,))}, b"\0" * 8, r"'x' of .* must have 12 bytes for F32 of shape \[3\], received 8"),
    "huge": ({"x": entry(shape=(2**62, 4))}, b"\0" * 8, r"must have 73,786,976,294,838,206,464 bytes"),
    "huger": ({"x": entry(shape=(2**64,))}, b"\0" * 8, "must have a shape of at most 32 sizes from 0"),
    "negative": ({"x": entry(shape=(-2, -1))}, b"\0" * 8, r"received \[-2, -1\]"),
    "fraction": ({"x": entry(shape=(2.0,))}, b"\0" * 8, r"received \[2.0\]"),
    "truth": ({"x": entry(shape=(2, True))}, b"\0" * 8, r"received \[2, True\]"),
    "backwards": ({"x": entry(start=8, stop=0)}, b"\0" * 8, r"must have data_offsets \[from, to\], received \[8, 0\]"),
    "dtype": ({"x": entry(dtype="F33")}, b"\0" * 8, "must have one of the dtypes F64, .*, received 'F33'"),
    "no dtype": ({"x": {"shape": [2], "data_offsets": [0, 8]}}, b"\0" * 8, "must have dtype, shape and data_offsets"),
    "no entry": ({"x": 3}, b"\0" * 8, "must have dtype, shape and data_offsets, received 3"),
    "metadata": ({"__metadata__": {"a": 1}, "x": entry()}, b"\0" * 8, "must have strings as __metadata__"),
    "not JSON": (b'{"x":', b"", "must hold JSON that can be read"),
    "not text": (b'{"\xff":1}', b"", "must hold JSON that can be read"),
    "deep": (b'{"x":' + b"[" * 100_000, b"", "must hold JSON that can be read"),
    "a list": (b"[1]", b"", r"whose header is JSON, received b'\[1\]'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_file_is_refused(tmp_path, fault):
    """By the library too, so that nothing here is refused that others read."""
    header, data, message = FAULTS[fault]
    path = tmp_path / "model.safetensors"
    write(path, header, data)
    with pytest.raises(ValueError, match=message) as caught:
        open_checkpoint(tmp_path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(path))
    with pytest.raises(safetensors.SafetensorError), safetensors.safe_open(path, "np"):
        pass


def test_a_name_that_comes_twice_is_refused(tmp_path):
    """The format forbids it; the library takes the last, and another reader may take the first."""
    one = json.dumps(entry()).encode()
    write(tmp_path / "model.safetensors", b'{"x":%b,"x":%b}' % (one, one), b"\0" * 8)
    with pytest.raises(ValueError, match="must name everything once, found 'x' twice"):
        open_checkpoint(tmp_path)


def test_a_truncated_file_is_refused_at_every_length(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(ones("x", "y"), path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="must be"):
            open_checkpoint(tmp_path)


def test_a_header_of_100_megabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "model.safetensors"
    write(path, b"{", length=100_000_000)
    os.truncate(path, 200_000_000)  # a hole: the file takes no room
    with pytest.raises(ValueError, match=f"header of at most {MAX_HEADER:,} bytes, received one of 100,000,000"):
        open_checkpoint(tmp_path)


def test_a_header_longer_than_the_file_is_refused(tmp_path):
    write(tmp_path / "model.safetensors", b"{}", length=2**63)
    with pytest.raises(ValueError, match=r"received 10 bytes of which the header claims 9,223,372,036,854,775,808"):
        open_checkpoint(tmp_path)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(ones("x"), path)
    checkpoint = open_checkpoint(tmp_path)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(ValueError, match="must not change while it is read"):
        checkpoint.read("x")


def test_a_pointer_of_git_lfs_is_called_one(tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1710537716\n"
    (tmp_path / "model.safetensors").write_text(pointer)
    with pytest.raises(ValueError, match=r"received the pointer that Git LFS left .* git lfs pull"):
        open_checkpoint(tmp_path)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="must be a regular file"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "name", ["../../x.safetensors", "/etc/x.safetensors", "sub/x.safetensors", "..", "", "x.bin", "a\\b.safetensors"]
)
def test_an_index_that_names_other_places_is_refused(tmp_path, name):
    shards(tmp_path, {"x": name}, a=ones("x"))
    with pytest.raises(ValueError, match=r"must name \.safetensors files of its own folder, received"):
        open_checkpoint(tmp_path)


def test_a_shard_that_is_a_link_out_of_the_folder_is_refused(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    save_file(ones("x"), tmp_path / "secret.safetensors")
    (folder / "a.safetensors").symlink_to(tmp_path / "secret.safetensors")
    shards(folder, {"x": "a.safetensors"})
    with pytest.raises(ValueError, match=r"must be a file of its folder, received a link to .*secret"):
        open_checkpoint(folder)


def test_the_one_file_may_be_a_link_to_anywhere(tmp_path):
    """Whoever made the folder gave it that name; the file names nothing itself."""
    folder = tmp_path / "folder"
    folder.mkdir()
    save_file(ones("x"), tmp_path / "elsewhere")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    assert set(open_checkpoint(folder).tensors) == {"x"}


def test_a_link_to_nothing_is_not_found(tmp_path):
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"found neither$"):
        open_checkpoint(tmp_path)


def test_the_links_of_a_hub_cache_are_followed(tmp_path):
    (tmp_path / "blobs").mkdir()
    snapshot = tmp_path / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    save_file(ones("x"), tmp_path / "blobs" / "4567def")
    (snapshot / "a.safetensors").symlink_to("../../blobs/4567def")
    shards(snapshot, {"x": "a.safetensors"})
    np.testing.assert_array_equal(open_checkpoint(snapshot).read("x"), ones("x")["x"])


@pytest.mark.parametrize(
    ("places", "kind", "message"),
    [
        ({"x": "a.safetensors", "y": "c.safetensors"}, FileNotFoundError, "names c.safetensors, which must be beside"),
        ({"x": "b.safetensors", "y": "a.safetensors"}, ValueError, "a.safetensors has 'x', which it puts into b.saf"),
        ({"x": "a.safetensors", "y": "b.safetensors", "z": "b.safetensors"}, ValueError, "b.safetensors has no 'z'"),
        ({"x": "a.safetensors", "z": "b.safetensors"}, ValueError, "b.safetensors has 'y', which it puts into none"),
        ({}, ValueError, "must have a weight_map of tensor names to file names"),
        ({"x": 3}, ValueError, "must have a weight_map of tensor names to file names"),
        ([["x", "a.safetensors"]], ValueError, "must have a weight_map of tensor names to file names"),
    ],
)
def test_an_index_that_does_not_fit_its_shards_is_refused(tmp_path, places, kind, message):
    shards(tmp_path, places, a=ones("x"), b=ones("y"))
    with pytest.raises(kind, match=message):
        open_checkpoint(tmp_path)


def test_an_index_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text("{")
    with pytest.raises(ValueError, match=r"model\.safetensors\.index\.json must hold JSON that can be read"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "open_clip_pytorch_model.bin", "model.pt", "epoch.ckpt"])
def test_pickles_are_never_read(tmp_path, name):
    """This one would leave a file behind if it were."""
    trace = tmp_path / "it ran"
    (tmp_path / name).write_bytes(b"cos\nmkdir\n(V" + str(trace).encode() + b"\ntR.")
    with pytest.raises(
        FileNotFoundError, match=rf"found {name}, and pickles are never read .* convert it .*torch\.load"
    ):
        open_checkpoint(tmp_path)
    assert not trace.exists()


def test_other_names_that_are_there_are_named(tmp_path):
    save_file(ones("x"), tmp_path / "adapter.safetensors")
    with pytest.raises(FileNotFoundError, match=r"must hold model\.safetensors, .* found adapter\.safetensors$"):
        open_checkpoint(tmp_path)


def test_an_empty_folder_has_neither(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"found neither$"):
        open_checkpoint(tmp_path)
