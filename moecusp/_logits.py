"""The one place where recorded logits are read: which tokens count, what an infinity means, and what is refused.

-inf marks an expert that cannot be chosen; +inf wins, shared among several; NaN, and a token that no expert can take,
are refused. A mask leaves tokens out: what stands there is not looked at.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from moecusp._arguments import ParameterError, Range, Restore, dense, is_masked, reals
from moecusp._numerics.gradients import checked
from moecusp._numerics.operations import is_tensor, namespace, where

_ROUNDING = 2.0**-8  # by how much the sum of probabilities may miss 1: that of bfloat16 ones does
_INFINITY = ("inf", "infinity", "oo")


class _Extended(Range):
    """The real numbers and the two infinities."""

    def holds(self, values: Any) -> Any:
        return values == values

    def __str__(self) -> str:
        return "real, or -inf for an expert that cannot be chosen"


EXTENDED = _Extended()


class Logits(NamedTuple):
    """Logits in float64, shape (..., tokens, K), without +inf and without what a mask leaves out.

    `kept`, shape (..., tokens), says which tokens count, None for all; `restore` gives a result the caller's type.
    """

    values: Any
    kept: Any
    restore: Restore

    @property
    def tokens(self) -> Any:
        """Number of tokens that count; of each batch (...) where there is a mask."""
        return self.values.shape[-2] if self.kept is None else self.kept.sum(-1)


def read(logits: Any, mask: Any = None, beside: Sequence[Any] = ()) -> Logits:
    """Return logits to average over; as a tensor if anything that stands beside them is one."""
    if is_masked(logits):
        mask = _unmasked(logits, mask)
        logits = logits.data
    kept = None
    if mask is not None:
        logits = dense("logits", logits, EXTENDED) if is_tensor(logits) else _array(logits)
        kept = tokens_kept(mask, logits)
        logits = namespace(logits).where(kept[..., None], logits, 0)
    (values,), restore = reals(logits=(logits, EXTENDED))
    tensor = next(filter(is_tensor, beside), None)
    if tensor is not None and not is_tensor(values):
        convert = namespace(tensor).as_tensor
        (values,), restore = reals(logits=(convert(values, device=tensor.device), EXTENDED))
        kept = None if kept is None else convert(kept, device=tensor.device)
    _check_shape(values)
    if is_tensor(values):
        values = checked(examine, values)
    else:
        examine(values)
    return Logits(_finite_above(values), kept, restore)


def tokens_kept(mask: Any, logits: Any) -> Any:
    """Return a mask as booleans (..., tokens) of the logits' kind, or raise ParameterError."""
    _check_shape(logits)
    shape = tuple(logits.shape[:-1])
    allowed = f"of true (counts) or false, one a token: of a shape that broadcasts to {shape}"
    try:
        flags = np.asarray(mask.detach().cpu() if is_tensor(mask) else mask)
        if flags.dtype.kind not in "biu" or is_masked(mask) or np.any(flags != flags.astype(bool)):
            raise ParameterError("mask", mask, allowed)
        flags = np.broadcast_to(flags.astype(bool), shape).copy()
    except (ValueError, TypeError, RuntimeError) as error:
        raise ParameterError("mask", mask, allowed) from error
    if not flags.any(axis=-1).all():
        raise ParameterError("mask", mask, "true for one token at least in every batch")
    return namespace(logits).as_tensor(flags, device=logits.device) if is_tensor(logits) else flags


def examine(values: Any) -> None:
    """Raise ParameterError for a token that no expert can take, and warn of what looks like probabilities."""
    lost = (values == -np.inf).all(-1)
    if lost.any():
        place = ", ".join(str(int(i)) for i in np.argwhere(lost.cpu().numpy() if is_tensor(lost) else lost)[0])
        raise ParameterError(f"logits[{place}]", "-inf for every expert", "above -inf for one expert at least")
    if values.min() < 0.0 or values.max() > 1.0:
        return
    total = values.sum(-1)
    sums = (abs(total - 1.0) <= _ROUNDING) | (total == 0.0)  # tokens left out by a mask are 0
    if sums.all() and ((values > 0.0) & (values < 1.0)).any():
        warnings.warn(
            "logits look like probabilities: those of each token lie between 0 and 1 and sum to 1; "
            "where they are, pass the logits themselves, or the logarithms of the probabilities",
            stacklevel=5,
        )


def infinite(value: Any) -> int:
    """Return 1 for +inf and -1 for -inf of any kind, and 0 for everything else."""
    if isinstance(value, str):
        word = value.strip().lower()
        return -1 if word[:1] == "-" and word[1:] in _INFINITY else int(word.removeprefix("+") in _INFINITY)
    return int(bool(value == np.inf)) - int(bool(value == -np.inf))


def contenders(name: str, row: Sequence[Any]) -> list[Any]:
    """Return one token's logits, in any exact kind, with None for each expert that cannot be chosen."""
    signs = [infinite(value) for value in row]
    if max(signs) < 0:
        raise ParameterError(name, list(row), "above -inf for one expert at least")
    if max(signs) > 0:
        return [0 if sign > 0 else None for sign in signs]
    return [None if sign else value for sign, value in zip(signs, row, strict=True)]


def _finite_above(values: Any) -> Any:
    """Return 0 for +inf, and -inf for what stands beside it."""
    wins = namespace(values).amax(values, -1)[..., None] == np.inf
    if not is_tensor(values) and not wins.any():
        return values
    return where(wins, where(values == np.inf, 0.0, where(wins, -np.inf, values)), values)


def _array(logits: Any) -> Any:
    try:
        return np.asarray(logits)
    except (ValueError, TypeError) as error:
        raise ParameterError("logits", logits, f"{EXTENDED}, in a regular array") from error


def _check_shape(logits: Any) -> None:
    if logits.ndim < 2 or logits.shape[-1] < 2:
        raise ParameterError("logits", tuple(logits.shape), "of shape (..., tokens, K) with K >= 2")


def _unmasked(logits: Any, mask: Any) -> Any:
    """Return which tokens a masked array leaves in, of those that the mask does."""
    hidden = np.ma.getmaskarray(logits)
    _check_shape(hidden)
    if np.any(hidden.any(axis=-1) != hidden.all(axis=-1)):
        raise ParameterError("logits", logits, "masked in whole tokens; an expert that cannot be chosen has -inf")
    return ~hidden.all(axis=-1) if mask is None else ~hidden.all(axis=-1) & tokens_kept(mask, hidden)
