"""CIFAR-10 and CIFAR-100: folders or archives, binary records or Python pickles; the binary form where both lie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validation.training.data import pickles
from validation.training.data.files import DataError, md5, members, read
from validation.training.data.sets import Pictures

PIXELS = 3 * 32 * 32
_SPARE = 2_000_000  # bytes of a pickle beside its pixels: names of files and labels


@dataclass(frozen=True)
class Make:
    """How a set is laid out.

    Attributes
    ----------
    train, test : tuple of str
        Files of either part, in order, and `count` items in each of them.
    names : str
        The file of the classes' names.
    binary, python, archives : str
        Folder of either form, and its archive with the MD5 that it is published with.
    labels : tuple of (bytes, int)
        Keys of the labels in a pickle and numbers of classes, in the order of the bytes of a record; the last counts.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    counts: tuple[int, int]
    names: tuple[str, str]
    binary: str
    python: str
    archives: dict[str, tuple[str, str | None]]
    labels: tuple[tuple[bytes, int], ...]


MAKES = {
    "cifar-10": Make(
        tuple(f"data_batch_{n}" for n in range(1, 6)),
        ("test_batch",),
        (10_000, 10_000),
        ("batches.meta.txt", "batches.meta"),
        "cifar-10-batches-bin",
        "cifar-10-batches-py",
        {
            "binary": ("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
            "python": ("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
        },
        ((b"labels", 10),),
    ),
    "cifar-100": Make(
        ("train",),
        ("test",),
        (50_000, 10_000),
        ("fine_label_names.txt", "meta"),
        "cifar-100-binary",
        "cifar-100-python",
        {
            "binary": ("cifar-100-binary.tar.gz", None),
            "python": ("cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"),
        },
        ((b"coarse_labels", 20), (b"fine_labels", 100)),
    ),
}
Part = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images and labels of one file."""
Files = Callable[[str, int], tuple[Path, bytes]]
"""The content of a file of the set, of at most so many bytes, and what to name it by."""


def find(name: str, root: Path) -> tuple[str, Path] | None:
    """Return the form, binary or python, and where it lies in or as the root: a folder or an archive."""
    make = MAKES[name]
    for form, folder in (("binary", make.binary), ("python", make.python)):
        end = ".bin" if form == "binary" else ""
        for place in (root / folder, root):
            if (place / f"{make.train[0]}{end}").is_file():
                return form, place
    for form, (archive, _) in make.archives.items():
        if (root / archive).is_file():
            return form, root / archive
    return None


def load(name: str, form: str, place: Path, whole: bool) -> Pictures:
    """Return the set; an archive is read where it lies, and its MD5 is compared if the set has to be whole."""
    make = MAKES[name]
    read_one = _binary if form == "binary" else _python
    files = _files(make, form, place, whole)
    stems = (*make.train, *make.test)
    counts = [make.counts[stem in make.test] for stem in stems]
    parts = [read_one(make, files, stem, count, whole) for stem, count in zip(stems, counts, strict=True)]
    _different(place, stems, parts)
    classes = _names(make, form, files)
    *train, (test, test_labels) = parts
    pixels, labels = (np.concatenate([part[k] for part in train]) for k in (0, 1))
    return Pictures(name, form, str(place), pixels, labels, test, test_labels, classes)


def _files(make: Make, form: str, place: Path, whole: bool) -> Files:
    if place.is_dir():
        return lambda name, most: (place / name, read(place / name, most))
    published = make.archives[form][1]
    if whole and published is not None and (seen := md5(place)) != published:
        raise DataError(place, f"MD5 {seen}, expected {published}")
    folder, end = (make.binary, ".bin") if form == "binary" else (make.python, "")
    sizes = dict.fromkeys(make.train, make.counts[0]) | dict.fromkeys(make.test, make.counts[1])
    wanted = {f"{folder}/{stem}{end}": _most(make, form, count) for stem, count in sizes.items()}
    wanted[f"{folder}/{make.names[form == 'python']}"] = _SPARE
    content = members(place, wanted)
    return lambda name, _: (place / folder / name, content[f"{folder}/{name}"])


def _most(make: Make, form: str, count: int) -> int:
    return count * (PIXELS + len(make.labels)) + (0 if form == "binary" else _SPARE + 200 * count)


def _binary(make: Make, files: Files, stem: str, count: int, whole: bool) -> Part:
    path, raw = files(f"{stem}.bin", _most(make, "binary", count))
    lead = len(make.labels)
    if len(raw) % (lead + PIXELS):
        raise DataError(path, f"{len(raw):,} bytes, expected records of {lead} + {PIXELS:,}")
    records = np.frombuffer(raw, np.uint8).reshape(-1, lead + PIXELS)
    for column, (key, classes) in enumerate(make.labels):
        _range(path, key, records[:, column], classes)
    return _checked(path, records[:, lead:], records[:, lead - 1].astype(np.int64), count, whole)


def _python(make: Make, files: Files, stem: str, count: int, whole: bool) -> Part:
    path, raw = files(stem, _most(make, "python", count))
    found = pickles.load(path, raw)
    missing = [key.decode() for key in (b"data", *(key for key, _ in make.labels)) if key not in found]
    if missing:
        keys = ", ".join(sorted(key.decode("latin1") for key in found))
        raise DataError(path, f"without {' and '.join(missing)}: it has {keys or 'nothing'}")
    pixels = found[b"data"]
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
        shape = getattr(pixels, "shape", type(pixels).__name__)
        raise DataError(path, f"data of shape {shape}, expected (n, {PIXELS})")
    labels: Any = None
    for key, classes in make.labels:
        labels = found[key]
        if not isinstance(labels, list) or not all(type(n) is int for n in labels):
            raise DataError(path, f"{key.decode()} is not a list of integers")
        if len(labels) != len(pixels):
            raise DataError(path, f"{len(labels):,} {key.decode()} for {len(pixels):,} images")
        _range(path, key, np.array(labels, dtype=object), classes)
    _batch(path, stem, found.get(b"batch_label"))
    return _checked(path, pixels, np.array(labels, np.int64), count, whole)


def _batch(path: Path, stem: str, said: object) -> None:
    """Raise DataError if a batch says that it is another one than its file's name says."""
    if not isinstance(said, bytes) or not stem.startswith(("data_batch_", "test_batch")):
        return
    expected = b"testing" if stem == "test_batch" else b"training batch " + stem[-1:].encode()
    if not said.startswith(expected):
        raise DataError(path, f"calls itself {said[:40].decode('latin1')!r}, expected {expected.decode()!r}")


def _range(path: Path, key: bytes, labels: NDArray[Any], classes: int) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        item = int(wrong[0])
        raise DataError(path, f"{key.decode()} {labels[item]} of item {item}, expected 0 to {classes - 1}")


def _checked(path: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64], count: int, whole: bool) -> Part:
    if not 0 < len(pixels) <= count or (whole and len(pixels) != count):
        raise DataError(path, f"{len(pixels):,} images, expected {'' if whole else '1 to '}{count:,}")
    return pixels.reshape(-1, 3, 32, 32), labels


def _different(place: Path, stems: tuple[str, ...], parts: list[Part]) -> None:
    """Raise DataError if two files hold the same images, as when one was copied over another."""
    seen: dict[bytes, str] = {}
    for stem, (pixels, _) in zip(stems, parts, strict=True):
        key = hashlib.sha256(pixels.tobytes()).digest()
        if key in seen:
            raise DataError(place, f"{stem} holds the images of {seen[key]}")
        seen[key] = stem


def _names(make: Make, form: str, files: Files) -> tuple[str, ...]:
    count = make.labels[-1][1]
    if form == "python":
        path, raw = files(make.names[1], _SPARE)
        meta = pickles.load(path, raw)
        listed = meta.get(b"label_names", meta.get(b"fine_label_names"))
        names = [n.decode("utf-8", "replace") for n in listed] if isinstance(listed, list) else []
    else:
        path, raw = files(make.names[0], _SPARE)
        names = raw.decode("utf-8", "replace").split()
    if len(names) != count:
        raise DataError(path, f"{len(names)} names of classes, expected {count}")
    return tuple(names)
