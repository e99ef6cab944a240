"""The response of a router whose margins were recorded (docs/theory.md, sections 4 and 6)."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, POSITIVE, Array, ParameterError, constant, number
from moecusp._numerics.gauss import erf, product
from moecusp._numerics.gradients import last_on_host
from moecusp.responses.base import LoadResponse
from moecusp.responses.condensed import condensed
from moecusp.responses.equilibria import roots
from moecusp.responses.softmax import SoftmaxResponse

_NO_DENSITY = "> 0 for slopes and folds: a finite sample has no density"


class EmpiricalResponse(LoadResponse):
    """The response of a real two-expert router, from its recorded logit margins a1 - a2, one per token.

    Hard top-1 routing with margins blurred by known Gaussian jitter (of the inputs or of the logits):
    G(z) = mean over tokens of erf((z + margin)/(jitter sqrt 2)). Soft routing: mean of tanh(beta (z + margin)/2).

    Parameters
    ----------
    margins : array_like
        Margins (score), any shape, at least one.
    inverse_temperature : float
        beta > 0 (1/score) of soft routing; inf, the default, for hard top-1.
    jitter : float
        Standard deviation (score) of Gaussian noise on the margin under hard routing, >= 0. With 0 the response is a
        staircase: it has values, but slopes and folds only with a jitter > 0.

    Raises
    ------
    ParameterError
        If an argument is out of range, or jitter is combined with soft routing.

    Notes
    -----
    Not odd in general, so the pitchfork is already unfolded: ask for `folds` and `equilibria` rather than for one
    critical feedback.

    Many tokens cost no more than few: where they lie close, within bins of 2/beta or of half a jitter, the mean over
    them is one over 24 points of each bin, with weights from their moments. That is off by less than 1e-16 of the
    largest value of G and G' (docs/responses.md), beside rounding. Where that saves nothing, one function
    evaluation per token and point.

    `folds` and `equilibria` are complete but for one case: two turning points of the slope within 1/50 of the jitter
    (or of 2/beta) of each other, which are seen only together with a sign of G'' between them on the search grid.

    References
    ----------
    Statements ``response.critical`` and ``response.fold_curve``; docs/theory.md, sections 4 and 6.

    Examples
    --------
    >>> from moecusp import EmpiricalResponse
    >>> response = EmpiricalResponse([-1.0, 0.0, 1.0], jitter=0.5)
    >>> round(float(response.critical_feedback()), 6)
    1.479511
    """

    def __init__(self, margins: Any, inverse_temperature: float = math.inf, jitter: float = 0.0) -> None:
        self.margins = np.sort(constant("margins", margins).ravel())
        self.margins.flags.writeable = False
        self.hard = inverse_temperature == math.inf
        self.inverse_temperature = (
            math.inf if self.hard else number("inverse_temperature", inverse_temperature, POSITIVE)
        )
        self.jitter = number("jitter", jitter, NON_NEGATIVE)
        if self.jitter and not self.hard:
            raise ParameterError("jitter", jitter, "0 with soft routing (finite inverse_temperature)")

    def _value(self, z: Array) -> Array:
        if self.hard and not self.jitter:
            below = np.searchsorted(self.margins, -z, side="left")
            above = self.margins.size - np.searchsorted(self.margins, -z, side="right")
            return np.asarray((above - below) / self.margins.size)
        if self.hard:
            mean = self._mean(lambda margin: erf(margin / (self.jitter * math.sqrt(2.0))), z, 1.0)
        else:
            mean = self._mean(lambda margin: np.asarray(np.tanh(0.5 * self.inverse_temperature * margin)), z, 1.0)
        return np.clip(mean, -1.0, 1.0)

    def _slope(self, z: Array) -> Array:
        if not self.hard:
            return self._mean(self._soft_slope, z)
        if not self.jitter:
            raise ParameterError("jitter", self.jitter, _NO_DENSITY)
        peak = math.sqrt(2.0 / math.pi) / self.jitter
        return self._mean(lambda margin: peak * np.exp(-0.5 * (margin / self.jitter) ** 2), z)

    def _soft_slope(self, margin: Array) -> Array:
        """Return 2 beta q/(1 + q)^2, q = exp(-beta |margin|): each token to some ulps, for a mean over many."""
        x, low = product(np.full_like(margin, self.inverse_temperature), np.abs(margin))
        root = np.exp(-0.5 * x) * (1.0 - 0.5 * low)
        return np.asarray((2.0 * self.inverse_temperature * root / (1.0 + root * root) ** 2) * root)

    @property
    def _scale(self) -> float:
        return self.jitter if self.hard else 2.0 / self.inverse_temperature

    @property
    def _reach(self) -> float:
        """How far from a tie a token's slope is below the smallest float."""
        return (39.0 if self.hard else 380.0) * self._scale

    def _bend(self, z: Array) -> Array:
        """Return G'' up to a positive factor."""
        if not self.hard:
            soft = SoftmaxResponse(self.inverse_temperature)
            return self._mean(lambda margin: -soft._value(margin) * self._soft_slope(margin), z)
        return self._mean(lambda margin: -margin * np.exp(-0.5 * (margin / self.jitter) ** 2), z)

    def _tilt(self, z: Any) -> Any:
        return last_on_host(self._relative_bend, z)

    def _relative_bend(self, z: Array) -> Array:
        """Return G''/G'."""
        if self.hard:
            self._slope(z[..., None].ravel()[:1])  # complains where there is no density
            peak = math.sqrt(2.0 / math.pi) / self.jitter**3
        else:
            peak = self.inverse_temperature
        return peak * self._bend(z) / self._slope(z)

    def _turns(self) -> Array:
        return self._turning_points

    @cached_property
    def _turning_points(self) -> Array:
        """Turning points of the slope: all lie among the negated margins, beyond which every token's slope falls."""
        if self.hard and not self.jitter:
            raise ParameterError("jitter", self.jitter, _NO_DENSITY)
        low, high = -self.margins[-1] - 0.5 * self._scale, -self.margins[0] + 0.5 * self._scale
        count = (
            2 * math.ceil(25.0 * (high - low) / self._scale) + 2
        )  # even, so that a point of symmetry is none of them
        if count > 1_000_000:
            raise ParameterError(*self._width, "wide enough for a search grid of a million points over the margins")
        return roots(self._bend, np.linspace(low, high, count))

    @property
    def _width(self) -> tuple[str, float]:
        return ("jitter", self.jitter) if self.hard else ("inverse_temperature", self.inverse_temperature)

    def _zero(self) -> float:
        return float(roots(self._value, np.array([-self.margins[-1] - self._scale, -self.margins[0] + self._scale]))[0])

    @cached_property
    def _measure(self) -> tuple[Array, Array | None]:
        """Where functions are evaluated, and the weights if these are not the margins themselves."""
        width = self._scale * (0.5 if self.hard else 1.0)
        return condensed(self.margins, width) or (self.margins, None)

    def _mean(self, function: Any, z: Array, far: float = 0.0) -> Array:
        """Return the mean over the margins of a function of z + margin that is +-far beyond `_reach`."""
        points, weights = self._measure
        flat = z.ravel()
        found = np.empty_like(flat)
        chunk = max(1, 2_000_000 // points.size)
        with np.errstate(all="ignore"):
            for i in range(0, flat.size, chunk):
                at = flat[i : i + chunk]
                low, high = np.searchsorted(points, [-at.max() - self._reach, self._reach - at.min()])
                values = function(at[:, None] + points[low:high])
                if weights is None:
                    beyond = far * (points.size - high - low)
                    found[i : i + chunk] = (values.sum(axis=1) + beyond) / points.size
                else:
                    beyond = far * (weights[high:].sum() - weights[:low].sum())
                    found[i : i + chunk] = (values * weights[low:high]).sum(axis=1) + beyond
        return found.reshape(z.shape)
