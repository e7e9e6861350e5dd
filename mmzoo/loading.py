"""Saved models back into memory."""

from __future__ import annotations

import errno
import re
import zipfile
import zlib
from pathlib import Path

import keras


def load(path: str | Path) -> keras.Model:
    """Loads a .keras file with everything it was saved with: weights, optimizer state, tokenizer, image preprocessing.

    Keras finds a model's classes only once their module is imported; this imports mmzoo's first, and KerasHub where the file
    holds something of its.
    Raises FileNotFoundError where there is no such file, ValueError where it is no model that Keras can read.
    """
    import mmzoo.models  # noqa: F401  registers the classes

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a .keras file, found {'a directory' if path.is_dir() else 'nothing'}")
    if path.suffix != ".keras":
        raise ValueError(f"{path} must be a .keras file, received one that ends in {path.suffix or 'nothing'!r}")
    try:
        _import_kerashub_for(path)
        return keras.saving.load_model(path)
    except TypeError as error:
        if missing := re.search(r"Could not locate class '(\w+)'", str(error)):
            raise ValueError(
                f"{path} must be made of layers that Python has imported, received one with {missing[1]}: import the "
                "module that registers it first, in a program of your own"
            ) from error
        raise
    except (OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG):  # where Keras unpacks it
            raise
        raise ValueError(f"{path} must be a whole .keras file, and cannot be read: {error}") from error


def _import_kerashub_for(path: Path) -> None:
    """Registers KerasHub's classes where a file names one; it takes seconds, so not for other files."""
    with zipfile.ZipFile(path) as archive:
        if b'"keras_hub>' in archive.read("config.json"):
            import keras_hub  # noqa: F401
