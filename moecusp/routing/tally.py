"""The counts of a recording: rows on the device of each router, batch by batch, and a sample of tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp.routing.dispatch import Slots
from moecusp.routing.reservoir import Reservoir, Whole
from moecusp.routing.sites import Place
from moecusp.trace import UNROUTED, RoutingTrace, Sample, Site, SiteTrace

_PROBABILITY = 2.0**-7  # how far from 1 the probabilities of a token in bfloat16 may add up


class Tally:
    """Bounded books: at most so many batches, of which every two become one when there are more.

    Parameters
    ----------
    places : sequence of Place
        The routers.
    keepers : sequence of Reservoir, Whole or None
        What keeps tokens of each.
    batches : int
        Most batches.
    """

    def __init__(self, places: Sequence[Place], keepers: Sequence[Reservoir | Whole | None], batches: int) -> None:
        self.most, self.span, self.opened = batches, 1, 0
        self.steps: list[int | None] = []
        self.books = [_Book(place, keeper) for place, keeper in zip(places, keepers, strict=True)]

    def open(self, step: int | None) -> None:
        """Begin a batch."""
        if self.opened == self.most * self.span:
            self.span *= 2
            self.steps = self.steps[::2]
            for book in self.books:
                book.merge()
        if self.opened % self.span == 0:
            self.steps.append(step)
        self.opened += 1

    def add(self, number: int, slots: Slots) -> None:
        """Count what one call of a router sent where."""
        if not self.opened:
            self.open(None)
        self.books[number].add((self.opened - 1) // self.span, slots)

    def trace(self, source: dict[str, str], notes: Sequence[str] = (), silence: bool = False) -> RoutingTrace:
        """Return everything as NumPy arrays; with `silence`, routers that were not called are left out."""
        silent = [book.place.name for book in self.books if not book.rows]
        if silent and not (silence and len(silent) < len(self.books)):
            if len(silent) == len(self.books):
                raise RuntimeError(
                    f"no router was called ({len(silent)} are watched, such as {silent[0]!r}): the model did not run "
                    "while it was recorded, or compiled code or a fused kernel ran in its place"
                )
            raise RuntimeError(
                f"{len(silent)} of {len(self.books)} routers were never called, such as {silent[0]!r}: compiled code "
                "or a fused kernel ran in their place, or the model did without; to leave them out: record(model, "
                "sites=...)"
            )
        steps = None if None in self.steps else np.asarray(self.steps, np.int64)
        records = [book.record(len(self.steps), steps) for book in self.books if book.rows]
        return RoutingTrace(records, source, [*notes, *(note for book in self.books for note in book.notes)])


class _Book:
    def __init__(self, place: Place, keeper: Reservoir | Whole | None) -> None:
        self.place, self.keeper = place, keeper
        self.rows: dict[int, Tensor] = {}
        self.biases: dict[int, Tensor] = {}
        self.shape: tuple[int, int] | None = None  # experts, k
        self.crowded: Tensor | int = 0
        self.notes: list[str] = []

    def add(self, batch: int, slots: Slots) -> None:
        name, dispatch = self.place.name, slots.dispatch
        if dispatch.problem:
            raise RuntimeError(f"{name} cannot be read: {dispatch.problem}")
        shape = dispatch.experts, dispatch.k
        if self.shape not in (None, shape):
            raise RuntimeError(f"{name}: (experts, k) was {self.shape} and is now {shape}")
        self.shape = shape
        if dispatch.note:
            self._note(f"{name}: {dispatch.note}")
        if slots.unread:
            self._note(f"{name}: the attention mask could not be matched with its tokens; padding was counted")
        self.rows[batch] = self.rows[batch] + slots.row if batch in self.rows else slots.row
        if dispatch.ids.ndim == 3:
            self.crowded = self.crowded + dispatch.crowded()
        bias = self.place.bias
        if bias is not None and batch not in self.biases and not (dispatch.shard and bias.numel() != shape[0]):
            self.biases[batch] = bias.detach().flatten()[: shape[0]].clone()
        if self.keeper is not None and dispatch.tokens:
            self._keep(self.keeper, batch, slots)

    def _keep(self, keeper: Reservoir | Whole, batch: int, slots: Slots) -> None:
        rows, name = slots.tokens, self.place.name
        if slots.dispatch.shard and slots.more:
            self._note(f"{name}: the router scores the experts of all ranks; its scores are left out")
        elif "scores" in rows and slots.more:
            self._note(f"{name}: the router scores {slots.more} choices that are no experts; they are left out")
        if not keeper.add(batch, rows):
            self._note(f"{name}: its scores are known of some calls only; the tokens of the others are not kept")

    def merge(self) -> None:
        """Take every two batches for one."""
        merged: dict[int, Tensor] = {}
        for batch, row in self.rows.items():
            merged[batch // 2] = merged[batch // 2] + row if batch // 2 in merged else row
        self.rows = merged
        first: dict[int, Tensor] = {}
        for batch, bias in self.biases.items():
            first.setdefault(batch // 2, bias)  # the first of the two
        self.biases = first
        if self.keeper is not None:
            self.keeper.merge()

    def record(self, batches: int, steps: NDArray[np.int64] | None) -> SiteTrace:
        """Return the record of this router."""
        assert self.shape is not None
        experts, k = self.shape
        if int(self.crowded):
            raise RuntimeError(f"{self.place.name}: {int(self.crowded)} slots of its mask name several experts")
        cells = np.zeros((batches, experts + len(UNROUTED) + 1), np.int64)
        order = list(self.rows)
        cells[order] = torch.stack([self.rows[batch] for batch in order]).cpu().numpy()
        place = self.place
        site = Site(place.name, place.layer, experts, k, place.role, place.stack)
        unrouted = {kind: cells[:, experts + i] for i, kind in enumerate(UNROUTED)}
        return SiteTrace(
            site, cells[:, :experts], cells[:, -1], unrouted, self._bias(batches), steps, self._kept(experts)
        )

    def _bias(self, batches: int) -> NDArray[np.floating] | None:
        if not self.biases:
            return None
        first = min(self.biases)
        filled = [self.biases[max((b for b in self.biases if b <= batch), default=first)] for batch in range(batches)]
        return torch.stack(filled).float().cpu().numpy()

    def _kept(self, experts: int) -> Sample | None:
        if self.keeper is None or not (kept := self.keeper.columns):
            return None
        columns = {name: column.cpu() for name, column in kept.items()}
        real = columns["chosen"] < experts
        weights = torch.where(real, columns["weights"].float(), 0.0)
        mask = columns["mask"].numpy()
        finite = weights.isfinite().all(dim=1).numpy()
        scores, kind = None, None
        if "scores" in columns:
            scores = columns["scores"][:, :experts].float().numpy()
            finite &= ~(np.isnan(scores) | (scores == np.inf)).any(axis=1) & (scores > -np.inf).any(axis=1)
            kind = "probability" if _probabilities(columns["scores"].float().numpy()[mask & finite]) else "raw"
            if kind == "probability" and columns["scores"].shape[1] > experts:
                scores, kind = None, None
        if not finite.all():
            self._note(f"{self.place.name}: {int((~finite).sum())} sampled tokens are left out: not finite")
        if not finite.any():
            return None
        chosen = torch.where(real, columns["chosen"], -1).numpy()
        return Sample(
            chosen[finite],
            weights.numpy()[finite],
            None if scores is None else scores[finite],
            kind,
            mask[finite],
            self.keeper.batch[finite],
        )

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _probabilities(scores: NDArray[np.floating]) -> bool:
    """Whether all rows are probabilities, as some routers hand out under the name of logits."""
    if not scores.size:
        return False
    inside = (scores >= 0).all() and (scores <= 1).all()
    return bool(inside and (abs(scores.sum(axis=1, dtype=np.float64) - 1) <= _PROBABILITY).all())
