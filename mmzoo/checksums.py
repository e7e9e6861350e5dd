"""SHA-256 of files and directories, and SHA256SUMS, the list that `sha256sum -c` checks."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

SUMS = "SHA256SUMS"
_HEADER = "# sha256 of the lines below: "  # sha256sum -c passes over comments; it shows damage to the list itself


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_directory(path: str | Path) -> str:
    """The SHA-256 of the lines "hash  relative/path" of all files below, in the order of their paths.

    The same as `find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum` inside it.
    """
    return _sha256_text("".join(f"{digest}  {name}\n" for name, digest in _hash_files(Path(path)).items()))


def sha256_path(path: str | Path) -> str:
    """The SHA-256 of a file or of a directory."""
    return sha256_directory(path) if Path(path).is_dir() else sha256(path)


def size_of(path: str | Path) -> int:
    """Bytes of a file, or of all files of a directory."""
    path = Path(path)
    return (
        sum(path.joinpath(name).stat().st_size for name in list_files(path)) if path.is_dir() else path.stat().st_size
    )


def list_files(directory: str | Path) -> list[str]:
    """Relative POSIX paths of all files below a directory, sorted by their bytes."""
    directory = Path(directory)
    names = (path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir())
    return sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape"))


def write_sums(directory: str | Path) -> None:
    """Writes SHA256SUMS for every file below a directory but itself, the manifest included."""
    directory = Path(directory)
    lines = "".join(f"{digest}  {name}\n" for name, digest in _hash_files(directory).items() if name != SUMS)
    (directory / SUMS).write_text(f"{_HEADER}{_sha256_text(lines)}\n{lines}", encoding="utf-8")


def read_sums(directory: str | Path) -> dict[str, str]:
    """Relative path to SHA-256, as SHA256SUMS lists them.

    Raises FileNotFoundError where there is none, ValueError where the list itself is damaged.
    """
    path = Path(directory) / SUMS
    if not path.is_file():
        raise FileNotFoundError(f"a bundle must have {SUMS}, found none")
    header, _, lines = path.read_bytes().decode("utf-8", "replace").partition("\n")
    if header != _HEADER + _sha256_text(lines):
        raise ValueError(f"{SUMS} must begin with the hash of its own lines, received {header[:120]!r}")
    entries = [re.fullmatch("([0-9a-f]{64})  (.+)", line) for line in lines.splitlines()]
    return {entry[2]: entry[1] for entry in entries if entry}


def broken_files(directory: str | Path) -> dict[str, str]:
    """What differs from SHA256SUMS: {relative path: fault}; empty where nothing does."""
    try:
        listed = read_sums(directory)
    except (OSError, ValueError):
        return {SUMS: "missing or damaged"}
    present = _hash_files(Path(directory))
    present.pop(SUMS)
    faults = dict.fromkeys(listed.keys() - present.keys(), "missing")
    faults |= dict.fromkeys(present.keys() - listed.keys(), "not listed")
    return faults | {name: "changed" for name in listed.keys() & present.keys() if listed[name] != present[name]}


def _hash_files(directory: Path) -> dict[str, str]:
    return {name: sha256(directory / name) for name in list_files(directory)}


def _sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
