"""Points at which symbolic forms are compared with the numerical functions, and how large an error may be."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath as mp
import sympy as sp
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from moecusp import fold_asymmetry, symbolic
from tests.strategies import log_uniform, routers

DIGITS = 50
ULP = 2.0**-52

# values inside every condition, by the argument's name
INSIDE = {
    "u": 0.75, "gain": 1.75, "asymmetry": 0.125, "feedback": 1.5, "decay": 0.75, "inverse_temperature": 1.25,
    "experts": 5, "favoured": 2, "x": 0.5, "z": 0.5, "sigma": 0.7, "width": 0.3, "mean": 0.2, "temperature": 0.4,
    "terms": 3, "radius": 1.3, "dimension": 4, "ratio_of_weights": 2.5, "curvature": 0.7, "power": 3.0,
    "exponent": 1.5, "step": 0.1, "batch_size": 2, "rate": 0.01, "susceptibility": 0.5, "entropy_weight": 0.3,
    "oracle_weight": 0.5, "balance_weight": 0.7, "threshold": 0.1, "balance_over_oracle": 0.2, "classes": 3,
    "choices": 2,
    "update_rate": 0.9, "eigenvalue": 0.7, "token_variance": 0.1, "drift": 0.2, "bias_step": 0.6, "deviation": 0.4,
    "tie_density": 0.4, "noise": 0.01, "spacing": 0.01, "density": 0.35,
}  # fmt: skip


def inside(form: Any) -> list[Any]:
    """Return arguments that a form accepts."""
    values = [INSIDE[symbolic.ARGUMENTS[v]] for v in form.variables]
    return [0.25] if form is symbolic.flip_step else values


@cache
def lambdified(variables: tuple[Any, ...], expression: Any) -> Callable[..., Any]:
    return sp.lambdify(variables, expression, "mpmath")  # type: ignore[no-any-return]


def evaluate(variables: tuple[Any, ...], expression: Any, *values: Any, digits: int = DIGITS) -> Any:
    """Evaluate an expression in mpmath at numbers; floats are the numbers that they are."""
    with mp.workdps(digits):
        numbers = [v if s is symbolic.N else mp.mpf(v) for s, v in zip(variables, values, strict=True)]
        return lambdified(variables, expression)(*numbers)


def near(value: Any, exact: Any, units: float, scale: Any = 0.0) -> bool:
    """Whether a float is within so many units of the last place of an exact value, or of a larger scale."""
    with mp.workdps(DIGITS):
        size = max(abs(exact), abs(scale), mp.mpf(2) ** -1020)
        return bool(abs(mp.mpf(float(value)) - exact) <= units * ULP * size)


def _signed(low: float, high: float) -> SearchStrategy[float]:
    """0, or 10^x of either sign: what smaller numbers would need is more than 50 digits."""
    return st.one_of(st.just(0.0), log_uniform(low, high), log_uniform(low, high).map(lambda v: -v))


def _off_fold(point: tuple[float, float]) -> bool:
    """Whether a point is not on the float next to a fold, which numerical functions take for the fold itself."""
    return abs(point[1]) != float(fold_asymmetry(point[0]))


differences = _signed(-10.0, 1.3)
gains = st.one_of(log_uniform(-15.6, 1.0).map(lambda d: 1.0 + d), st.floats(1.25, 4.0), log_uniform(1.0, 100.0))
positive = log_uniform(-3.0, 3.0)
counts = st.one_of(st.integers(2, 12), st.integers(2, 10**6))
plane = routers("on_fold", "beside_fold", "inside", "beyond", "pitchfork", "beside_cusp", "critical", "below")
weights = st.one_of(st.just(0.0), positive)
standard = st.floats(-6.0, 6.0)
noisy = st.tuples(
    st.floats(-1.0, 1.0), st.floats(0.3, 1.5), st.floats(-0.2, 0.2), st.floats(0.03, 1.0), st.floats(1.0, 2.0)
)


def _flow(u: float, g: float, eta: float) -> float:
    return max(abs(u), g * abs(float(mp.tanh(u))), abs(eta))


def _depth(u: float, g: float, eta: float) -> float:
    return max(u * u / 2, g * float(mp.log(mp.cosh(u))), abs(eta * u))


def _rates(p: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A rate, by its distance from the threshold 2/lambda, and the rest."""
    return max(2.0 - p[0], 1e-9) / p[1] * (1.0 - 1e-15), p[1], p[2], p[3]


_below_threshold = st.tuples(st.floats(1e-12, 1.999), positive, positive, st.floats(1.0, 1e6)).map(_rates)

crowds = st.integers(1, 40).flatmap(
    lambda c: st.integers(1, 20).flatmap(lambda n: st.tuples(st.just(c + n), st.just(c), st.integers(1, min(n + 1, 3))))
)
_weighted = st.tuples(positive, weights, weights, crowds).map(lambda p: (*p[:3], *p[3]))
_deadly = st.tuples(
    st.floats(1e-9, 0.99), positive, weights, crowds
).map(  # top-1: G > 0 for every threshold
    lambda p: (p[0] / p[3][0], p[1], p[2], *p[3][:2], 1)
)


def _gap(k: int, c: int, n: int) -> float:
    return k / n * (1 / c - (n - 1) / (k - c))


def _lever(k: int, c: int, n: int) -> float:
    """The largest part of log C - D."""
    return float(mp.log(c)) + abs(_gap(k, c, n))


def _pull(h: float, o: float, b: float, k: int, c: int, n: int) -> float:
    return (o + b * _lever(k, c, n)) / (h + b)


