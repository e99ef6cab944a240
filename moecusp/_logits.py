"""The one place where recorded logits are read: which tokens count, what an infinity means, and what is refused.

-inf marks an expert that cannot be chosen; +inf wins, shared among several; NaN, and a token that no expert can take,
are refused. A mask leaves tokens out: what stands there is not looked at.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from moecusp._arguments import Array, ParameterError, Range, Restore, dense, is_masked, reals
from moecusp._numerics.gradients import checked
from moecusp._numerics.operations import is_tensor, namespace, where

_ROUNDING = 2.0**-8  # by how much the sum of probabilities may miss 1: that of bfloat16 ones does
_INFINITY = ("inf", "infinity", "oo")
_BLOCK = 1 << 17  # numbers computed with at once: what a core keeps near
_MANY = 128  # experts, from which on matrices of their size are added up for four times as many numbers
_GLANCE = 1000  # tokens that must look like probabilities before all are looked at


class _Extended(Range):
    """The real numbers and the two infinities."""

    def holds(self, values: Any) -> Any:
        return values == values

    def __str__(self) -> str:
        return "real, or -inf for an expert that cannot be chosen"


EXTENDED = _Extended()


class Logits(NamedTuple):
    """Logits, shape (..., tokens, K), and which tokens count.

    Of a tensor `values` are float64 and examined; of an array they are the caller's own, which `blocks` examines and
    converts part by part. `kept`, shape (..., tokens), is None where all count; `restore` gives a result the caller's
    type.
    """

    values: Any
    kept: Any
    restore: Restore

    @property
    def tokens(self) -> Any:
        """Number of tokens that count; of each batch (...) where there is a mask."""
        return self.values.shape[-2] if self.kept is None else self.kept.sum(-1)

    def blocks(self, together: int = 1) -> Iterator[tuple[int, Array, Array]]:
        """Yield the tokens of an array that count, in float64: their batch's number, their places in it, and they.

        So many tokens as stand together, counted from the first of a batch, come in one block.
        """
        *shape, tokens, experts = self.values.shape
        step = max(1, (_BLOCK if experts < _MANY else 4 * _BLOCK) // (experts * together)) * together
        for row, place in enumerate(np.ndindex(*shape)):
            for start in range(0, tokens, step):
                part = slice(start, start + step)
                places = np.arange(start, min(start + step, tokens))
                block = self.values[place][part]
                if self.kept is not None:
                    counted = self.kept[place][part]
                    block, places = block[counted], places[counted]
                if places.size:
                    yield row, places, _sound(block.astype(np.float64, copy=False), place, places)


def read(logits: Any, mask: Any = None, beside: Sequence[Any] = ()) -> Logits:
    """Return logits to average over; as a tensor if anything that stands beside them is one."""
    if is_masked(logits):
        mask = _unmasked(logits, mask)
        logits = logits.data
    tensor = next(filter(is_tensor, [logits, *beside]), None)
    single = isinstance(logits, np.ndarray) and logits.dtype.kind == "f" and logits.dtype.itemsize <= 4
    logits = dense("logits", logits, EXTENDED) if is_tensor(logits) else _array(logits)
    kept = None if mask is None else tokens_kept(mask, logits)
    if tensor is None:
        _check_shape(logits)
        found = Logits(logits, kept, lambda result: result.astype(np.float32)[()] if single else result[()])
        _glance(found)
        return found
    if kept is not None:
        logits = namespace(logits).where(kept[..., None], logits, 0)
    (values,), restore = reals(logits=(logits, EXTENDED))
    if not is_tensor(values):
        convert = namespace(tensor).as_tensor
        (values,), restore = reals(logits=(convert(values, device=tensor.device), EXTENDED))
        kept = None if kept is None else convert(kept, device=tensor.device)
    _check_shape(values)
    return Logits(checked(examine, values), kept, restore)


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
    """Raise ParameterError for a token of a tensor that no expert can take, and warn of what looks like probabilities.

    The warning names the caller of the public function whose reading of its logits calls this through `checked`.
    """
    lost = (values == -np.inf).all(-1)
    if lost.any():
        raise _nobody(tuple(int(i) for i in np.argwhere(lost.cpu().numpy())[0]))
    if all(_probabilities(values)):
        _warn_of_probabilities(6)


def _sound(block: Array, batch: tuple[int, ...], places: Array) -> Array:
    """Return tokens in which no logit is NaN and each has an expert, or raise ParameterError."""
    if block.min() > -np.inf:
        return block
    for wrong in (np.argwhere(np.isnan(block)), np.argwhere((block == -np.inf).all(axis=1))):
        if len(wrong):
            place = (*batch, int(places[wrong[0][0]]), *(int(i) for i in wrong[0][1:]))
            if wrong.shape[1] == 1:
                raise _nobody(place)
            raise ParameterError(f"logits[{', '.join(map(str, place))}]", float("nan"), str(EXTENDED))
    return block


def _nobody(place: tuple[int, ...]) -> ParameterError:
    name = f"logits[{', '.join(map(str, place))}]"
    return ParameterError(name, "-inf for every expert", "above -inf for one expert at least")


def _glance(logits: Logits) -> None:
    """Warn of an array of what looks like probabilities: of all tokens, if the first of each batch do."""
    first = logits.values[..., :_GLANCE, :]
    kept = None if logits.kept is None else logits.kept[..., :_GLANCE]
    if not _probabilities(first if kept is None else where(kept[..., None], first, 0))[0]:
        return
    parts = [_probabilities(block) for _, _, block in logits.blocks()]
    if all(fit for fit, _ in parts) and any(open_ for _, open_ in parts):
        _warn_of_probabilities(5)


def _probabilities(values: Any) -> tuple[bool, bool]:
    """Return whether each token's logits lie in [0, 1] and sum to 1, and whether one is neither 0 nor 1."""
    if values.min() < 0.0 or values.max() > 1.0:
        return False, False
    total = values.sum(-1)
    sums = (abs(total - 1.0) <= _ROUNDING) | (total == 0.0)  # tokens left out by a mask are 0
    return bool(sums.all()), bool(((values > 0.0) & (values < 1.0)).any())


def _warn_of_probabilities(level: int) -> None:
    warnings.warn(
        "logits look like probabilities: those of each token lie between 0 and 1 and sum to 1; "
        "where they are, pass the logits themselves, or the logarithms of the probabilities",
        stacklevel=level,
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


def finite_above(values: Any) -> Any:
    """Return 0 for +inf, and -inf for what stands beside it: whom softmax chooses."""
    wins = namespace(values).amax(values, -1)[..., None] == np.inf
    if not is_tensor(values) and not wins.any():
        return values
    return where(wins, where(values == np.inf, 0.0, where(wins, -np.inf, values)), values)


def _array(logits: Any) -> Any:
    try:
        array = np.asarray(logits)
    except (ValueError, TypeError) as error:
        raise ParameterError("logits", logits, f"{EXTENDED}, in a regular array") from error
    if array.dtype.kind not in "iuf":
        raise ParameterError("logits", logits, str(EXTENDED))
    if array.size == 0:
        raise ParameterError("logits", logits, f"{EXTENDED}, and not empty")
    return array


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
