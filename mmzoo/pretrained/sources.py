"""Where a checkpoint comes from: a folder, or a repository of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

SCHEME = "hf://"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*"
_SOURCE = re.compile(rf"{SCHEME}(?P<name>{_NAME})(?:@(?P<revision>[A-Za-z0-9_][A-Za-z0-9_./-]*))?")
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "model.keras"]
_SECONDS = 5  # to wait for an answer before a copy of before will have to do


def resolve(source: str | Path) -> Path:
    """The folder of a source: itself, or where the hub's files are kept after a download.

    source: a folder, or "hf://owner/name" or "hf://owner/name@revision" (a branch, tag or commit). Of a repository, JSON,
    safetensors and vocabularies are fetched, never pickles or programs; without network what was fetched before is used.
    Raises ValueError for a malformed hf:// name, NotADirectoryError or FileNotFoundError where there is no such folder, repository or
    revision, PermissionError where the repository asks for an agreement or a token, ConnectionError without network.
    """
    text = str(source)
    if not text.startswith(("hf:", "https:", "http:")):
        return _folder(Path(source))
    match = _SOURCE.fullmatch(text)
    if match is None or ".." in text:
        raise ValueError(f"source must be a folder or {SCHEME}owner/name[@revision], received {text[:200]!r}")
    return _download(match["name"], match["revision"])


def _folder(path: Path) -> Path:
    if path.is_dir():
        return path
    if path.exists():
        raise NotADirectoryError(f"source must be the folder that holds the checkpoint, received the file {path}")
    hint = f": {SCHEME}{path} is the repository of that name" if re.fullmatch(_NAME, str(path)) else ""
    raise FileNotFoundError(f"source must be a folder or {SCHEME}owner/name, and there is no folder {path}{hint}")


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import errors, snapshot_download

    where = f"{SCHEME}{name}" + (f"@{revision}" if revision else "")
    reachable = _is_reachable(name, revision)
    try:
        folder = Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=_WANTED,
                ignore_patterns=["*/*"],  # other formats of the same weights lie in folders
                local_files_only=not reachable,
            )
        )
    except errors.GatedRepoError as error:
        raise PermissionError(
            f"{where} must be asked for at https://huggingface.co/{name} first, and then needs a token: hf auth login"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"{SCHEME}{name} must have the revision {revision}, and has none of that name"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"{where} must be a repository, and is none, or a private one that needs a token: hf auth login"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise ConnectionError(
            f"{where} must be fetched once with network, and huggingface.co cannot be reached now "
            "(or HF_HUB_OFFLINE is set): with the files at hand, give their folder instead"
        ) from error
    if not any(folder.glob("*.safetensors")) and not (folder / "model.keras").exists():
        raise FileNotFoundError(
            f"{where} must have its weights as safetensors, found none: pickles (.bin, .pt) are never read; if somebody has converted "
            f"them, the revision is called refs/pr/ and a number ({SCHEME}{name}@refs/pr/1)"
        )
    return folder


def _is_reachable(name: str, revision: str | None) -> bool:
    """Whether the hub answers, whatever it answers: a download would ask for a commit again and again for half a minute."""
    from huggingface_hub import HfApi, errors

    try:
        HfApi().model_info(name, revision=revision, timeout=_SECONDS)
    except errors.HfHubHTTPError:
        return True
    except Exception:  # whatever its HTTP library raises where there is no network, or it is told to be offline
        return False
    return True
