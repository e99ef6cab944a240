"""Load responses G: how the imbalance of the load follows the score difference z = s1 - s2 (docs/theory.md, section 4).

The score difference obeys dz/dt = kappa G(z) - mu z + h. Everything the two-expert softmax router does it does through
G = tanh; a router with another response has its own critical feedback mu/G'(0) and its own fold curve.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, REAL, Array, ParameterError, Range, constant, number, reals
from moecusp._numerics.gradients import evaluate
from moecusp._numerics.kernels import cube_root
from moecusp._numerics.operations import is_tensor, on_host
from moecusp.rates import AIRY_ZERO
from moecusp.responses.equilibria import ResponseEquilibria, roots


class LoadResponse(ABC):
    """An increasing bounded function G from the score difference (score) to the imbalance in [-1, 1].

    A subclass gives `_value`, `_slope` and `_scale`, the length (score) over which G varies. If it is not odd with a
    slope that falls on z > 0, it also gives `_turns` and `_zero`. For `ramp_delay`, and for second derivatives of
    tensors, it gives `_tilt`.

    `value`, `slope`, `critical_feedback` and `fold_curve` take NumPy arrays and torch tensors, with their gradients;
    the other methods, and the parameters of a response, are plain numbers.
    """

    _portable = False  # whether the kernels below take tensors as they stand; otherwise they run on the host

    @abstractmethod
    def _value(self, z: Array) -> Array: ...

    @abstractmethod
    def _slope(self, z: Array) -> Array: ...

    @property
    @abstractmethod
    def _scale(self) -> float: ...

    def _lag(self, z: Array) -> Array:
        """Return z - G/G', which cancels near z = 0 unless a subclass knows better."""
        with np.errstate(all="ignore"):
            return np.asarray(z - self._value(z) / self._slope(z))

    def _turns(self) -> Array:
        """Return, ascending, where the slope turns from rising to falling or back."""
        return np.zeros(1)

    def _zero(self) -> float:
        """Return where G vanishes."""
        return 0.0

    def _at(self, kernel: Callable[[Any], Any], z: Any) -> Any:
        """Return what a kernel of this response gives at z: on the device of a tensor where it is written for that."""
        return kernel(z) if self._portable else on_host(kernel, z)

    def _tilt(self, z: Any) -> Any:
        """Return G''/G', of a tensor so that it can be differentiated."""
        raise NotImplementedError(f"{type(self).__name__} declares no derivative of its slope")

    def value(self, z: Any) -> Any:
        """Return the imbalance G(z) for score differences z (score), of the shape of z."""

        def function(z: Any) -> Any:
            (x,), restore = reals(z=(z, REAL))
            return restore(self._at(self._value, x))

        return evaluate(function, lambda x, _: (self.slope(x),), z)

    def slope(self, z: Any) -> Any:
        """Return G'(z) (1/score) for score differences z (score), of the shape of z."""

        def function(z: Any) -> Any:
            (x,), restore = reals(z=(z, REAL))
            return restore(self._at(self._slope, x))

        return evaluate(function, lambda x, slope: (self._tilt(x) * slope,), z)

    def critical_feedback(self, decay: Any = 1.0) -> Any:
        """Return kappa_c = mu/G'(0) (score/time), where the state z = 0 loses stability if it is an equilibrium.

        Statement ``response.critical``; decay mu > 0 (1/time).
        """
        (mu,), restore = reals(decay=(decay, POSITIVE))
        return restore(mu / float(self._slope(np.zeros(()))))

    def largest_slope(self) -> float:
        """Return the largest G'(z) (1/score): below the feedback mu over it no asymmetry has a fold.

        As complete as `folds`.
        """
        return float(np.max(self._slope(np.append(self._turns(), 0.0))))

    def fold_curve(self, z: Any, decay: Any = 1.0) -> tuple[Any, Any]:
        """Return (feedback, asymmetry), both score/time, of the fold at score difference z.

        kappa = mu/G'(z) and h = mu (z - G(z)/G'(z)) (statement ``response.fold_curve``); they broadcast. Where G is
        flat to within the range of a float the feedback is inf: there is no fold. Near z = 0, where h ~ z^3, the odd
        members keep all digits of h. That of an empirical response is accurate to a few units in the last place of
        mu z: such a response is not odd, and its h has no zero of third order to resolve.
        """

        def feedback(z: Any, decay: Any) -> Any:
            (x, mu), restore = reals(z=(z, REAL), decay=(decay, POSITIVE))
            with np.errstate(all="ignore"):
                return restore(mu / self._at(self._slope, x))

        def asymmetry(z: Any, decay: Any) -> Any:
            (x, mu), restore = reals(z=(z, REAL), decay=(decay, POSITIVE))
            with np.errstate(all="ignore"):
                return restore(mu * self._at(self._lag, x) + 0.0)

        def along(z: Any, decay: Any, kappa: Any) -> tuple[Any, Any]:
            return -self._tilt(z) * kappa, kappa / decay

        def across(z: Any, decay: Any, h: Any) -> tuple[Any, Any]:  # dh = -G d kappa along the curve
            return self._tilt(z) * self.value(z) * evaluate(feedback, along, z, decay), h / decay

        return evaluate(feedback, along, z, decay), evaluate(asymmetry, across, z, decay)

    def equilibria(self, feedback: float, decay: float = 1.0, asymmetry: float = 0.0) -> ResponseEquilibria:
        """Return all equilibria of one router, one from each stretch between folds on which the field is monotone.

        None is missed unless a fold is (see `folds`). Two that are closer than rounding can tell count as none.
        """
        kappa, mu = number("feedback", feedback, POSITIVE), number("decay", decay, POSITIVE)
        h = number("asymmetry", asymmetry)
        reach = (kappa + abs(h)) / mu * (1 + 1e-9)
        if not 0.0 < reach < np.inf:
            raise ParameterError("feedback", feedback, "such that (feedback + |asymmetry|)/decay is a float")

        def field(z: Array) -> Array:
            return kappa * self._value(z) - mu * z + h

        folds = self._fold_points(kappa, mu)
        z = roots(field, np.concatenate([[-reach], folds[np.abs(folds) < reach], [reach]]))
        return ResponseEquilibria(z, self._value(z), kappa * self._slope(z) < mu)

    def folds(self, feedback: float, decay: float = 1.0) -> tuple[Array, Array]:
        """Return (z, asymmetry) of every fold at one feedback: where kappa G'(z) = mu, with h = mu z - kappa G(z).

        One is sought in each stretch on which the slope is monotone. For the closed members these stretches are known,
        so none is missed; for an empirical response the turning points of its slope come from a grid.
        """
        kappa, mu = number("feedback", feedback, POSITIVE), number("decay", decay, POSITIVE)
        z = self._fold_points(kappa, mu)
        return z, mu * z - kappa * self._value(z)

    def feedback_folds(self, max_feedback: float, decay: float = 1.0, asymmetry: float = 0.0) -> tuple[Array, Array]:
        """Return (z, feedback) of every fold at one asymmetry, up to a largest feedback: where h(z) = asymmetry.

        Sweeping the feedback through them makes a pair of equilibria appear or vanish. An equilibrium z = 0 that
        exists for every feedback loses stability at `critical_feedback`, which is no fold and not among them unless
        G is odd: then that point is the pitchfork, where h(z) = 0 to third order. As complete as `folds`, for h turns
        where the slope does and where G = 0.
        """
        top, mu = number("max_feedback", max_feedback, POSITIVE), number("decay", decay, POSITIVE)
        h = number("asymmetry", asymmetry)

        def excess(z: Array) -> Array:
            lag, slope = self._lag(z), self._slope(z)
            with np.errstate(invalid="ignore"):
                return mu * np.where(np.isfinite(lag), lag * slope, -self._value(z)) - h * slope

        inner = np.sort([*self._turns(), self._zero()])
        inner = inner[np.concatenate([[True], np.diff(inner) > 1e-9 * self._scale])]
        z = roots(excess, np.concatenate([[self._outside(mu / top, -1)], inner, [self._outside(mu / top, 1)]]))
        with np.errstate(divide="ignore"):
            feedback = mu / self._slope(z)
        return z[feedback <= top], feedback[feedback <= top]

    def ramp_delay(self, rate: Any, z: Any, decay: Any = 1.0) -> Any:
        """Return how far past the fold at z a ramped asymmetry gets before the load jumps: 2.338 rho^(2/3) b^(-1/3).

        Here b = kappa |G''(z)|/2 with the feedback kappa = mu/G'(z) that has its fold at z.

        Parameters
        ----------
        rate : array_like
            Speed rho > 0 at which the asymmetry h moves out through the fold (score/time^2).
        z : array_like
            Score difference of the fold (score), as `folds` returns it.
        decay : array_like
            mu > 0 (1/time).

        Returns
        -------
        float or ndarray
            Delay in h (score/time), > 0, of the broadcast shape; NaN where G'' = 0, for a cusp is no fold, and where G
            is flat to within the range of a float.

        Raises
        ------
        ParameterError
            If an argument is out of range, the shapes do not broadcast, or a tensor asks for a gradient.

        Notes
        -----
        Leading order for slow ramps; relative corrections are of order rho^(1/3). In the reduced variables of the
        softmax router it is `moecusp.ramp_delay`: beta/(2 mu) times this, at the rate beta rho/(2 mu^2). G'' comes from
        its own formula in every member, not from differences.

        References
        ----------
        Statement ``ramp.delay``; docs/theory.md, section 7.

        Examples
        --------
        >>> from moecusp import HardGaussianResponse
        >>> response = HardGaussianResponse(sigma=2.0)
        >>> z, asymmetry = response.folds(feedback=4.0)
        >>> response.ramp_delay(1e-3, z).round(6)
        array([0.037535, 0.037535])
        """
        (rho, x, mu), restore = reals(
            rate=(_plain("rate", rate, POSITIVE), POSITIVE),
            z=(_plain("z", z), REAL),
            decay=(_plain("decay", decay, POSITIVE), POSITIVE),
        )
        with np.errstate(all="ignore"):
            bend = 0.5 * np.abs(self._tilt(x))
            there = (bend > 0.0) & (bend < np.inf) & (self._slope(x) > 0.0)
            delay = AIRY_ZERO * (cube_root(rho) ** 2 / (cube_root(mu) * cube_root(np.where(there, bend, 1.0))))
        return restore(np.where(there, delay, np.nan))

    def _fold_points(self, kappa: float, mu: float) -> Array:
        def excess(z: Array) -> Array:
            return kappa * self._slope(z) - mu

        ends = self._outside(mu / kappa, -1), self._outside(mu / kappa, 1)
        return roots(excess, np.array([ends[0], *self._turns(), ends[1]]))

    def _outside(self, slope: float, side: int) -> float:
        """Return a point beyond the last turning point on one side, from which on the slope of G is below a value."""
        step = self._scale
        last = float(self._turns()[0 if side < 0 else -1])
        while self._slope(np.asarray(last + side * step)) > slope:
            step *= 2.0
        return last + side * step


def _plain(name: str, value: object, allowed: Range = REAL) -> object:
    return constant(name, value, allowed) if is_tensor(value) else value
