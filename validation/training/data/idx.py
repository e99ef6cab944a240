"""The idx form of MNIST and Fashion-MNIST, plain or gzip: big-endian header, then bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validation.training.data.files import DataError, inflate, read
from validation.training.data.sets import Pictures

IMAGES, LABELS = 2051, 2049
SIDE = 28
COUNTS = {"train": 60_000, "t10k": 10_000}
KINDS = {IMAGES: "images", LABELS: "labels"}
CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
}


def images(path: Path, most: int) -> NDArray[np.uint8]:
    """Return the images (n, 28, 28) of a file with at most so many.

    Raises
    ------
    DataError
        If it is missing, holds something else, or not as much as its header says.
    """
    return _items(path, IMAGES, (SIDE, SIDE), most)


def labels(path: Path, most: int) -> NDArray[np.uint8]:
    """Return the labels (n,) of a file with at most so many, each from 0 to 9; raise DataError as `images`."""
    found = _items(path, LABELS, (), most)
    if found.max() > 9:
        raise DataError(path, f"label {found.max()} of item {int(found.argmax())}, expected 0 to 9")
    return found


def there(folder: Path) -> bool:
    """Return whether the training images lie in a folder, gzip or plain."""
    return _path(folder, "train", "images-idx3") is not None


def load(name: str, folder: Path, whole: bool) -> Pictures:
    """Return the set in a folder: {train,t10k}-{images-idx3,labels-idx1}-ubyte, with or without .gz."""
    found: dict[str, NDArray[Any]] = {}
    for part, count in COUNTS.items():
        pixels, names = (
            _path(folder, part, kind) or folder / f"{part}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")
        )
        found[part], found[f"{part} labels"] = images(pixels, count), labels(names, count).astype(np.int64)
        if len(found[part]) != len(found[f"{part} labels"]):
            number = len(found[f"{part} labels"])
            raise DataError(names, f"{number:,} labels for the {len(found[part]):,} images of {pixels.name}")
        if whole and len(found[part]) != count:
            raise DataError(pixels, f"{len(found[part]):,} images, expected {count:,}")
    return Pictures(
        name,
        "idx",
        str(folder),
        found["train"][:, None],
        found["train labels"],
        found["t10k"][:, None],
        found["t10k labels"],
        CLASSES[name],
    )


def _path(folder: Path, part: str, kind: str) -> Path | None:
    for end in (".gz", ""):
        path = folder / f"{part}-{kind}-ubyte{end}"
        if path.is_file():
            return path
    return None


def _items(path: Path, magic: int, shape: tuple[int, ...], most: int) -> NDArray[np.uint8]:
    size = int(np.prod(shape, dtype=int))
    begin = 8 + 4 * len(shape)
    longest = begin + most * size
    raw = inflate(path, longest + 1, begin) if path.suffix == ".gz" else read(path, longest + 1)
    if len(raw) < begin:
        raise DataError(path, f"{len(raw)} bytes, expected a header of {begin}")
    seen, count, *sides = (int(word) for word in np.frombuffer(raw, ">i4", begin // 4))
    if seen != magic:
        raise DataError(path, f"magic number {seen} ({KINDS.get(seen, 'unknown')}), expected {magic} ({KINDS[magic]})")
    if tuple(sides) != shape:
        raise DataError(path, f"images of {' x '.join(map(str, sides))} pixels, expected {SIDE} x {SIDE}")
    if not 0 < count <= most:
        raise DataError(path, f"{count:,} items by its header, expected 1 to {most:,}")
    if len(raw) != begin + count * size:
        length = f"{len(raw):,} bytes" if len(raw) <= longest else f"more than {longest:,} bytes"
        raise DataError(path, f"{length}, expected {begin + count * size:,} for {count:,} items")
    return np.frombuffer(raw, np.uint8, offset=begin).reshape(count, *shape)
