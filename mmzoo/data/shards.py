"""Tar files read in place: members are found by their headers and read at random, never extracted.

Members are names, offsets and bytes; nothing in a shard is executed, and a name such as ../../etc/passwd leads nowhere.
"""

from __future__ import annotations

import mmap
import tarfile
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 512
_MAGIC_AT = 257  # where "ustar" stands in a header
_EXTENSION_BYTES = 2**20  # more than this of a long name or of attributes is not read
_SEARCH_BYTES = 2**20
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_EXTENSIONS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"(\xb5/\xfd")


@dataclass(frozen=True)
class Member:
    """One file of a shard: where its bytes are."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Shard:
    """What a tar file holds; `damage` says in sentences what could not be found, `lost_bytes` how much that is."""

    path: Path
    members: tuple[Member, ...]
    lost_bytes: int
    damage: tuple[str, ...]


def read_range(path: Path, offset: int, size: int) -> bytes:
    """Bytes of a file, which is opened anew: several threads may read, and no handle outlives its use.

    Raises:  OSError if the file is gone or ends before: it changed since it was scanned.
    """
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(size)
    if len(data) != size:
        raise OSError(f"{path} ends before byte {offset + size:,}, it has changed")
    return data


def scan_shard(path: Path) -> Shard:
    """Finds every regular file of a tar by its headers (POSIX.1-2001 pax, ustar, GNU).

    A damaged header does not end the search, as it does in other readers: it goes on at the next intact one, and what
    lies between is told.
    Raises:  ValueError if the file is empty, compressed or no tar: nothing in it can be found.
    """
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty, not a tar file")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:6].startswith(_COMPRESSED):
            raise ValueError(f"{path} is compressed; unpack it to a plain .tar, whose members can be read at random")
        scan = _Scan(data)
        scan.run()
    if not scan.headers and scan.lost_bytes:
        raise ValueError(f"{path} is not a tar file")
    return Shard(path, tuple(scan.members), scan.lost_bytes, tuple(scan.damage))


class _Scan:
    """The walk through one tar; members and damage are what it has found so far."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.headers = 0
        self.members: list[Member] = []
        self.damage: list[str] = []
        self.lost_bytes = 0

    def run(self) -> None:
        position, end = 0, len(self.data)
        attributes: dict[str, str] = {}  # what extension headers say of the next file
        while position < end:
            header = self._header(position)
            if header is None:
                position, attributes = self._skip_to_header(position), {}
                if position == end:
                    return
                continue
            self.headers += 1
            start, size = position + _BLOCK, header.size
            if header.type in _FILES and attributes.get("size", "").isdecimal():
                size = int(attributes["size"])
            has_data = header.type in (*_FILES, *_EXTENSIONS) or header.type not in tarfile.SUPPORTED_TYPES
            if has_data and start + size > end:
                self._lose(position, end, f"it ends inside {attributes.get('path', header.name)!r}")
                return
            extension = self.data[start : start + min(size, _EXTENSION_BYTES)] if header.type in _EXTENSIONS else b""
            if header.type == tarfile.GNUTYPE_LONGNAME:
                attributes["path"] = _text(extension)
            elif header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
                attributes.update(_pax(extension))
            elif header.type not in _EXTENSIONS:
                if header.type in _FILES:
                    self.members.append(Member(attributes.get("path", header.name), start, size))
                attributes = {}
            position = start + (-(-size // _BLOCK) * _BLOCK if has_data else 0)
        self.damage.append("it stops without the mark that ends a tar file, members may be missing")

    def _header(self, position: int) -> tarfile.TarInfo | None:
        try:
            header = tarfile.TarInfo.frombuf(self.data[position : position + _BLOCK], "utf-8", "replace")
        except (tarfile.HeaderError, ValueError):
            return None
        return header if header.size >= 0 else None

    def _skip_to_header(self, position: int) -> int:
        """Where the next intact header is, or the end; what is passed over counts as lost unless it is padding."""
        at, found = position, len(self.data)
        while (magic := self.data.find(b"ustar", at + _MAGIC_AT)) >= 0:
            at = magic - _MAGIC_AT
            if (at - position) % _BLOCK == 0 and self._header(at) is not None:
                found = at
                break
            at += 1
        if self._has_content(position, found):
            self._lose(position, found, f"its header at byte {position:,} is damaged")
        return found

    def _has_content(self, start: int, end: int) -> bool:
        return any(self.data[at : min(at + _SEARCH_BYTES, end)].strip(b"\0") for at in range(start, end, _SEARCH_BYTES))

    def _lose(self, start: int, end: int, why: str) -> None:
        self.lost_bytes += end - start
        self.damage.append(f"{why}, {end - start:,} bytes are lost")


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def _pax(data: bytes) -> dict[str, str]:
    """The records "length key=value" of a pax header, up to the first malformed one."""
    records: dict[str, str] = {}
    while data:
        digits = data[:11].partition(b" ")[0]
        if not digits.isdigit() or not len(digits) + 1 < int(digits) <= len(data):
            break
        key, separator, value = data[len(digits) + 1 : int(digits) - 1].partition(b"=")
        if separator:
            records[_text(key)] = _text(value)
        data = data[int(digits) :]
    return records
