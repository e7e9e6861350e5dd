"""The Triton repository is what Triton documents: protobuf reads its configurations, onnxruntime runs its files."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from mmzoo.bundle import Artifact, Manifest, PartEntry, SamplesEntry, read_manifest
from mmzoo.checksums import check_files
from mmzoo.exporters.triton import config, write_triton
from mmzoo.signature import TensorSpec

FIELD = descriptor_pb2.FieldDescriptorProto
# (message, field, number, type, repeated) of Triton's model_config.proto, those a configuration of ours may hold.
FIELDS = (
    ("ModelTensorReshape", "shape", 1, "INT64", True),
    *((f"Model{side}", "name", 1, "STRING", False) for side in ("Input", "Output")),
    *((f"Model{side}", "data_type", 2, "ENUM:DataType", False) for side in ("Input", "Output")),
    ("ModelInput", "dims", 4, "INT64", True),
    ("ModelInput", "reshape", 5, "MESSAGE:ModelTensorReshape", False),
    ("ModelOutput", "dims", 3, "INT64", True),
    ("ModelOutput", "reshape", 5, "MESSAGE:ModelTensorReshape", False),
    ("ModelDynamicBatching", "preferred_batch_size", 1, "INT32", True),
    ("ModelDynamicBatching", "max_queue_delay_microseconds", 2, "UINT64", False),
    ("ModelConfig", "name", 1, "STRING", False),
    ("ModelConfig", "max_batch_size", 4, "INT32", False),
    ("ModelConfig", "input", 5, "MESSAGE:ModelInput", True),
    ("ModelConfig", "output", 6, "MESSAGE:ModelOutput", True),
    ("ModelConfig", "dynamic_batching", 11, "MESSAGE:ModelDynamicBatching", False),
    ("ModelConfig", "backend", 17, "STRING", False),
)
TYPES = "INVALID BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 STRING BF16".split()  # noqa: SIM905


def model_config_class():
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", package="inference", syntax="proto3")
    data_type = file.enum_type.add(name="DataType")
    for number, name in enumerate(TYPES):
        data_type.value.add(name=f"TYPE_{name}", number=number)
    messages = {name: file.message_type.add(name=name) for name in dict.fromkeys(field[0] for field in FIELDS)}
    for message, name, number, kind, repeated in FIELDS:
        kind, _, reference = kind.partition(":")
        field = messages[message].field.add(name=name, number=number, type=getattr(FIELD, f"TYPE_{kind}"))
        field.label = FIELD.LABEL_REPEATED if repeated else FIELD.LABEL_OPTIONAL
        if reference:
            field.type_name = f".inference.{reference}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))


MODEL_CONFIG = model_config_class()


def parsed(text):
    return text_format.Parse(text, MODEL_CONFIG())


def test_the_repository_has_a_model_for_every_onnx_file(bundle):
    repository = bundle / "triton"
    assert sorted(path.name for path in repository.iterdir()) == ["image", "image_int8", "text", "text_int8"]
    for name, path in {"image": "image/model.onnx", "text_int8": "text/model.int8.onnx"}.items():
        content = (repository / name / "1/model.onnx").read_bytes()
        assert hashlib.sha256(content).digest() == hashlib.sha256((bundle / path).read_bytes()).digest()


def test_the_configurations_declare_what_the_files_take(bundle):
    import onnxruntime

    kinds = {"tensor(uint8)": "TYPE_UINT8", "tensor(int32)": "TYPE_INT32", "tensor(float)": "TYPE_FP32"}
    for folder in (bundle / "triton").iterdir():
        model = parsed((folder / "config.pbtxt").read_text())
        assert (model.name, model.backend, model.max_batch_size) == (folder.name, "onnxruntime", 64)
        assert list(model.dynamic_batching.preferred_batch_size) == [8, 32]
        assert 0 < model.dynamic_batching.max_queue_delay_microseconds < 10_000
        session = onnxruntime.InferenceSession(folder / "1/model.onnx", providers=["CPUExecutionProvider"])
        for declared, tensors in ((model.input, session.get_inputs()), (model.output, session.get_outputs())):
            assert [tensor.name for tensor in tensors] == [entry.name for entry in declared]
            for tensor, entry in zip(tensors, declared, strict=True):
                assert TYPES[entry.data_type] == kinds[tensor.type].removeprefix("TYPE_")
                assert list(entry.dims) == tensor.shape[1:]


def test_the_hashes_cover_the_repository(bundle):
    problems, sums = check_files(bundle)
    assert not problems
    assert {"triton/image/config.pbtxt", "triton/text_int8/1/model.onnx"} <= set(sums)


def spec(name, shape, dtype="float32"):
    return TensorSpec(name, shape, dtype)


def test_free_axes_scalars_and_odd_names_are_written_as_documented():
    part = PartEntry("pair", (spec('a "b"\\', (None, None, 3)), spec("flag", (None,), "bool")), (spec("y", (None,)),))
    model = parsed(config("pair", part))
    assert [entry.name for entry in model.input] == ['a "b"\\', "flag"]
    assert [list(entry.dims) for entry in (*model.input, *model.output)] == [[-1, 3], [1], [1]]
    assert [entry.HasField("reshape") for entry in (*model.input, *model.output)] == [False, True, True]
    assert [TYPES[entry.data_type] for entry in model.input] == ["FP32", "BOOL"]


def test_a_model_without_a_batch_axis_is_not_batched():
    part = PartEntry("fixed", (spec("x", (2, 3)),), (spec("y", (2,), "int64"),))
    model = parsed(config("fixed", part))
    assert model.max_batch_size == 0
    assert not model.HasField("dynamic_batching")
    assert [list(entry.dims) for entry in (*model.input, *model.output)] == [[2, 3], [2]]


def test_a_dtype_that_triton_lacks_is_an_error():
    part = PartEntry("odd", (spec("x", (None, 1), "complex64"),), (spec("y", (None, 1)),))
    with pytest.raises(ValueError, match=r"x must have a dtype that Triton has .* received complex64"):
        config("odd", part)


def by_hand(directory: Path, **fields) -> Manifest:
    part = PartEntry("model", (spec("x", (None, 3)),), (spec("y", (None, 3)),))
    artifact = Artifact("model", "onnx", "fp32", "model/model.onnx", 1, "0", 0.0, 1.0, 1)
    (directory / "model").mkdir(parents=True)
    for name in ("model.onnx", "model.onnx.data"):
        (directory / "model" / name).write_text(name)
    samples = SamplesEntry(1, "real")
    return Manifest("m", {}, samples, {"model": part}, (dataclasses.replace(artifact, **fields),))


def test_external_data_keeps_its_name_and_is_no_link(tmp_path):
    written = write_triton(by_hand(tmp_path, files=("model/model.onnx.data",)), tmp_path)
    assert written == tuple(f"triton/model/{n}" for n in ("config.pbtxt", "1/model.onnx", "1/model.onnx.data"))
    assert (tmp_path / written[1]).read_text() == "model.onnx"
    assert (tmp_path / written[2]).read_text() == "model.onnx.data"
    assert (tmp_path / "model/model.onnx.data").stat().st_nlink == 1  # onnx.load refuses external data with several


def test_the_files_take_no_room_twice(tmp_path):
    write_triton(by_hand(tmp_path), tmp_path)
    assert (tmp_path / "model/model.onnx").samefile(tmp_path / "triton/model/1/model.onnx")


def test_a_file_system_without_links_gets_copies(tmp_path, monkeypatch):
    def refuse(*paths):
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", refuse)
    write_triton(by_hand(tmp_path), tmp_path)
    assert (tmp_path / "triton/model/1/model.onnx").read_text() == "model.onnx"


@pytest.mark.parametrize("fields", [{"needs": ("onnxruntime-extensions",)}, {"format": "tflite"}])
def test_a_bundle_without_a_file_for_triton_is_an_error(tmp_path, fields):
    with pytest.raises(ValueError, match="layout 'triton' must have ONNX files"):
        write_triton(by_hand(tmp_path, **fields), tmp_path)


def test_the_clients_embeddings_are_the_models(client_module, serve, triton_answer, bundle, clip, pictures):
    module = client_module("triton_client")
    with serve(triton_answer(bundle / "triton")) as url:
        client = module.TritonClient(bundle, url)
        images = client.bundle.pictures(pictures)
        assert np.abs(client.embed_images(pictures) - clip.encode_image(images)).max() < 1e-5
        assert np.abs(client.embed_texts(["a red circle"]) - clip.encode_text(["a red circle"])).max() < 1e-5
        int8 = module.TritonClient(bundle, url, precision="int8").embed_images(pictures)
        assert (int8 * clip.encode_image(images)).sum(1).min() > 0.98
        with pytest.raises(RuntimeError, match=r"it answered 404: .*'image_fp16' is not found"):
            module.TritonClient(bundle, url, precision="fp16").embed_images(pictures)


def test_the_manifest_still_describes_the_bundles_own_files(bundle):
    assert not [artifact for artifact in read_manifest(bundle).artifacts if artifact.path.startswith("triton/")]
