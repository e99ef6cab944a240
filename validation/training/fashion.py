"""Fashion-MNIST, where Debian's package dataset-fashion-mnist is installed."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FOLDER = Path("/usr/share/datasets/fashion-mnist")
MISSING = "Fashion-MNIST is not installed (apt-get install dataset-fashion-mnist): nothing is said of it."


def there(folder: Path = FOLDER) -> bool:
    """Return whether the files are installed."""
    return (folder / "train-images-idx3-ubyte.gz").exists()


def load_fashion(folder: Path = FOLDER) -> tuple[Tensor, Tensor]:
    """Return all 70,000 images at 14 x 14 pixels, about their mean, in [0, 1], and their labels.

    Raises
    ------
    ValueError
        If a file is not what its header says.
    """
    pixels, labels = (
        np.concatenate([_read(folder / f"{part}-{kind}-ubyte.gz", magic, size) for part in ("train", "t10k")])
        for kind, magic, size in (("images-idx3", 2051, 28 * 28), ("labels-idx1", 2049, 1))
    )
    small = pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(pixels), -1) / 255.0
    return torch.tensor(small - small.mean(axis=0), dtype=torch.float32), torch.tensor(labels[:, 0].astype(np.int64))


def _read(path: Path, magic: int, size: int) -> NDArray[Any]:
    raw = gzip.decompress(path.read_bytes())
    header = 16 if size > 1 else 8
    seen, count = np.frombuffer(raw, ">i4", 2)
    if seen != magic or len(raw) != header + count * size:
        raise ValueError(f"{path} is damaged: magic {seen}, {len(raw)} bytes for {count} items of {size}")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(count, size)
