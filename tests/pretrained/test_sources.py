"""Folders and names of the hub; the hub itself is played by its own library's errors, or missing."""

import time

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import errors

from mmzoo.pretrained.sources import resolve


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that answers; returns what it was asked."""
    asked = []
    (tmp_path / "model.safetensors").touch()

    def download(name, **options):
        asked.append({"name": name, **options})
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda self, name, **options: None)
    return asked


def fail_with(monkeypatch, error):
    def download(name, **options):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)


def answer(kind, status):
    response = httpx2.Response(status, request=httpx2.Request("GET", "https://huggingface.co"))
    return kind("no", response=response)


def test_a_repository_of_pickles_alone_says_so(hub, tmp_path):
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"hf://owner/name must have its weights as safetensors, found none: pickles"
    ):
        resolve("hf://owner/name")


def test_a_folder_is_itself(tmp_path):
    assert resolve(tmp_path) == tmp_path
    assert resolve(str(tmp_path)) == tmp_path


def test_a_missing_folder_named_like_a_repository_gets_a_hint():
    with pytest.raises(FileNotFoundError, match=r"no folder openai/clip: hf://openai/clip is the repository"):
        resolve("openai/clip")


def test_a_missing_folder_elsewhere_gets_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nothing$"):
        resolve(tmp_path / "nothing")


def test_a_file_is_no_source(tmp_path):
    path = tmp_path / "model.safetensors"
    path.touch()
    with pytest.raises(NotADirectoryError, match="must be the folder"):
        resolve(path)


@pytest.mark.parametrize(
    "source",
    [
        "hf://",
        "hf:/owner/name",
        "hf://name",
        "hf://owner/name/",
        "hf://owner/name/file.json",
        "hf://owner/name@",
        "hf://owner/../name",
        "hf://owner/name@../../x",
        "hf://-owner/name",
        "hf://owner/na me",
        "https://huggingface.co/owner/name",
    ],
)
def test_malformed_names_are_refused(source):
    with pytest.raises(ValueError, match=r"hf://owner/name\[@revision\], received"):
        resolve(source)


@pytest.mark.parametrize(
    ("source", "revision"),
    [("hf://owner/a.name-1", None), ("hf://owner/a.name-1@v1", "v1"), ("hf://owner/a.name-1@refs/pr/3", "refs/pr/3")],
)
def test_a_name_is_asked_for_at_its_revision(hub, tmp_path, source, revision):
    assert resolve(source) == tmp_path
    assert (hub[0]["name"], hub[0]["revision"], hub[0]["local_files_only"]) == ("owner/a.name-1", revision, False)


def test_neither_pickles_nor_programs_are_fetched(hub):
    resolve("hf://owner/name")
    files = ["config.json", "merges.txt", "spiece.model", "model-00001-of-00002.safetensors"]
    others = ["pytorch_model.bin", "model.pt", "x.pkl", "x.ckpt", "modeling.py", "tf_model.h5", "onnx/config.json"]
    kept = huggingface_hub.utils.filter_repo_objects(
        files + others, allow_patterns=hub[0]["allow_patterns"], ignore_patterns=hub[0]["ignore_patterns"]
    )
    assert list(kept) == files


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (answer(errors.GatedRepoError, 403), PermissionError, "must be asked for at https://huggingface.co/owner/name"),
        (answer(errors.RevisionNotFoundError, 404), FileNotFoundError, "must have the revision v9"),
        (answer(errors.RepositoryNotFoundError, 404), FileNotFoundError, "must be a repository"),
        (errors.LocalEntryNotFoundError("no"), ConnectionError, "cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_said_in_a_sentence(hub, monkeypatch, error, kind, sentence):
    fail_with(monkeypatch, error)
    with pytest.raises(kind, match=sentence):
        resolve("hf://owner/name@v9")


@pytest.mark.parametrize(
    "error", [httpx2.ConnectError("no"), httpx2.ReadTimeout("no"), errors.OfflineModeIsEnabled("no")]
)
def test_without_an_answer_the_copy_of_before_is_used(hub, tmp_path, monkeypatch, error):
    def no_answer(self, name, **options):
        raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", no_answer)
    assert resolve("hf://owner/name") == tmp_path
    assert hub[0]["local_files_only"]


@pytest.mark.parametrize("offline", [False, True])
def test_without_network_the_error_comes_soon(tmp_path, monkeypatch, offline):
    """Through the real library, towards a port that nobody listens on; a commit is what it would ask for for half a minute."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="cannot be reached now"):
        resolve(f"hf://owner/name@{'a' * 40}")
    assert time.monotonic() - start < 10
