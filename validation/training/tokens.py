"""The tokens: scikit-learn's digits, split once and for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TRAIN_SHARE = 0.75


@dataclass(frozen=True)
class Tokens:
    """Images (tokens, pixels) in [0, 1] about the training mean, and their labels (tokens,)."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def load_tokens() -> Tokens:
    """Return the digits, 8 x 8 pixels, shuffled by a fixed seed and split 3:1."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order, cut = shuffled(len(digits.target))
    images, labels = digits.data[order] / 16.0, digits.target[order]
    images = images - images[:cut].mean(axis=0)
    pixels = torch.tensor(images, dtype=torch.float32)
    targets = torch.tensor(labels, dtype=torch.int64)
    return Tokens(pixels[:cut], targets[:cut], pixels[cut:], targets[cut:])


def shuffled(count: int) -> tuple[NDArray[np.int64], int]:
    """Return so many numbers shuffled by a fixed seed, and how many of them are for training."""
    return np.random.default_rng(0).permutation(count), int(TRAIN_SHARE * count)
