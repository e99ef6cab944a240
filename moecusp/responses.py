"""Load responses G: how the imbalance of the load follows the score difference z = s1 - s2 (docs/theory.md, section 4).

The score difference obeys dz/dt = kappa G(z) - mu z + h. Everything the two-expert softmax router does it does through
G = tanh; a router with another response has its own critical feedback mu/G'(0) and its own fold curve.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import NON_NEGATIVE, POSITIVE, REAL, Array, ParameterError, number, real, reals


class ResponseEquilibria(NamedTuple):
    """Equilibria of dz/dt = kappa G(z) - mu z + h.

    Attributes
    ----------
    z : ndarray
        Score differences (score), ascending.
    imbalance : ndarray
        G(z) = p1 - p2 at each.
    stable : ndarray of bool
        Where kappa G'(z) < mu.
    """

    z: Array
    imbalance: Array
    stable: NDArray[np.bool_]


class LoadResponse(ABC):
    """An increasing bounded function G from the score difference (score) to the imbalance in [-1, 1].

    A subclass gives `_value`, `_slope` and `_scale`, the length (score) over which G varies.
    """

    @abstractmethod
    def _value(self, z: Array) -> Array: ...

    @abstractmethod
    def _slope(self, z: Array) -> Array: ...

    @property
    @abstractmethod
    def _scale(self) -> float: ...

    def value(self, z: Any) -> Any:
        """Return the imbalance G(z) for score differences z (score), of the shape of z."""
        (x,), restore = reals(z=(z, REAL))
        return restore(self._value(x))

    def slope(self, z: Any) -> Any:
        """Return G'(z) (1/score) for score differences z (score), of the shape of z."""
        (x,), restore = reals(z=(z, REAL))
        return restore(self._slope(x))

    def critical_feedback(self, decay: Any = 1.0) -> Any:
        """Return kappa_c = mu/G'(0) (score/time), where the state z = 0 loses stability if it is an equilibrium.

        Statement ``response.critical``; decay mu > 0 (1/time).
        """
        (mu,), restore = reals(decay=(decay, POSITIVE))
        return restore(mu / self._slope(np.zeros(())))

    def fold_curve(self, z: Any, decay: Any = 1.0) -> tuple[Any, Any]:
        """Return (feedback, asymmetry), both score/time, of the fold at score difference z.

        kappa = mu/G'(z) and h = mu (z - G(z)/G'(z)) (statement ``response.fold_curve``); they broadcast. Where G is
        flat to within the range of a float the feedback is inf: there is no fold.
        """
        (x, mu), restore = reals(z=(z, REAL), decay=(decay, POSITIVE))
        with np.errstate(divide="ignore", over="ignore"):
            feedback = mu / self._slope(x)
            return restore(feedback), restore(mu * x - feedback * self._value(x))

    def equilibria(self, feedback: float, decay: float = 1.0, asymmetry: float = 0.0) -> ResponseEquilibria:
        """Return all equilibria of one router, found on a grid of 1/50 of the scale of G and then polished.

        Two equilibria closer together than a grid step can be missed: that near a fold their number is uncertain.
        """
        kappa, mu = number("feedback", feedback, POSITIVE), number("decay", decay, POSITIVE)
        h = number("asymmetry", asymmetry)
        reach = (kappa + abs(h)) / mu

        def field(z: Array) -> Array:
            return kappa * self._value(z) - mu * z + h

        z = self._roots(field, reach)
        return ResponseEquilibria(z, self._value(z), kappa * self._slope(z) < mu)

    def folds(self, feedback: float, decay: float = 1.0) -> tuple[Array, Array]:
        """Return (z, asymmetry) of every fold at one feedback: where kappa G'(z) = mu, with h = mu z - kappa G(z)."""
        kappa, mu = number("feedback", feedback, POSITIVE), number("decay", decay, POSITIVE)

        def excess(z: Array) -> Array:
            return kappa * self._slope(z) - mu

        z = self._roots(excess, self._reach(kappa / mu))
        return z, mu * z - kappa * self._value(z)

    def feedback_folds(self, max_feedback: float, decay: float = 1.0, asymmetry: float = 0.0) -> tuple[Array, Array]:
        """Return (z, feedback) of every fold at one asymmetry, up to a largest feedback: where h(z) = asymmetry.

        Sweeping the feedback through them makes a pair of equilibria appear or vanish. An equilibrium z = 0 that
        exists for every feedback loses stability at `critical_feedback`, which is no fold and not among them unless
        G is odd: then that point is the pitchfork, where h(z) = 0 to third order.
        """
        top, mu = number("max_feedback", max_feedback, POSITIVE), number("decay", decay, POSITIVE)
        h = number("asymmetry", asymmetry)

        def excess(z: Array) -> Array:
            return (mu * z - h) * self._slope(z) - mu * self._value(z)

        z = self._roots(excess, self._reach(top / mu))
        feedback = mu / self._slope(z)
        return z[feedback <= top], feedback[feedback <= top]

    def _reach(self, ratio: float) -> float:
        """Return a distance from 0 beyond which the slope of G is below 1/ratio."""
        reach = self._scale
        while np.any(self._slope(reach * np.array([-8.0, -4.0, -2.0, -1.0, 1.0, 2.0, 4.0, 8.0])) > 1.0 / ratio):
            reach *= 2.0
        return 8.0 * reach

    def _roots(self, function: Any, reach: float) -> Array:
        from scipy.optimize import elementwise

        # an odd number of points, none of them the symmetric point 0, so that a root there is bracketed
        count = 2 * math.ceil(50.0 * reach / self._scale) + 2
        if count > 10_000_000:
            raise ParameterError("feedback", reach, "small enough for a search grid of 10 million points")
        grid = np.linspace(-reach * (1 + 1e-9), reach * (1 + 1e-9), count)
        signs = np.sign(function(grid))
        left = np.flatnonzero(signs[:-1] * signs[1:] < 0)
        if not left.size:
            return np.empty(0)
        found = elementwise.find_root(function, (grid[left], grid[left + 1]))
        return np.asarray(found.x, dtype=np.float64)


