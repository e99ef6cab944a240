"""Which tokens are padding: what the modules around a router were called with."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

_TOKENS = ("input_ids", "inputs_embeds")
_MASK = "attention_mask"


@dataclass(frozen=True)
class Frame:
    """A call of a module that takes tokens and perhaps a mask of those that are none.

    Attributes
    ----------
    shape : tuple of int or None
        Sequences and tokens of each, if it was called with tokens.
    mask : object
        What it was called with as attention mask.
    decoder : Frame or None
        For a model of two stacks: what its decoder is called with.
    """

    shape: tuple[int, int] | None
    mask: Any
    decoder: Frame | None = None

    @classmethod
    def of(cls, names: list[str], arguments: tuple[Any, ...], named: dict[str, Any]) -> Frame:
        """Return what is known of a call of a module whose arguments have these names."""
        given = dict(zip(names, arguments, strict=False)) | named
        decoder = None
        if f"decoder_{_TOKENS[0]}" in names:
            decoder = cls(_shape(given, "decoder_"), given.get(f"decoder_{_MASK}"))
        return cls(_shape(given), given.get(_MASK), decoder)

    def valid(self, tokens: int) -> Tensor | None:
        """Return which of the tokens are none of padding, if the mask says it of that many."""
        mask = self.mask
        if (
            not isinstance(mask, Tensor)
            or mask.ndim != 2
            or self.shape is None
            or self.shape[0] * self.shape[1] != tokens
        ):
            return None
        rows, length = self.shape
        if mask.shape[0] != rows or mask.shape[1] < length:
            return None
        return (mask[:, mask.shape[1] - length :] != 0).reshape(-1)


def arguments_of(module: nn.Module) -> list[str]:
    """Return the names of the arguments that a module is called with; none where they cannot be known."""
    try:
        return list(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):
        return []


def takes_tokens(module: nn.Module) -> bool:
    """Whether a module is called with tokens and a mask."""
    names = arguments_of(module)
    return _MASK in names and any(name in names for name in _TOKENS)


def valid(frames: list[Frame], tokens: int, stack: str) -> tuple[Tensor | None, bool]:
    """Return which tokens are none of padding (None: all), and whether a mask was there that could not be read."""
    unread = False
    for frame in reversed(frames):
        at = frame.decoder if frame.decoder is not None and stack == "decoder" else frame
        found = at.valid(tokens)
        if found is not None:
            return found, False
        unread |= at.mask is not None
    return None, unread


def _shape(given: dict[str, Any], prefix: str = "") -> tuple[int, int] | None:
    for name in _TOKENS:
        tokens = given.get(prefix + name)
        if isinstance(tokens, Tensor) and tokens.ndim >= 2:
            return int(tokens.shape[0]), int(tokens.shape[1])
    return None
