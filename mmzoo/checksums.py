"""SHA-256 of files and directories, and SHA256SUMS, the list that `sha256sum -c` checks."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from pathlib import Path

SUMS = "SHA256SUMS"
_HEADER = "# sha256 of the lines below: "  # sha256sum -c passes over comments; it shows damage to the list itself


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits. Raises OSError for a link, a pipe or a device: reading one may never end."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
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
    names = (
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )
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
    entries = [re.fullmatch("([0-9a-f]{64})  (.+)", line) for line in lines.split("\n")]
    return {entry[2]: entry[1] for entry in entries if entry}


def check_files(directory: str | Path) -> tuple[dict[str, str], dict[str, str]]:
    """What is wrong with which file, and the hashes SHA256SUMS lists; a damaged list accuses no other file. Never raises."""
    directory = Path(directory)
    try:
        sums = read_sums(directory)
    except (OSError, ValueError) as error:
        return {SUMS: str(error)}, {}
    problems = dict.fromkeys(sums, "must exist, found nothing")
    for name in list_files(directory):
        if name == SUMS:
            continue
        problems.pop(name, None)
        if name not in sums:
            problems[name] = f"must not be here: {SUMS} does not list it"
            continue
        try:
            digest = sha256(directory / name)
        except OSError as error:
            problems[name] = f"must be readable: {error.strerror}"
            continue
        if digest != sums[name]:
            problems[name] = f"must have sha256 {sums[name]}, found {digest}"
    return problems, sums


def _hash_files(directory: Path) -> dict[str, str]:
    return {name: sha256(directory / name) for name in list_files(directory)}


def _sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
