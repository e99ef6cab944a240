"""What mixtures train on, on the device: which items a step takes is drawn beforehand, from a model's own stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from moecusp import ParameterError

Batch = tuple[Tensor, Tensor]
"""Inputs (models, items, ...) and labels (models, tokens)."""


class Source(Protocol):
    """Items to train on and items to test on."""

    @property
    def items(self) -> int:
        """How many there are to train on."""

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """Return it on a device, its real numbers of a type."""

    def batch(self, index: Tensor) -> Batch:
        """Return the items of these numbers (models, items)."""

    def held_out(self, models: int, size: int) -> Iterator[Batch]:
        """Give all test items to every model, so many at a time."""

    def seen(self, models: int, size: int) -> Iterator[Batch]:
        """Give as many training items as there are test items, evenly spread, to every model, so many at a time."""


def draw(generators: Sequence[torch.Generator], steps: int, size: int, items: int) -> Tensor:
    """Return the items of every step, (steps, models, size), drawn with replacement."""
    drawn = [torch.randint(items, (steps, size), generator=each) for each in generators]
    return torch.stack(drawn, 1)


def spread(items: int, count: int, device: torch.device) -> Tensor:
    """Return count of the numbers below items, evenly spread; all of them if there are no more.

    Examples
    --------
    >>> import torch
    >>> from validation.training.sources import spread
    >>> spread(10, 4, torch.device("cpu")).tolist(), spread(3, 4, torch.device("cpu")).tolist()
    ([0, 2, 5, 7], [0, 1, 2])
    """
    kept = min(items, count)
    return torch.arange(kept, device=device) * items // kept


@dataclass(frozen=True)
class Images:
    """Images (tokens, pixels) and their labels (tokens,), to train and to test on."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor

    @property
    def items(self) -> int:
        """How many there are to train on."""
        return len(self.train)

    @property
    def majority(self) -> float:
        """Test accuracy of always naming the most frequent training label: the baseline to beat."""
        return float((self.test_labels == self.train_labels.bincount().argmax()).double().mean())

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """Return them on a device, pixels of a type."""
        return type(self)(
            self.train.to(device, dtype),
            self.train_labels.to(device),
            self.test.to(device, dtype),
            self.test_labels.to(device),
        )

    def batch(self, index: Tensor) -> Batch:
        """Return the training images of these numbers (models, items)."""
        return self.train[index], self.train_labels[index]

    def held_out(self, models: int, size: int) -> Iterator[Batch]:
        """Give all test images to every model, so many at a time."""
        for pixels, labels in zip(torch.split(self.test, size), torch.split(self.test_labels, size), strict=True):
            yield pixels.expand(models, -1, -1), labels.expand(models, -1)

    def seen(self, models: int, size: int) -> Iterator[Batch]:
        """Give as many training images as there are test images, evenly spread, to every model, so many at a time."""
        for some in torch.split(spread(self.items, len(self.test), self.test.device), size):
            yield self.train[some].expand(models, -1, -1), self.train_labels[some].expand(models, -1)


@dataclass(frozen=True)
class Text:
    """Bytes (integers), in windows of `context`, each byte to be told from those before it in its window.

    Raises
    ------
    ParameterError
        If a text is not longer than a window.
    """

    train: Tensor
    test: Tensor
    context: int = 32

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            if len(getattr(self, name)) <= self.context:
                raise ParameterError(f"len({name})", len(getattr(self, name)), f"above the context, {self.context}")

    @property
    def items(self) -> int:
        """How many windows there are to train on."""
        return len(self.train) - self.context

    @property
    def unigram(self) -> float:
        """Cross-entropy (nats a byte) of the frequencies of the training bytes, each plus one, on the test text."""
        counts = self.train.bincount(minlength=256) + 1.0
        return float(-(counts / counts.sum()).log()[self.test].mean())

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """Return it on a device; bytes stay integers."""
        return type(self)(self.train.to(device), self.test.to(device), self.context)

    def batch(self, index: Tensor) -> Batch:
        """Return the training windows that begin at these places (models, items)."""
        return self._windows(self.train, index)

    def held_out(self, models: int, size: int) -> Iterator[Batch]:
        """Give the test text, cut into windows, to every model, so many tokens at a time."""
        places = torch.arange(0, len(self.test) - self.context, self.context, device=self.test.device)
        for some in torch.split(places, max(1, size // self.context)):
            yield self._windows(self.test, some.expand(models, -1))

    def seen(self, models: int, size: int) -> Iterator[Batch]:
        """Give as many training windows as there are in the test text, evenly spread, so many tokens at a time."""
        count = -(-(len(self.test) - self.context) // self.context)
        for some in torch.split(spread(self.items, count, self.train.device), max(1, size // self.context)):
            yield self._windows(self.train, some.expand(models, -1))

    def _windows(self, text: Tensor, index: Tensor) -> Batch:
        found = text[index[..., None] + torch.arange(self.context + 1, device=index.device)]
        return found[..., :-1], found[..., 1:].flatten(1)
