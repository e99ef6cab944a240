"""TinyImageNet-200: folders of JPEG files of 64 x 64 pixels; the classes are in the order of wnids.txt."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validation.training.data.files import DataError, read
from validation.training.data.sets import Pictures

NAME = "tiny-imagenet-200"
SIDE = 64
CLASSES, TRAIN, TEST = 200, 500, 50
_LIST, _FILE = 20_000_000, 1_000_000  # bytes that a list of names, and a picture, can have
_WNID = re.compile(r"n\d{8}")
_PICTURE = re.compile(r"[\w-]+\.JPEG")
Found = list[tuple[Path, int]]
"""Pictures and the numbers of their classes."""


def find(root: Path) -> Path | None:
    """Return the set's folder in or as the root."""
    return next((place for place in (root / NAME, root) if (place / "wnids.txt").is_file()), None)


def load(folder: Path, whole: bool) -> Pictures:
    """Return the set: train, and val in the place of a test, whose labels were never published.

    val is read as it is published, val/images and val_annotations.txt, or sorted into val/<wnid>/images.
    """
    wnids = _lines(folder / "wnids.txt")
    wrong = next((w for w in wnids if not _WNID.fullmatch(w)), None)
    if wrong is not None or len(set(wnids)) != len(wnids):
        raise DataError(
            folder / "wnids.txt", "a class twice" if wrong is None else f"{wrong!r}, expected n and eight digits"
        )
    if whole and len(wnids) != CLASSES:
        raise DataError(folder / "wnids.txt", f"{len(wnids)} classes, expected {CLASSES}")
    train = _sorted(folder / "train", wnids, TRAIN if whole else 0)
    test = _published(folder / "val", wnids) or _sorted(folder / "val", wnids, TEST if whole else 0)
    if whole and len(test) != CLASSES * TEST:
        raise DataError(folder / "val", f"{len(test):,} pictures, expected {CLASSES * TEST:,}")
    words = _words(folder / "words.txt")
    return Pictures(
        NAME,
        "folders",
        str(folder),
        _pixels(train),
        np.array([label for _, label in train], np.int64),
        _pixels(test),
        np.array([label for _, label in test], np.int64),
        tuple(words.get(wnid, wnid) for wnid in wnids),
    )


def _lines(path: Path) -> list[str]:
    try:
        return [line.removesuffix("\r") for line in read(path, _LIST).decode("utf-8").removesuffix("\n").split("\n")]
    except UnicodeDecodeError as error:
        raise DataError(path, f"not a text: {error}") from error


def _words(path: Path) -> dict[str, str]:
    """Return names by wnid; without the file, none."""
    if not path.is_file():
        return {}
    pairs = [line.partition("\t") for line in _lines(path)]
    return {wnid: name for wnid, _, name in pairs if name}


def _sorted(folder: Path, wnids: list[str], count: int) -> Found:
    """Return the pictures of <wnid>/images, class by class, by name; raise DataError unless there are count of each."""
    found: Found = []
    for label, wnid in enumerate(wnids):
        place = folder / wnid / "images"
        if not place.is_dir():
            raise DataError(place, "not there, or not a folder")
        pictures = sorted(path for path in place.iterdir() if path.suffix == ".JPEG")
        if not pictures or (count and len(pictures) != count):
            raise DataError(place, f"{len(pictures):,} pictures, expected {count or 'some'}")
        found += [(path, label) for path in pictures]
    return found


def _published(folder: Path, wnids: list[str]) -> Found:
    """Return the pictures that val_annotations.txt lists; none if they have been sorted into folders."""
    listing = folder / "val_annotations.txt"
    if not listing.is_file() or not (folder / "images").is_dir() or not any((folder / "images").iterdir()):
        return []
    labels = {wnid: label for label, wnid in enumerate(wnids)}
    found: Found = []
    for number, line in enumerate(_lines(listing), 1):
        name, tab, rest = line.partition("\t")
        wnid = rest.partition("\t")[0].strip()
        if not tab or not _PICTURE.fullmatch(name):
            raise DataError(listing, f"line {number}: {line[:40]!r}, expected a picture's name, a tab and its class")
        if wnid not in labels:
            raise DataError(listing, f"line {number}: class {wnid[:20]!r}, which wnids.txt has not")
        found.append((folder / "images" / name, labels[wnid]))
    if len({path for path, _ in found}) != len(found):
        raise DataError(listing, "a picture twice")
    return found


def _pixels(found: Found) -> NDArray[np.uint8]:
    pixels = np.empty((len(found), 3, SIDE, SIDE), np.uint8)
    for row, (path, _) in zip(pixels, found, strict=True):
        row[:] = _picture(path)
    return pixels


def _picture(path: Path) -> NDArray[np.uint8]:
    """Return one picture (3, 64, 64), grey ones in three equal colours; its size is known before it is unpacked."""
    from PIL import Image, UnidentifiedImageError

    raw = read(path, _FILE)
    try:
        with Image.open(io.BytesIO(raw), formats=["JPEG"]) as picture:
            if picture.size != (SIDE, SIDE) or picture.mode not in ("RGB", "L"):
                width, height = picture.size
                raise DataError(path, f"{width} x {height} pixels, {picture.mode}; expected {SIDE} x {SIDE}, RGB or L")
            return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise DataError(path, f"not a whole JPEG picture: {error}") from error
