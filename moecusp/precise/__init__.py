"""The two-expert theory to any number of digits (up to 10,000), by mpmath, or python-flint where it is installed.

Arguments are taken exactly: integers, fractions, floats (their binary value), decimal strings such as "1.1", mpmath
and sympy numbers. Results are mpmath numbers right to about one unit in the last of the digits asked for; wherever
terms cancel, the working precision is raised by the bits that the cancellation eats.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath

from moecusp._arguments import ParameterError
from moecusp.precise.multiprecision import arithmetic, bits_for, exact
from moecusp.precise.newton import Slopes, newton
from moecusp.precise.starts import outer_start, starts

_SPARE = 32


def _evaluate(formula: Callable[..., Any], digits: int, backend: str, *values: Fraction) -> Any:
    """Return a sum of terms right to digits: the precision grows by the bits that the value falls short of the terms.

    formula(arithmetic, *numbers) returns the terms.
    """
    bits = bits_for(digits)
    number = arithmetic(backend)
    extra = _SPARE
    while True:
        with number.precision(bits + extra):
            terms = formula(number, *(number.number(v) for v in values))
            total = sum(terms[1:], terms[0])
            lost = max(number.exponent(t) for t in terms) - number.exponent(total)
        if total == 0 and all(t == 0 for t in terms):
            return number.mpf(total, bits)
        if lost + 12 <= extra or extra > 40 * bits + 10_000:
            return number.mpf(total, bits)
        extra = min(lost, 2 * extra + bits) + _SPARE


def drift(u: Any, gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> Any:
    """F = g tanh u - u + eta; see `moecusp.drift`."""
    return _evaluate(
        lambda n, x, g, eta: (g * n.tanh(x), -x, eta),
        digits,
        backend,
        exact("u", u),
        exact("gain", gain, 0),
        exact("asymmetry", asymmetry),
    )


def slope(u: Any, gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """F' = g sech^2 u - 1; see `moecusp.slope`."""
    one = Fraction(1)
    return _evaluate(
        lambda n, x, g, unit: (g / n.cosh(x) ** 2, -unit), digits, backend, exact("u", u), exact("gain", gain, 0), one
    )