def _exponent(h: float, o: float, b: float, k: int, c: int, n: int) -> float:
    return -(o + b * (float(mp.log(c)) - _gap(k, c, n))) / (h + b)


# name: (arguments, units of the last place, scale of the error where it is not the value's own)
POINTS: dict[str, tuple[SearchStrategy[tuple[Any, ...]], float, Callable[..., float] | None]] = {
    "balanced_critical_gain": (st.tuples(counts), 0, None),
    "best_update_rate_leading": (st.tuples(positive, positive, positive, st.floats(1.0, 1e6)), 4, None),
    "boundary_mass": (
        st.tuples(log_uniform(-6.0, 2.0), standard, positive).map(lambda p: (p[0] * p[2], p[1] * p[2], p[2])), 10, None,
    ),
    "boundary_remainder": (st.tuples(positive, positive), 5, None),
    "boundary_slope": (st.tuples(standard, positive).map(lambda p: (p[0] * p[1], p[1])), 6, None),
    "flip_rate": (st.tuples(positive, positive), 3, None),
    "rounding_flip_rate": (st.tuples(positive, positive), 1, None),
    "critical_feedback": (st.tuples(positive, positive, counts), 2, None),
    "critical_oracle_weight": (_deadly, 12, None),
    "critical_ratio": (
        st.tuples(st.floats(1e-9, 0.999), weights, crowds).map(lambda p: (p[0], p[1], *p[2])), 4,
        lambda q, x, k, c, n: (1.0 + x * _lever(k, c, n)) / -float(mp.log(q)),
    ),
    "cusp_normal_form": (plane, 1, None),
    "dead_expert_probability": (_weighted, 4, lambda *p: (1.0 + _pull(*p)) * float(mp.exp(_exponent(*p)))),

    "cusp_set": (st.tuples(gains), 4, None),
    "drift": (st.tuples(differences, plane).map(lambda p: (p[0], *p[1])), 4, _flow),
    "ecology_parameter": (st.tuples(positive, weights, positive, weights), 3, None),
    "effective_update_rate": (st.tuples(positive, positive), 3, None),
    "ellipse_tie_density": (st.tuples(st.floats(0.1, 5.0), log_uniform(-2.0, 2.0)), 150, None),
    "equal_depth_gain": (st.tuples(counts), 4, None),
    "expert_fold_curve": (st.tuples(_signed(-8.0, 1.5), counts), 10, None),
    "flip_step": (st.tuples(st.one_of(st.floats(-50.0, 0.99), st.just(0.0))), 2, None),
    "fold_asymmetry": (st.tuples(gains), 1, None),
    "fold_curve": (st.tuples(differences), 5, None),
    "fold_imbalance": (st.tuples(gains), 2, None),
    "gain": (st.tuples(positive, positive, positive, counts), 3, None),
    "hysteresis_width": (st.tuples(gains), 1, None),
    "jump_curvature": (st.tuples(positive, positive), 1, None),
    "log_dead_expert_probability": (_weighted, 4, _pull),
    "log_stationary_density": (
        noisy,
        50, lambda *_: 10.0,
    ),
    "mean_field_competitor": (st.tuples(weights, positive, weights), 3, None),
    "parabola_tie_density": (st.tuples(log_uniform(-2.0, 4.0)), 20, None),
    "power_boundary_mass": (st.tuples(log_uniform(-6.0, 1.0), st.floats(0.3, 5.0)), 30, None),
    "potential": (st.tuples(differences, plane).map(lambda p: (p[0], *p[1])), 6, _depth),
    "proportional_autocorrelation": (_below_threshold.map(lambda p: p[:2]), 2, None),
    "proportional_variance": (_below_threshold, 5, None),
    "ramp_delay": (st.tuples(positive, st.floats(1.001, 50.0)), 4, None),
    "reduced_asymmetry": (st.tuples(differences, positive, positive), 3, None),
    "regime": (plane.filter(_off_fold), 0, None),
    "saddle_boundary_mass": (st.tuples(st.floats(0.01, 20.0)), 50, None),
    "soft_risk_constant": (st.tuples(st.floats(0.05, 30.0)), 50, None),
    "sphere_tie_density": (st.tuples(st.floats(0.1, 6.0), st.integers(1, 60)), 450, None),
    "sign_tracking_lag": (
        st.tuples(st.floats(-0.99, 0.99), positive, positive).map(lambda p: (p[0] * p[1], p[1], p[2])), 200, None,
    ),
    "slope": (st.tuples(differences, plane).map(lambda p: (p[0], p[1][0])), 4,
              lambda u, g: max(1.0, float(g / mp.cosh(u) ** 2))),
    "soft_hard_expansion": (
        st.tuples(st.floats(0.01, 0.3), st.floats(-3.0, 3.0), positive, st.integers(1, 5)).map(
            lambda p: (p[0] * p[2], p[1] * p[2], p[2], p[3])), 20, None,
    ),
    "soft_hard_gap": (
        st.tuples(st.floats(0.3, 5.0), st.floats(-3.0, 3.0), positive).map(lambda p: (p[0] * p[2], p[1] * p[2], p[2])),
        450, None,
    ),
    "soft_hard_remainder": (st.tuples(st.floats(0.01, 5.0), positive, st.integers(1, 6)), 20, None),
    "stationary_density": (
        noisy,
        2000, None,
    ),
    "tracking_lag": (st.tuples(differences, positive), 1, None),
}  # fmt: skip
SLOW = {
    "saddle_boundary_mass",
    "log_stationary_density",
    "soft_hard_gap",
    "stationary_density",
}  # an integral to 50 digits each
