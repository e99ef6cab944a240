"""Pickles of arrays, lists and bytes, read without running anything: neither imports nor numpy's own constructors.

A pickle is a program. Every instruction of it is looked at first, and only those that build plain values are admitted;
the few names that arrays are pickled with stand for records of shape and bytes, which are made into arrays afterwards.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validation.training.data.files import DataError

_PLAIN = frozenset(
    "PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT STRING "
    "BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINBYTES SHORT_BINBYTES EMPTY_LIST EMPTY_TUPLE "
    "EMPTY_DICT LIST TUPLE TUPLE1 TUPLE2 TUPLE3 DICT APPEND APPENDS SETITEM SETITEMS GET BINGET LONG_BINGET PUT BINPUT "
    "LONG_BINPUT MEMOIZE REDUCE BUILD GLOBAL STACK_GLOBAL".split()
)
_PUTS = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_DIGITS = 20  # of a number written out: no label is longer


class _Dtype:
    """The type of an array: its code; what else it has says nothing of bytes."""

    __slots__ = ("code",)

    def __init__(self, code: object, *_: object) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code

    def __setstate__(self, state: object) -> None: ...


class _Array:
    """An array as it is pickled, by numpy's _reconstruct(ndarray, (0,), 'b'): shape, type, order and bytes."""

    __slots__ = ("column_major", "kind", "raw", "shape")
    column_major: Any
    kind: Any
    raw: Any
    shape: Any

    def __init__(self, *_: object) -> None:
        self.shape = self.kind = self.raw = self.column_major = None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.kind, self.column_major, self.raw = state


def _encode(text: object, codec: object = "latin1") -> bytes:
    """Stand for _codecs.encode, which Python 3 writes bytes with in old protocols."""
    if not isinstance(text, str) or codec not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"encoding by {codec!r}")
    return text.encode("latin1")


class _Name:
    """What a name of the pickle stands for: it can be called, and nothing of it can be set."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[..., object]) -> None:
        self.make = make

    def __call__(self, *arguments: object) -> object:
        return self.make(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a state for a name")


_NAMES: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "ndarray"): lambda: None,  # only an argument
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("_codecs", "encode"): _encode,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"asks for {module}.{name}")
        return _Name(_NAMES[module, name])


def load(path: Path, raw: bytes) -> dict[bytes, Any]:
    """Return the dict in a pickle: keys bytes, values bytes, numbers, lists of them, and arrays of uint8.

    Raises
    ------
    DataError
        If the pickle is damaged, asks for anything else, or holds something else.
    """
    try:
        _look(raw)
        found = _Reader(io.BytesIO(raw), encoding="bytes").load()
    except Exception as error:  # whatever a hostile pickle makes of the reader: none of it is a result
        raise DataError(path, f"not a pickle of plain arrays: {error}") from error
    if not isinstance(found, dict):
        raise DataError(path, f"a pickled {type(found).__name__}, expected a dict")
    return {_key(path, key): _made(path, value) for key, value in found.items()}


def _look(raw: bytes) -> None:
    """Raise UnpicklingError for an instruction that does more than build a plain value, before any is carried out."""
    end = 0
    for number, (code, argument, place) in enumerate(pickletools.genops(raw)):
        if code.name not in _PLAIN:
            raise pickle.UnpicklingError(f"instruction {code.name} at byte {place}")
        if code.name in _PUTS and int(argument or 0) > number:  # a memo that would fill the memory
            raise pickle.UnpicklingError(f"memo {argument} at byte {place}")
        if isinstance(argument, int) and abs(argument) >= 10**_DIGITS:
            raise pickle.UnpicklingError(f"a number of too many digits at byte {place}")
        end = int(place or 0) + 1
    if end != len(raw):
        raise pickle.UnpicklingError(f"{len(raw) - end} bytes after its end")


def _key(path: Path, key: object) -> bytes:
    if isinstance(key, str):
        return key.encode()
    if isinstance(key, bytes):
        return key
    raise DataError(path, f"a key of type {type(key).__name__}, expected bytes")


def _made(path: Path, value: Any) -> Any:
    """Return a value with its arrays put together."""
    if isinstance(value, _Array):
        return _assembled(path, value)
    if isinstance(value, list | tuple):
        if not all(isinstance(item, int | float | bytes | str) for item in value):
            raise DataError(path, "a list of something else than numbers and bytes")
        return list(value)
    if isinstance(value, bytes | str | int | float | None):
        return value
    raise DataError(path, f"a value of type {type(value).__name__.lstrip('_')}")


def _assembled(path: Path, value: _Array) -> NDArray[np.uint8]:
    shape, raw = value.shape, value.raw
    if not isinstance(value.kind, _Dtype) or value.kind.code not in ("u1", "|u1", "B"):
        raise DataError(path, f"an array of type {getattr(value.kind, 'code', None)!r}, expected u1, bytes")
    sizes = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if not sizes or not isinstance(raw, bytes) or len(raw) != math.prod(shape):
        length = len(raw) if isinstance(raw, bytes) else 0
        raise DataError(path, f"an array of shape {str(shape)[:40]} with {length:,} bytes")
    return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if value.column_major else "C")
