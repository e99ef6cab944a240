"""Tiny data sets written in exactly the forms that they are published in; none of the reading code takes part."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RNG = np.random.default_rng(20261201)
Array = NDArray[np.uint8]


def drawn(count: int, *shape: int) -> Array:
    return RNG.integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count: int, classes: int) -> list[int]:
    return [int(n) for n in RNG.integers(0, classes, count)]


def idx(magic: int, items: Any, *sides: int, count: int | None = None) -> bytes:
    items = np.asarray(items, np.uint8)
    header = struct.pack(f">{2 + len(sides)}i", magic, len(items) if count is None else count, *sides)
    return header + bytes(items.tobytes())


def idx_set(folder: Path, packed: bool = True, train: int = 5, test: int = 3) -> dict[str, Any]:
    """Write the four files; return what is in them."""
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Any] = {}
    for part, count in (("train", train), ("t10k", test)):
        made[part], made[f"{part} labels"] = drawn(count, 28, 28), labels(count, 10)
        for kind, raw in (
            ("images-idx3", idx(2051, made[part], 28, 28)),
            ("labels-idx1", idx(2049, made[f"{part} labels"])),
        ):
            path = folder / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(raw) if packed else raw)
    return made


def _text(value: bytes) -> bytes:
    """Return a str of Python 2 in protocol 2."""
    return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value


def _number(value: int) -> bytes:
    return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value)


def python2(value: Any) -> bytes:
    """Return the instructions that Python 2 wrote for a value, without the memo that it also filled."""
    if isinstance(value, dict):
        return b"}(" + b"".join(python2(k) + python2(v) for k, v in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, np.ndarray):
        kind = b"cnumpy\ndtype\n(" + _text(value.dtype.str[1:].encode()) + b"K\x00K\x01tR(K\x03" + _text(b"|") + b"NNN"
        kind += b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        shape = b"(" + b"".join(map(_number, value.shape)) + b"t"
        made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + _text(b"b") + b"tR"
        return made + b"(K\x01" + shape + kind + b"I00\n" + _text(value.tobytes()) + b"tb"
    return _number(value)


def pickled(value: Any) -> bytes:
    return b"\x80\x02" + python2(value) + b"."


CIFAR10 = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]


def cifar10(count: int = 2) -> tuple[dict[str, Array], dict[str, list[int]]]:
    """Return pixels (count, 3072) and labels by file."""
    return {stem: drawn(count, 3072) for stem in CIFAR10}, {stem: labels(count, 10) for stem in CIFAR10}


def said(stem: str) -> bytes:
    return b"testing batch 1 of 1" if stem == "test_batch" else f"training batch {stem[-1]} of 5".encode()


def cifar10_python(folder: Path, pixels: dict[str, Array], numbers: dict[str, list[int]], write: Any = pickled) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stem in CIFAR10:
        files = [f"picture_{n}.png".encode() for n in range(len(pixels[stem]))]
        batch = {b"batch_label": said(stem), b"labels": numbers[stem], b"data": pixels[stem], b"filenames": files}
        (folder / stem).write_bytes(write(batch))
    names = {b"num_cases_per_batch": 10000, b"label_names": [b"class%d" % n for n in range(10)], b"num_vis": 3072}
    (folder / "batches.meta").write_bytes(write(names))


def records(pixels: Array, *numbers: list[int]) -> bytes:
    lead = [np.array(each, np.uint8)[:, None] for each in numbers]
    return np.concatenate([*lead, pixels], 1).tobytes()


def cifar10_binary(folder: Path, pixels: dict[str, Array], numbers: dict[str, list[int]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stem in CIFAR10:
        (folder / f"{stem}.bin").write_bytes(records(pixels[stem], numbers[stem]))
    (folder / "batches.meta.txt").write_text("".join(f"class{n}\n" for n in range(10)) + "\n")


def archive(path: Path, folder: Path, name: str | None = None) -> Path:
    """Pack a folder as published: gzip, the folder's name before each file."""
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, name or folder.name)
    return path


def member(tar: tarfile.TarFile, name: str, raw: bytes, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(raw) if kind == tarfile.REGTYPE else 0, kind, link
    tar.addfile(info, io.BytesIO(raw) if kind == tarfile.REGTYPE else None)


def python3(protocol: int) -> Any:
    return lambda value: pickle.dumps(value, protocol)


def jpeg(colour: Any, size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    """Return a picture of one colour, which survives compression."""
    from PIL import Image

    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "JPEG", quality=95)
    return out.getvalue()


WNIDS = ["n02124075", "n01443537", "n04067472"]


def tiny_imagenet(folder: Path, resorted: bool = False) -> dict[str, list[Any]]:
    """Write three classes; return the colours and classes of the pictures in the order in which they are read."""
    made: dict[str, list[Any]] = {"train": [], "test": []}
    folder.mkdir(parents=True)
    (folder / "wnids.txt").write_text("\n".join(WNIDS) + "\n")
    (folder / "words.txt").write_text("n01443537\tgoldfish, Carassius auratus\nn02124075\tEgyptian cat\nn9\tother\n")
    shade = iter(range(10, 250, 7))
    for label, wnid in enumerate(WNIDS):
        place = folder / "train" / wnid / "images"
        place.mkdir(parents=True)
        (folder / "train" / wnid / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t10\t63\t58\n")
        for n in range(2):
            grey = n == 1
            colour: Any = next(shade) if grey else (next(shade), next(shade), next(shade))
            (place / f"{wnid}_{n}.JPEG").write_bytes(jpeg(colour, mode="L" if grey else "RGB"))
            made["train"].append((colour, label))
    lines = []
    for n, label in enumerate((2, 0, 1)):
        shadow = next(shade)
        place = folder / "val" / (f"{WNIDS[label]}/images" if resorted else "images")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"val_{n}.JPEG").write_bytes(jpeg((shadow, 100, 50)))
        lines.append(f"val_{n}.JPEG\t{WNIDS[label]}\t0\t32\t44\t62\n")
        made["test"].append(((shadow, 100, 50), label))
    if resorted:
        made["test"].sort(key=lambda pair: pair[1])
    else:
        (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    return made


WIKI = {
    "train": " \n = Valkyria <unk> = \n \n Senjō no Valkyria 3 : \n",
    "valid": " \n = Homarus gammarus = \n",
    "test": " \n = Robert Boulter = \n \n",
}


def wikitext(folder: Path, suffix: str) -> None:
    folder.mkdir(parents=True)
    for split, text in WIKI.items():
        (folder / f"wiki.{split}.{suffix}").write_text(text, encoding="utf-8")


def hub_rows(text: str) -> list[str]:
    """Return the rows that the hub has for a text: lines with their end, empty where they are blank."""
    return [line if line.strip() else "" for line in text.splitlines(keepends=True)]


def wikitext_parquet(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    for split, long in (("train", "train"), ("valid", "validation"), ("test", "test")):
        rows = hub_rows(WIKI[split])
        parts = [rows[:2], rows[2:]] if split == "train" else [rows]
        for n, part in enumerate(parts):
            pq.write_table(pa.table({"text": part}), folder / f"{long}-{n:05}-of-{len(parts):05}.parquet")
