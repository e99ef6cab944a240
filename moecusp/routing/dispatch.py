"""Where each slot of a token went: from what an experts module is called with to one code a slot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from moecusp.trace import UNROUTED


@dataclass(frozen=True)
class Dispatch:
    """The slots of some tokens: what an experts module was called with, or what a reader made of another module.

    Parameters
    ----------
    experts : int
        Number of real experts.
    ids : Tensor
        Integers of shape (tokens, k): the expert of each slot; or a one-hot mask of shape (tokens, k, experts).
    weights : Tensor
        Floats of shape (tokens, k) (or that many): what the expert's output is multiplied by. 0: the expert counts not.
    scores : Tensor, optional
        Of shape (tokens, experts): what the router gave each expert.
    beyond : int, optional
        Identity experts, whose ids follow those of the real ones. Ids after these are of other ranks.
    zero : str, optional
        What a slot of weight 0 means, of `moecusp.trace.UNROUTED`.
    shard : bool, optional
        The experts are one rank's part of all: ids below 0, too, are of experts on other ranks.
    note : str, optional
        What the reader of a trace should know.
    """

    experts: int
    ids: Tensor
    weights: Tensor
    scores: Tensor | None = None
    beyond: int = 0
    zero: str = "null"
    shard: bool = False
    note: str = ""

    @property
    def problem(self) -> str:
        """What keeps the slots from being read; "" if nothing does."""
        integers = not (self.ids.is_floating_point() or self.ids.is_complex())
        if not integers or self.ids.ndim not in (2, 3):
            return f"ids of type {self.ids.dtype} and shape {tuple(self.ids.shape)}"
        if self.ids.ndim == 3 and self.ids.shape[2] != self.experts + self.beyond:
            return f"a mask of shape {tuple(self.ids.shape)} for {self.experts + self.beyond} experts"
        if self.weights.numel() != self.ids.shape[0] * self.ids.shape[1]:
            return f"weights of shape {tuple(self.weights.shape)} for ids of shape {tuple(self.ids.shape)}"
        return ""

    @property
    def tokens(self) -> int:
        """Number of tokens, padding included."""
        return int(self.ids.shape[0])

    @property
    def k(self) -> int:
        """Slots of a token."""
        return int(self.ids.shape[1])

    def codes(self) -> Tensor:
        """Return the expert of each slot, or `experts` + its place in `UNROUTED`, (tokens, k)."""
        ids = self.ids
        if ids.ndim == 3:
            hit = ids != 0
            ids = torch.where(hit.any(-1), hit.to(torch.uint8).argmax(-1), -2)
        ids = ids.long()
        codes = torch.where(self.weights.reshape(ids.shape) != 0, ids, self._code(self.zero))
        codes = torch.where(ids >= self.experts, self._code("identity"), codes)
        codes = torch.where(ids >= self.experts + self.beyond, self._code("sentinel"), codes)
        codes = torch.where(ids == -2, self._code("dropped"), codes) if self.ids.ndim == 3 else codes
        below = self._code("sentinel" if self.shard else "null")
        return torch.where((ids < 0) & (ids != -2 if self.ids.ndim == 3 else True), below, codes)

    def crowded(self) -> Tensor:
        """Return how many slots of a mask name several experts: there must be none."""
        return ((self.ids != 0).sum(-1) > 1).sum() if self.ids.ndim == 3 else torch.zeros((), device=self.ids.device)

    def _code(self, kind: str) -> int:
        return self.experts + UNROUTED.index(kind)


@dataclass(frozen=True)
class Slots:
    """A dispatch with the padding known, read once however many keep books of it.

    Attributes
    ----------
    dispatch : Dispatch
        What was read.
    valid : Tensor of bool, shape (tokens,), or None
        False for padding; None: there is none.
    unread : bool
        Whether there was a mask that could not be matched with the tokens.
    """

    dispatch: Dispatch
    valid: Tensor | None
    unread: bool

    @cached_property
    def codes(self) -> Tensor:
        """The expert of each slot or why it has none, (tokens, k)."""
        return self.dispatch.codes()

    @cached_property
    def row(self) -> Tensor:
        """Slots by code and the number of tokens: see `counted`."""
        return counted(self.codes, self.valid, self.dispatch.experts)

    @cached_property
    def tokens(self) -> dict[str, Tensor]:
        """The tokens whole: codes, weights, whether they are none of padding, and scores of real experts if known."""
        dispatch, codes = self.dispatch, self.codes
        kept = codes.new_ones(codes.shape[0], dtype=torch.bool) if self.valid is None else self.valid
        rows = {"chosen": codes, "weights": dispatch.weights.detach().reshape(codes.shape), "mask": kept}
        scores = dispatch.scores
        if scores is not None and scores.shape[0] == codes.shape[0] and self.more >= 0:
            if not (dispatch.shard and self.more):  # which of its columns are this rank's experts is not known
                rows["scores"] = scores.detach()
        return rows

    @property
    def more(self) -> int:
        """How many choices the router scores besides the real experts."""
        return 0 if self.dispatch.scores is None else self.dispatch.scores.shape[1] - self.dispatch.experts


def counted(codes: Tensor, valid: Tensor | None, experts: int) -> Tensor:
    """Return slots by code, those of padding apart, and after them the number of tokens, without waiting for a device.

    Parameters
    ----------
    codes : Tensor, shape (tokens, k)
        From `Dispatch.codes`.
    valid : Tensor of bool, shape (tokens,), or None
        False for padding.
    experts : int
        Number of real experts.

    Returns
    -------
    Tensor of int64, shape (experts + len(UNROUTED) + 1,)
    """
    size = experts + len(UNROUTED)
    cells = torch.zeros(size + 1, dtype=torch.int64, device=codes.device)
    if valid is not None:
        codes = torch.where(valid[:, None], codes, experts + UNROUTED.index("padded"))
        cells[size] = valid.sum()
    else:
        cells[size] = codes.shape[0]
    flat = codes.reshape(-1)
    return cells.scatter_add_(0, flat, torch.ones_like(flat))
