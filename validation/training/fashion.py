"""Fashion-MNIST, where Debian's package dataset-fashion-mnist is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from validation.training.data import idx
from validation.training.data.resolve import FASHION

MISSING = "Fashion-MNIST is not installed (apt-get install dataset-fashion-mnist): nothing is said of it."


def there(folder: Path = FASHION) -> bool:
    """Return whether the files are installed."""
    return idx.there(folder)


def load_fashion(folder: Path = FASHION) -> tuple[Tensor, Tensor]:
    """Return all 70,000 images at 14 x 14 pixels, about their mean, in [0, 1], and their labels.

    Raises
    ------
    DataError
        If a file is not what its header says, or the set not whole.
    """
    found = idx.load("fashion-mnist", folder, whole=True)
    pixels = np.concatenate([found.train, found.test])
    labels = np.concatenate([found.train_labels, found.test_labels])
    small = pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(pixels), -1) / 255.0
    return torch.tensor(small - small.mean(axis=0), dtype=torch.float32), torch.tensor(labels)
