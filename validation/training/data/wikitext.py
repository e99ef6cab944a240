"""WikiText-2 and WikiText-103, with rare words replaced or raw: text files, or Parquet with a line a row."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validation.training.data.files import DataError, read
from validation.training.data.sets import Passages

NAMES = ("wikitext-2", "wikitext-2-raw", "wikitext-103", "wikitext-103-raw")
SPLITS = {"train": "train", "valid": "validation", "test": "test"}
_MOST = 700_000_000  # bytes; the largest part is the training text of WikiText-103, some 540 million
_UNKNOWN = b"<unk>"
HUB = "Salesforce/wikitext"


def find(name: str, root: Path) -> tuple[str, Path] | None:
    """Return the form, text or parquet, and the folder in or as the root."""
    for place in (root / name, root):
        if (place / f"wiki.train.{_suffix(name)}").is_file():
            return "text", place
    for place in (root / f"{name}-v1", root / "wikitext" / f"{name}-v1"):
        if any(place.glob("train-*.parquet")):
            return "parquet", place
    return None


def load(name: str, form: str, folder: Path) -> Passages:
    """Return the set, the bytes of its text files whatever the form."""
    parts = {}
    for short, long in SPLITS.items():
        path = folder / f"wiki.{short}.{_suffix(name)}" if form == "text" else folder
        raw = read(path, _MOST) if form == "text" else b"".join(_rows(folder, long))
        parts[short] = _checked(path, short, raw)
    return _passages(name, form, str(folder), parts)


def ask(name: str) -> Passages:
    """Return the set as the hub gives it; this is the one place that may use the network, by the library `datasets`.

    Raises
    ------
    DataError
        If the library is not installed.
    """
    try:
        library = import_module("datasets")
    except ImportError as error:
        raise DataError(name, "the hub is asked by the library datasets, which is not installed") from error
    found = library.load_dataset(HUB, f"{name}-v1")
    parts = {
        short: _checked(Path(HUB), short, b"".join(map(_line, found[long]["text"]))) for short, long in SPLITS.items()
    }
    return _passages(name, "hub", HUB, parts)


def _suffix(name: str) -> str:
    return "raw" if name.endswith("-raw") else "tokens"


def _line(row: Any) -> bytes:
    """Return a line as the text files have it: an empty row is a line of one blank."""
    return (row or " \n").encode()


def _rows(folder: Path, split: str) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = sorted(folder.glob(f"{split}-*.parquet"))
    if not paths:
        raise DataError(folder, f"without {split}-*.parquet")
    left = _MOST
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                schema = file.schema_arrow
                if schema.names != ["text"] or schema.field("text").type not in (pa.string(), pa.large_string()):
                    raise DataError(path, f"columns {', '.join(schema.names)[:80]}, expected text, of strings")
                for batch in file.iter_batches(10_000):
                    lines = b"".join(map(_line, batch.column(0).to_pylist()))
                    left -= len(lines)
                    if left < 0:
                        raise DataError(path, f"more than the {_MOST:,} bytes that the text can have")
                    yield lines
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(path, f"not a whole Parquet file: {error}") from error


def _checked(path: Path, split: str, raw: bytes) -> NDArray[np.uint8]:
    if not raw.strip():
        raise DataError(path, f"no text to {split}")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(path, f"not UTF-8: {error}") from error
    return np.frombuffer(raw, np.uint8)


def _passages(name: str, form: str, place: str, parts: dict[str, NDArray[np.uint8]]) -> Passages:
    if len({part.tobytes() for part in parts.values()}) < len(parts):
        raise DataError(place, "two of train, valid and test are the same text")
    if not name.endswith("-raw") and _UNKNOWN not in parts["train"].tobytes():
        raise DataError(place, f"no {_UNKNOWN.decode()} in the training text, expected rare words to be replaced by it")
    return Passages(name, form, place, **parts)
