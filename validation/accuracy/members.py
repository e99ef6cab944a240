"""Points, formulas as written and Arb definitions of load responses, of K experts and of the potential at the cusp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

import moecusp as mc
from validation import reference

SOFTMAX, GAUSSIAN = mc.SoftmaxResponse(0.7), mc.HardGaussianResponse(1.3)
BETA, SIGMA, DECAY = arb(0.7), arb(1.3), arb(0.6)
COUNT = 200

Named = dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any], dict[str, tuple[Any, ...]]]]


def steepness(z: float) -> arb:
    """Slope of the softmax response, the derivative of tanh(beta z/2)."""
    return BETA / 2 / (BETA * arb(z) / 2).cosh() ** 2


def density(z: float) -> arb:
    """Slope of the response of hard selection, twice the density of its margin at z."""
    return (2 / arb.pi()).sqrt() / SIGMA * (-((arb(z) / SIGMA) ** 2) / 2).exp()


def fold_of(value: Callable[[arb], arb], slope: Callable[[float], arb], z: float) -> arb:
    """Return h of kappa G' = mu and kappa G - mu z + h = 0."""
    with reference.workprec(3000):
        return DECAY * (arb(z) - value(arb(z)) / slope(z))


def wide(function: Callable[..., arb]) -> Callable[..., arb]:
    """Return the function at a precision that no cancellation here uses up."""

    def call(*arguments: float) -> arb:
        with reference.workprec(3000):
            return function(*arguments)

    return call


def experts(x: float, k: float) -> tuple[arb, arb]:
    """Return (g, eta) with K g (p_1 - p_2) = x - eta and its derivative in x, from the loads as softmax gives them."""
    total = arb(x).exp() + arb(k) - 1
    high, low = arb(x).exp() / total, 1 / total
    g = 1 / (arb(k) ** 2 * high * low)
    return g, arb(x) - arb(k) * g * (high - low)


def zeros(counts: Any) -> Any:
    """Return, for each K, a float next to the x > 0 at which eta vanishes, by bisection of its definition."""
    found = []
    for k in counts.tolist():
        low, high = float(np.log(k - 1.0)) + 1e-3, 3 * float(np.log(k)) + 3.0
        with reference.workprec(300):
            while np.nextafter(low, high) < high:
                middle = 0.5 * (low + high)
                low, high = (middle, high) if experts(middle, k)[1] > 0 else (low, middle)
        found.append(low)
    return np.array(found)


def members() -> Named:
    """Return (function, as written, definition, points by region) by name."""
    rng = np.random.default_rng(20240603)
    places = {
        "z below a thousandth of the scale": (10 ** rng.uniform(-90, -3, COUNT),),
        "z to 4 scales": (rng.uniform(0.001, 6.0, COUNT),),
        "in the tail": (rng.uniform(6.0, 40.0, COUNT),),
    }
    k = rng.integers(3, 1000, COUNT)
    curves = {
        "x from -30 to 30": (rng.uniform(-30, 30, COUNT), k),
        "size of x from 1e-12 to 1": (rng.choice([-1.0, 1.0], COUNT) * 10 ** rng.uniform(-12, 0, COUNT), k),
        "next to the zero of the asymmetry": (zeros(k), k),
    }

    def written(x: Any, k: Any) -> tuple[Any, Any]:
        y = np.exp(x)
        return (y + k - 1) ** 2 / (k * k * y), x - (y - 1) * (y + k - 1) / (k * y)

    def bell(z: Any) -> Any:
        return np.sqrt(2 / np.pi) / 1.3 * np.exp(-((z / 1.3) ** 2) / 2)

    def erf(z: Any) -> Any:
        from scipy.special import erf

        return erf(z / 1.3 / np.sqrt(2))

    return {
        "SoftmaxResponse slope": (SOFTMAX.slope, lambda z: 0.35 / np.cosh(0.35 * z) ** 2, wide(steepness), places),
        "SoftmaxResponse fold asymmetry": (
            lambda z: SOFTMAX.fold_curve(z, 0.6)[1],
            lambda z: 0.6 * (z - np.sinh(0.7 * z) / 0.7),
            lambda z: fold_of(lambda x: (BETA * x / 2).tanh(), steepness, z),
            places,
        ),
        "HardGaussianResponse slope": (GAUSSIAN.slope, bell, wide(density), places),
        "HardGaussianResponse fold asymmetry": (
            lambda z: GAUSSIAN.fold_curve(z, 0.6)[1],
            lambda z: 0.6 * (z - erf(z) / bell(z)),
            lambda z: fold_of(lambda x: (x / SIGMA / arb(2).sqrt()).erf(), density, z),
            places,
        ),
        "expert_fold_curve gain": (
            lambda x, k: mc.expert_fold_curve(x, k)[0],
            lambda x, k: written(x, k)[0],
            wide(lambda x, k: experts(x, k)[0]),
            curves,
        ),
        "expert_fold_curve asymmetry": (
            lambda x, k: mc.expert_fold_curve(x, k)[1],
            lambda x, k: written(x, k)[1],
            wide(lambda x, k: experts(x, k)[1]),
            curves,
        ),
        "potential at the cusp": (
            lambda u: mc.potential(u, 1.0),
            lambda u: u**2 / 2 - np.log(np.cosh(u)),
            wide(lambda u: arb(u) ** 2 / 2 - arb(u).cosh().log()),
            {
                "u below 1e-3": (10 ** rng.uniform(-70, -3, COUNT),),
                "u from 1e-3 to 3": (rng.uniform(0.001, 3.0, COUNT),),
            },
        ),
    }