class SoftmaxResponse(LoadResponse):
    """G(z) = tanh(beta z/2): sampling from the softmax of two scores.

    Parameters
    ----------
    inverse_temperature : float
        beta > 0 (1/score).

    Raises
    ------
    ParameterError
        If inverse_temperature is out of range.

    Examples
    --------
    >>> from moecusp import SoftmaxResponse
    >>> float(SoftmaxResponse().critical_feedback(decay=1.0))
    2.0
    """

    def __init__(self, inverse_temperature: float = 1.0) -> None:
        self.inverse_temperature = number("inverse_temperature", inverse_temperature, POSITIVE)

    def _value(self, z: Array) -> Array:
        return np.asarray(np.tanh(0.5 * self.inverse_temperature * z))

    def _slope(self, z: Array) -> Array:
        return _soft_slope(self.inverse_temperature, z)

    @property
    def _scale(self) -> float:
        return 2.0 / self.inverse_temperature


class HardGaussianResponse(LoadResponse):
    """G(z) = erf(z/(sigma sqrt 2)): hard top-1 selection with margins N(0, sigma^2).

    Parameters
    ----------
    sigma : float
        Standard deviation of the logit margin, > 0 (score).

    Raises
    ------
    ParameterError
        If sigma is out of range.

    Examples
    --------
    >>> from moecusp import HardGaussianResponse
    >>> round(float(HardGaussianResponse(sigma=2.0).critical_feedback()), 12)
    2.506628274631
    """

    def __init__(self, sigma: float = 1.0) -> None:
        self.sigma = number("sigma", sigma, POSITIVE)

    def _value(self, z: Array) -> Array:
        return _erf(z / (self.sigma * math.sqrt(2.0)))

    def _slope(self, z: Array) -> Array:
        return np.asarray(np.exp(-0.5 * (z / self.sigma) ** 2) * (math.sqrt(2.0 / math.pi) / self.sigma))

    @property
    def _scale(self) -> float:
        return self.sigma


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
    critical feedback. Cost: one function evaluation per token and point.

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
        self.margins = np.sort(real("margins", margins).ravel())
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
            return self._mean(lambda margin: _erf(margin / (self.jitter * math.sqrt(2.0))), z)
        return self._mean(lambda margin: np.asarray(np.tanh(0.5 * self.inverse_temperature * margin)), z)

    def _slope(self, z: Array) -> Array:
        if not self.hard:
            return self._mean(lambda margin: _soft_slope(self.inverse_temperature, margin), z)
        if not self.jitter:
            raise ParameterError("jitter", self.jitter, "> 0 for slopes and folds: a finite sample has no density")
        peak = math.sqrt(2.0 / math.pi) / self.jitter
        return self._mean(lambda margin: peak * np.exp(-0.5 * (margin / self.jitter) ** 2), z)

    @property
    def _scale(self) -> float:
        return self.jitter if self.hard else 2.0 / self.inverse_temperature

    def _mean(self, function: Any, z: Array) -> Array:
        flat = z.ravel()
        chunk = max(1, 2_000_000 // self.margins.size)
        parts = [function(flat[i : i + chunk, None] + self.margins).mean(axis=1) for i in range(0, flat.size, chunk)]
        return np.asarray(np.concatenate(parts).reshape(z.shape))


def _erf(x: Array) -> Array:
    from scipy.special import erf

    return np.asarray(erf(x))


def _soft_slope(inverse_temperature: float, z: Array) -> Array:
    """Return d/dz tanh(beta z/2) = (beta/2) sech^2(beta z/2)."""
    decayed = np.exp(-inverse_temperature * np.abs(z))
    return np.asarray(2.0 * inverse_temperature * decayed / (1.0 + decayed) ** 2)