def potential(u: Any, gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> Any:
    """V = u^2/2 - g log cosh u - eta u; see `moecusp.potential`."""

    def log_cosh(n: Any, x: Any) -> Any:
        a = abs(x)
        return n.log1p(n.sinh(a) ** 2) / 2 if a < 1 else a + n.log((1 + n.exp(-2 * a)) / 2)

    return _evaluate(
        lambda n, x, g, eta: (x * x / 2, -g * log_cosh(n, x), -eta * x),
        digits,
        backend,
        exact("u", u),
        exact("gain", gain, 0),
        exact("asymmetry", asymmetry),
    )


def fold_curve(u: Any, *, digits: int = 50, backend: str = "auto") -> tuple[Any, Any]:
    """Return (cosh^2 u, u - sinh u cosh u); see `moecusp.fold_curve`."""
    x = exact("u", u)
    gain = _evaluate(lambda n, x: (n.cosh(x) ** 2,), digits, backend, x)
    return gain, _evaluate(lambda n, x: (x, -n.sinh(2 * x) / 2), digits, backend, x)


def fold_asymmetry(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return eta_f(g) = sqrt(g (g - 1)) - arsinh sqrt(g - 1), g >= 1; see `moecusp.fold_asymmetry`.

    >>> from moecusp import precise
    >>> import mpmath
    >>> with mpmath.workdps(30):
    ...     print(precise.fold_asymmetry("1.0000000001", digits=30))
    6.66666666646666666667738095238e-16
    """
    d = exact("gain", gain, 1) - 1
    return _evaluate(lambda n, d: (n.sqrt(d * (1 + d)), -n.asinh(n.sqrt(d))), digits, backend, d)


def hysteresis_width(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 2 eta_f(g), and 0 for g <= 1; see `moecusp.hysteresis_width`."""
    d = max(exact("gain", gain, 0), Fraction(1)) - 1
    return _evaluate(lambda n, d: (n.sqrt(4 * d * (1 + d)), -2 * n.asinh(n.sqrt(d))), digits, backend, d)


def fold_imbalance(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return sqrt(1 - 1/g), g >= 1; see `moecusp.fold_imbalance`."""
    g = exact("gain", gain, 1)
    return _evaluate(lambda n, m: (n.sqrt(m),), digits, backend, (g - 1) / g)


def cusp_set(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return (2/3) sqrt((g - 1)^3/g), g >= 1; see `moecusp.cusp_set`."""
    g = exact("gain", gain, 1)
    return _evaluate(lambda n, m: (n.sqrt(m),), digits, backend, Fraction(4, 9) * (g - 1) ** 3 / g)


def fold_gain(asymmetry: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return the g >= 1 with eta_f(g) = |eta|; see `moecusp.fold_gain`.

    Newton's method for sinh(2v)/2 - v = |eta|, the precision doubling from step to step; g = cosh^2 v.
    """
    number, bits = arithmetic(backend), bits_for(digits)
    eta = abs(exact("asymmetry", asymmetry))
    if eta == 0:
        return number.mpf(number.number(Fraction(1)), bits)

    def f(n: Any, v: Any, level: Any) -> tuple[Any, Any, Slopes]:
        s = n.sinh(v)
        both = s * n.sqrt(1 + s * s)

        def slopes() -> tuple[Any, ...]:
            square, product = 2 * s * s, 4 * both
            return square, product, 4 + 4 * square, 4 * product

        return both - v - level, both, slopes

    with number.precision(120):
        cubed = number.exp(number.log(number.number(eta * Fraction(3, 2))) / 3)
        far = number.asinh(number.number(2 * eta)) / 2 + 1
        start = min(cubed, far)  # both above the root, to which a convex function's Newton steps descend
    v = newton(number, f, (eta,), start, bits + _SPARE)
    with number.precision(bits + _SPARE):
        return number.mpf(number.cosh(v) ** 2, bits)


def equilibria(gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> tuple[Any, ...]:
    """Return every equilibrium, ascending; see `moecusp.equilibria`.

    Each root is located with few digits and refined by Newton's method for F, the precision doubling from step to
    step: the last and dearest step evaluates tanh once. A fold at rational parameters other than the cusp does not
    exist (its asymmetry would be transcendental), so the number of roots is always decided.

    >>> from moecusp import precise
    >>> [round(float(u), 12) for u in precise.equilibria(2)]
    [-1.915008048155, 0.0, 1.915008048155]
    """
    number, bits = arithmetic(backend), bits_for(digits)
    g, eta = exact("gain", gain, 0), exact("asymmetry", asymmetry)
    size, sign = abs(eta), -1 if eta < 0 else 1

    def f(n: Any, u: Any, gain: Any, level: Any) -> tuple[Any, Any, Slopes]:
        t = n.tanh(u)
        load = gain * t

        def slopes() -> tuple[Any, ...]:
            tanh, g = +t, +gain
            sech = 1 - tanh * tanh
            peak = g * sech
            bend = -2 * tanh * peak
            return peak - 1, bend, peak * (4 - 6 * sech), bend * (4 - 12 * sech)

        return load - u + level, abs(load) + abs(u), slopes

    if size == 0 and g <= 1:
        return (number.mpf(number.number(Fraction(0)), bits),)
    places, good = starts(number, g, size)
    roots = [number.mpf(newton(number, f, (g, size), start, bits, good), bits) for start in places]
    return tuple(roots) if sign > 0 else tuple(mpmath.fneg(u, exact=True) for u in reversed(roots))


def regime(gain: Any, asymmetry: Any = 0, *, backend: str = "auto") -> Any:
    """Return the regime, decided with as many digits as that takes; see `moecusp.regime`."""
    from moecusp.equilibria import Regime

    g, eta = exact("gain", gain, 0), exact("asymmetry", asymmetry)
    if g == 1 and eta == 0:
        return Regime.CUSP
    bistable = g > 1 and outer_start(arithmetic(backend), g, abs(eta), -1) is not None
    return Regime.BISTABLE if bistable else Regime.MONOSTABLE


__all__ = [
    "ParameterError",
    "cusp_set",
    "drift",
    "equilibria",
    "fold_asymmetry",
    "fold_curve",
    "fold_gain",
    "fold_imbalance",
    "hysteresis_width",
    "potential",
    "regime",
    "slope",
]
