"""Where each slot of a token went: from what an experts module is called with to one code a slot."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    experts: int
    ids: Tensor
    weights: Tensor
    scores: Tensor | None = None
    beyond: int = 0
    zero: str = "null"

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
        return torch.where((ids < 0) & (ids != -2 if self.ids.ndim == 3 else True), self._code("null"), codes)

    def crowded(self) -> Tensor:
        """Return how many slots of a mask name several experts: there must be none."""
        return ((self.ids != 0).sum(-1) > 1).sum() if self.ids.ndim == 3 else torch.zeros((), device=self.ids.device)

    def _code(self, kind: str) -> int:
        return self.experts + UNROUTED.index(kind)


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
