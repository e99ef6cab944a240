"""Reading files that may be anything: bounded, whole, and refused with the file's name and what was expected."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

CHUNK = 1 << 20


class DataError(ValueError):
    """A file of a data set that is missing or is not what it should be; nothing of it has been used."""

    def __init__(self, path: str | os.PathLike[str], problem: str) -> None:
        self.path, self.problem = os.fspath(path), problem
        super().__init__(f"{self.path}: {problem}")

    def __reduce__(self) -> tuple[type[DataError], tuple[str, str]]:
        """Survive pickling, which would otherwise replay the message as the path."""
        return type(self), (self.path, self.problem)


def read(path: Path, most: int) -> bytes:
    """Return the content of a regular file of 1 to `most` bytes.

    Raises
    ------
    DataError
        If it is missing, not a regular file, empty or larger.
    """
    if not path.exists():
        raise DataError(path, "not there")
    if not path.is_file():
        raise DataError(path, "not a regular file")
    size = path.stat().st_size
    if size == 0:
        raise DataError(path, "empty")
    if size > most:
        raise DataError(path, f"more than the {most:,} bytes that it can have")
    with path.open("rb") as stream:
        return stream.read(size)


def inflate(path: Path, count: int, header: int = 0) -> bytes:
    """Return the first bytes of a gzip file, as many as there are up to count, and no more than that in memory.

    Raises
    ------
    DataError
        If the file is missing, not gzip, damaged or truncated before them; with `header`, if it has fewer than that.
    """
    if not path.is_file():
        raise DataError(path, "not there" if not path.exists() else "not a regular file")
    try:
        with gzip.open(path) as stream:
            found = b"".join(_blocks(stream, count))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(path, f"not a whole gzip file: {error}") from error
    if len(found) < max(header, 1):
        raise DataError(path, f"{len(found)} bytes unpacked, expected at least {max(header, 1)}")
    return found


def _blocks(stream: gzip.GzipFile, count: int) -> Iterator[bytes]:
    """Give what is there, up to count bytes, never asking for memory that it does not fill."""
    while count and (block := stream.read(min(count, CHUNK))):
        count -= len(block)
        yield block


def md5(path: Path) -> str:
    """Return the MD5 of a file, which is what the archives are published with."""
    total = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(CHUNK):
            total.update(block)
    return total.hexdigest()


def members(path: Path, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """Return the content of some regular members of a tar archive, by name; nothing is extracted to disk.

    wanted gives the most bytes of each. Members of other names are passed over, whatever they are called.

    Raises
    ------
    DataError
        If the archive is damaged, or a member is missing, there twice, not a regular file, empty or too large.
    """
    found: dict[str, bytes] = {}
    try:
        with path.open("rb") as stream, tarfile.open(fileobj=stream) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name not in wanted:
                    continue
                if name in found:
                    raise DataError(path, f"holds {name} twice")
                if not member.isreg():
                    raise DataError(path, f"{name} in it is not a regular file")
                if not 0 < member.size <= wanted[name]:
                    raise DataError(path, f"{name} in it has {member.size:,} bytes, expected 1 to {wanted[name]:,}")
                content = archive.extractfile(member)
                assert content is not None
                found[name] = content.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(path, f"not a whole tar archive: {error}") from error
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise DataError(path, f"without {', '.join(missing)}")
    return found
