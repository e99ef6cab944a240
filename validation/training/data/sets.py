"""What a data set is once it is read: pictures with labels, or bytes of text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from validation.training.sources import Images, Text

Pixels = NDArray[np.uint8] | NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures.

    Attributes
    ----------
    name, form, place : str
        The set, the form that it was read from, and where it lay.
    train, test : ndarray, shape (n, channels, height, width)
        Pixels as they are stored, from 0 to `top`.
    train_labels, test_labels : ndarray of int64, shape (n,)
        Numbers of the classes.
    classes : tuple of str
        Their names.
    top : float
        The largest value that a pixel can have.
    """

    name: str
    form: str
    place: str
    train: Pixels
    train_labels: Labels
    test: Pixels
    test_labels: Labels
    classes: tuple[str, ...]
    top: float = 255.0

    @property
    def sha256(self) -> str:
        """SHA-256 of pixels and labels: the same whatever form they were read from."""
        return _digest(self.train, self.train_labels, self.test, self.test_labels)

    def some(self, train: int, test: int) -> Self:
        """Return the first so many of either."""
        return replace(
            self,
            train=self.train[:train],
            train_labels=self.train_labels[:train],
            test=self.test[:test],
            test_labels=self.test_labels[:test],
        )

    def images(self, pool: int = 1) -> Images:
        """Return them for training: flat, channel by channel, in [0, 1] about the training mean.

        Blocks of pool x pool pixels are averaged.

        Raises
        ------
        ValueError
            If pool does not divide the height and the width.
        """
        train, test = self._flat(self.train, pool), self._flat(self.test, pool)
        mean = train.mean(axis=0, dtype=np.float64).astype(np.float32)
        return Images(
            torch.from_numpy(train - mean),
            torch.from_numpy(self.train_labels.copy()),
            torch.from_numpy(test - mean),
            torch.from_numpy(self.test_labels.copy()),
        )

    def _flat(self, pixels: Pixels, pool: int) -> NDArray[np.float32]:
        n, channels, height, width = pixels.shape
        if pool < 1 or height % pool or width % pool:
            raise ValueError(f"pool = {pool} does not divide {height} x {width} pixels")
        blocks = pixels.reshape(n, channels, height // pool, pool, width // pool, pool)
        small = blocks.mean(axis=(3, 5), dtype=np.float32) / np.float32(self.top)
        return np.asarray(small.reshape(n, -1), np.float32)


@dataclass(frozen=True)
class Passages:
    """Text as bytes.

    Attributes
    ----------
    name, form, place : str
        The set, the form that it was read from, and where it lay.
    train, valid, test : ndarray of uint8
        The bytes; valid is empty where the set has no such part.
    """

    name: str
    form: str
    place: str
    train: NDArray[np.uint8]
    valid: NDArray[np.uint8]
    test: NDArray[np.uint8]

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes: the same whatever form they were read from."""
        return _digest(self.train, self.valid, self.test)

    def text(self, context: int, most: int | None = None) -> Text:
        """Return it for training, with at most so many bytes to test on."""
        train, test = (torch.from_numpy(part.astype(np.int64)) for part in (self.train, self.test[:most]))
        return Text(train, test, context)


def _digest(*parts: NDArray[Any]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(repr((part.dtype.str, part.shape)).encode())
        total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()
