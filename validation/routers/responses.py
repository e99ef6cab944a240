"""What the first half of the tokens says of a router's response: susceptibilities, one token's covariance, errors."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import critical_feedback_from_logits, hard_susceptibility, susceptibility
from validation.devices import cached
from validation.routers.modes import Loads, threshold
from validation.routers.profiles import Band, Trained
from validation.routers.recorded import Case, balanced, recorded, spread

Array = NDArray[np.float64]


class Response(NamedTuple):
    """Of routers balanced on the first half; the first axis is that of the routers."""

    load: Array
    """Susceptibility chi of the loads (1/score), shape (routers, experts, experts)."""
    soft: Array
    """That of the mean probabilities."""
    critical: Array
    """Critical feedback over the decay (score), 1/lambda_max of `load`."""
    cold: Array
    """The same of probabilities of inverse temperature 1."""
    covariance: Array
    """Of one token's slot shares."""
    error: Array
    """Half the logarithm of the ratio of the critical feedbacks by two parts of the tokens, of some routers."""


def first(p: Trained, case: Case, seed: int, routers: int) -> Response:
    """Record and balance the first routers of a case on the first half of their tokens."""
    every = _first(p, case, seed)
    fewer = {name: each[:routers] for name, each in every._asdict().items() if name != "error"}
    return every._replace(**fewer)


@cached(8)
def _first(p: Trained, case: Case, seed: int) -> Response:
    raw, beta = recorded(p, case, seed), p.inverse_temperature
    loads = case.loads(beta)
    at = balanced(raw, loads)
    few = raw[: p.parted]
    # copies stand an even number of tokens apart, so that every second of them is every second token
    parts = [_critical(p, case, balanced(few[..., k::2], loads)) for k in (0, 1)]
    load = None if case.soft else tie_graphs(p, case, at)
    # probabilities tell far more than ties: the first copies are enough of them
    logits = _logits(at if case.soft else at[..., : p.text_tokens])
    soft = np.asarray(susceptibility(logits, beta))
    return Response(
        load=soft if load is None else load,
        soft=soft,
        critical=np.asarray(critical_feedback_from_logits(logits, 1.0, beta)) if load is None else 1.0 / top(load),
        cold=np.asarray(critical_feedback_from_logits(logits)),
        covariance=covariance(at, loads),
        error=0.5 * np.log(parts[0] / parts[1]),
    )


def top(matrices: Array) -> Array:
    """Return the largest eigenvalues."""
    return np.asarray(np.linalg.eigvalsh(matrices)[..., -1])


def widths(p: Trained, case: Case, logits: Tensor) -> Tensor:
    """Return how near to a tie counts (score), shape (routers,): a share of the spread, or one of tokens if less."""
    wide = p.width * spread(logits)
    if case.soft:
        return wide
    some = logits[..., ::3]
    margin = threshold(some, case.chosen) - threshold(some, case.chosen + 1)
    return torch.minimum(wide, margin.quantile(p.near, dim=-1))


def tie_graphs(p: Trained, case: Case, logits: Tensor) -> Array:
    """Return the susceptibilities of the slot shares of hard selection, from logits (routers, experts, tokens)."""
    each = zip(_logits(logits), widths(p, case, logits).tolist(), strict=True)
    return np.stack([tie_graph(x, case.chosen, width) for x, width in each])


def tie_graph(logits: Array, chosen: int, width: float) -> Array:
    """Return the susceptibility of the slot shares of top-k routing from logits (tokens, experts).

    The set of chosen experts changes where the k-th and the next largest are equal: those above them are left out, and
    the library's estimate for top-1 routing gives the rest; a slot is 1/k of a token's share. From three experts on a
    third logit can lie between two, and the estimate is off in proportion to the width: twice that of one width less
    that of two is not.
    """
    x = logits.copy()
    if chosen > 1:
        above = np.argpartition(-x, chosen - 2, axis=1)[:, : chosen - 1]
        np.put_along_axis(x, above, -np.inf, axis=1)
    found = np.asarray(hard_susceptibility(x, width).susceptibility)
    if x.shape[1] > 2:
        found = 2.0 * found - np.asarray(hard_susceptibility(x, 2.0 * width).susceptibility)
    return found / chosen


def covariance(logits: Tensor, loads: Loads) -> Array:
    """Return the covariance of one token's slot shares: of the experts it is sampled for, or chosen for.

    Experts that tie for the last slots share them, else the rows would not add up to 0.
    """
    if loads.inverse_temperature is not None:
        mean = torch.softmax(loads.inverse_temperature * logits, dim=1).mean(dim=-1)
        second = torch.diag_embed(mean)
    else:
        level = threshold(logits, loads.chosen)[:, None]
        above, tied = (logits > level).float(), (logits == level).float()
        left = (loads.chosen - above.sum(dim=1, keepdim=True)) / tied.sum(dim=1, keepdim=True)
        taken = (above + left * tied) / loads.chosen
        mean, second = taken.mean(dim=-1), taken @ taken.mT / taken.shape[-1]
    return (second - mean[..., None] * mean[..., None, :]).double().numpy()


class Bands(Protocol):
    """A floor, and a share of the standard error."""

    @property
    def floor(self) -> float:
        """Of the band."""

    @property
    def errors(self) -> float:
        """Standard errors of one router's prediction that are added."""


def band(p: Bands, error: Array) -> Band:
    """Return the accepted band of a mean logarithm, given the `Response.error` of the first routers."""
    reach = p.floor + p.errors * standard_error(error)
    return -reach, reach


def standard_error(error: Array) -> float:
    """Return that of the logarithm of measured over predicted, each half of the tokens having its own."""
    return float(np.sqrt(2.0 * np.mean(error**2)))


def _critical(p: Trained, case: Case, logits: Tensor) -> Array:
    if case.soft:
        return np.asarray(critical_feedback_from_logits(_logits(logits), 1.0, p.inverse_temperature))
    return 1.0 / top(tie_graphs(p, case, logits))


def _logits(logits: Tensor) -> Array:
    return np.asarray(logits.mT.double().numpy())
