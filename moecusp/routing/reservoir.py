"""What keeps tokens whole: a uniform sample in bounded memory, or all of them; without waiting for a device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Reservoir:
    """Keep a uniform random part of rows that come in groups, each with the batch it belongs to.

    Parameters
    ----------
    size : int
        Rows kept, >= 1.
    random : Generator
        Decides on the host which rows stay: row n takes a random place with probability size / n.
    """

    def __init__(self, size: int, random: np.random.Generator) -> None:
        self.size, self.random = size, random
        self.seen = 0
        self.batch: NDArray[np.int64] = np.zeros(0, np.int64)
        self.columns: dict[str, Tensor] = {}

    def add(self, batch: int, rows: dict[str, Tensor]) -> bool:
        """Offer rows: tensors with one first axis; return whether their names are those of the first time."""
        if self.columns and rows.keys() != self.columns.keys():
            return False
        count = next(iter(rows.values())).shape[0]
        free = min(max(self.size - self.seen, 0), count)
        order = np.arange(self.seen + free, self.seen + count)
        places = np.floor(self.random.random(order.size) * (order + 1)).astype(np.int64)
        taken = places < self.size
        source = np.concatenate([np.arange(free), free + np.flatnonzero(taken)])
        target = np.concatenate([np.arange(self.seen, self.seen + free), places[taken]])
        target, last = np.unique(target[::-1], return_index=True)  # of several rows for one place the last stays
        source = source[::-1][last]
        self.seen += count
        if not source.size:
            return True
        if not self.columns:
            self.columns = {name: row.new_empty((0, *row.shape[1:])) for name, row in rows.items()}
        grown = int(target[-1]) + 1
        if grown > self.batch.size:
            more = grown - self.batch.size
            self.batch = np.concatenate([self.batch, np.zeros(more, np.int64)])
            for name, kept in self.columns.items():
                self.columns[name] = torch.cat([kept, kept.new_empty((more, *kept.shape[1:]))])
        self.batch[target] = batch
        for name, row in rows.items():
            kept = self.columns[name]
            at, of = (torch.from_numpy(index).to(kept.device, non_blocking=True) for index in (target, source))
            kept[at] = row[of].to(kept.device, kept.dtype)
        return True

    def merge(self) -> None:
        """Take every two batches for one."""
        self.batch //= 2


class Whole:
    """Keep all rows."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, dict[str, Tensor]]] = []

    def add(self, batch: int, rows: dict[str, Tensor]) -> bool:
        """Keep copies of rows; return whether their names are those of the first time."""
        if self._parts and rows.keys() != self._parts[0][1].keys():
            return False
        self._parts.append((batch, {name: row.clone() for name, row in rows.items()}))
        return True

    @property
    def columns(self) -> dict[str, Tensor]:
        """All rows, by name."""
        names = self._parts[0][1] if self._parts else ()
        return {name: torch.cat([rows[name] for _, rows in self._parts]) for name in names}

    @property
    def batch(self) -> NDArray[np.int64]:
        """The batch that each row belongs to."""
        return np.repeat([batch for batch, _ in self._parts], [len(rows["mask"]) for _, rows in self._parts])

    def merge(self) -> None:
        """Take every two batches for one."""
        self._parts = [(batch // 2, rows) for batch, rows in self._parts]
