"""Arrays on disk: one file each, without pickle, written whole or not at all, and checked when read."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

Arrays = Mapping[str, NDArray[Any]]
"""Arrays by name."""

SUFFIX = ".npz"
TEMPORARY = ".tmp"
_HEADER, _DIGEST = "header", "sha256"


class DamagedError(Exception):
    """A stored file that is not what was written."""


@dataclass(frozen=True)
class Stored:
    """What a file holds: a header of plain values, read-only arrays, and the SHA-256 over both."""

    header: Mapping[str, Any]
    arrays: Arrays
    sha256: str


def digest(header: Mapping[str, Any], arrays: Mapping[str, ArrayLike]) -> str:
    """Return the SHA-256 over the header and the names, types, shapes and bytes of the arrays."""
    total = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        total.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        total.update(array.tobytes())
    return total.hexdigest()


def save(path: Path, header: Mapping[str, Any], arrays: Mapping[str, ArrayLike]) -> None:
    """Write a file: under a temporary name, then renamed, so that a kill at any moment leaves the old or the new.

    Raises
    ------
    ValueError
        If an array holds Python objects.
    """
    whole: dict[str, NDArray[Any]] = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in whole.items():
        if name in (_HEADER, _DIGEST) or array.dtype.hasobject:
            raise ValueError(f"{name!r} cannot be stored: {array.dtype}")
    marks = {_HEADER: np.array(json.dumps(header, sort_keys=True)), _DIGEST: np.array(digest(header, whole))}
    with _whole(path) as file:
        np.savez(file, allow_pickle=False, **whole, **marks)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, as `save` does."""
    with _whole(path) as file:
        file.write(text.encode())


def load(path: Path) -> Stored:
    """Read a file back.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DamagedError
        If it is cut, changed, or not one of ours.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop(_HEADER)))
        expected = str(arrays.pop(_DIGEST))
    except FileNotFoundError:
        raise
    except (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise DamagedError(f"{path.name} is damaged") from error
    if digest(header, arrays) != expected:
        raise DamagedError(f"{path.name} is damaged")
    for array in arrays.values():
        array.flags.writeable = False
    return Stored(MappingProxyType(header), MappingProxyType(arrays), expected)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
