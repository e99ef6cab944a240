"""Reduced variables, the cusp's normal form, a curvature, the E parameter: fractions, exact until rounded."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from moecusp._arguments import ParameterError, integer
from moecusp.cusps import NormalForm
from moecusp.precise.certainty import rational
from moecusp.precise.multiprecision import exact, positive


def critical_feedback(
    decay: Any, inverse_temperature: Any = 1, experts: int = 2, *, digits: int = 50, backend: str = "auto"
) -> Any:
    """Return K mu/beta; see `moecusp.critical_feedback`."""
    mu, beta = positive("decay", decay), positive("inverse_temperature", inverse_temperature)
    return rational(digits, backend, integer("experts", experts, 2) * mu / beta)[0]


def gain(
    feedback: Any,
    decay: Any = 1,
    inverse_temperature: Any = 1,
    experts: int = 2,
    *,
    digits: int = 50,
    backend: str = "auto",
) -> Any:
    """Return kappa beta/(K mu); see `moecusp.gain`."""
    kappa, mu = positive("feedback", feedback), positive("decay", decay)
    beta = positive("inverse_temperature", inverse_temperature)
    return rational(digits, backend, kappa * beta / (integer("experts", experts, 2) * mu))[0]


def reduced_asymmetry(
    asymmetry: Any, decay: Any = 1, inverse_temperature: Any = 1, *, digits: int = 50, backend: str = "auto"
) -> Any:
    """Return beta h/(2 mu); see `moecusp.reduced_asymmetry`."""
    h, mu = exact("asymmetry", asymmetry), positive("decay", decay)
    return rational(digits, backend, positive("inverse_temperature", inverse_temperature) * h / (2 * mu))[0]


def cusp_normal_form(gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> NormalForm:
    """Return the coefficients (g - 1, -g/3, eta); see `moecusp.cusp_normal_form`."""
    g = exact("gain", gain, 0)
    return NormalForm(*rational(digits, backend, g - 1, -g / 3, exact("asymmetry", asymmetry)))


def flip_step(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 2/(1 - g), g < 1; see `moecusp.flip_step`."""
    g = exact("gain", gain)
    if g >= 1:
        raise ParameterError("gain", gain, "finite and real and < 1: from there on the balanced state is not stable")
    return rational(digits, backend, 2 / (1 - g))[0]


def jump_curvature(temperature: Any, density: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 2 f0/T; see `moecusp.jump_curvature`."""
    return rational(digits, backend, 2 * positive("density", density) / positive("temperature", temperature))[0]


def ecology_parameter(
    temperature: Any,
    entropy_weight: Any,
    oracle_weight: Any,
    balance_weight: Any,
    *,
    digits: int = 50,
    backend: str = "auto",
) -> Any:
    """Return T H/(O + B); see `moecusp.ecology_parameter`."""
    t, h = positive("temperature", temperature), exact("entropy_weight", entropy_weight, 0)
    below = exact("oracle_weight", oracle_weight, 0) + exact("balance_weight", balance_weight, 0)
    if not below:
        raise ParameterError("oracle_weight + balance_weight", Fraction(0), "> 0")
    return rational(digits, backend, t * h / below)[0]


def mean_field_competitor(
    entropy_weight: Any, oracle_weight: Any, balance_weight: Any, *, digits: int = 50, backend: str = "auto"
) -> Any:
    """Return (H + B)/O; see `moecusp.mean_field_competitor`."""
    h, b = exact("entropy_weight", entropy_weight, 0), exact("balance_weight", balance_weight, 0)
    return rational(digits, backend, (h + b) / positive("oracle_weight", oracle_weight))[0]
