"""The closed forms, folds and equilibria of two experts to any number of digits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from moecusp.equilibria import Regime
from moecusp.precise.certainty import evaluate
from moecusp.precise.multiprecision import SPARE, arithmetic, bits_for, exact
from moecusp.precise.newton import Slopes, newton
from moecusp.precise.roots import drift_roots
from moecusp.precise.starts import outer_start


def drift(u: Any, gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> Any:
    """F = g tanh u - u + eta; see `moecusp.drift`."""
    return evaluate(
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
    return evaluate(
        lambda n, x, g, unit: (g / n.cosh(x) ** 2, -unit), digits, backend, exact("u", u), exact("gain", gain, 0), one
    )


def potential(u: Any, gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> Any:
    """V = u^2/2 - g log cosh u - eta u; see `moecusp.potential`."""

    def log_cosh(n: Any, x: Any) -> Any:
        a = abs(x)
        return n.log1p(n.sinh(a) ** 2) / 2 if a < 1 else a + n.log((1 + n.exp(-2 * a)) / 2)

    return evaluate(
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
    gain = evaluate(lambda n, x: (n.cosh(x) ** 2,), digits, backend, x)
    return gain, evaluate(lambda n, x: (x, -n.sinh(2 * x) / 2), digits, backend, x)


def fold_asymmetry(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return eta_f(g) = sqrt(g (g - 1)) - arsinh sqrt(g - 1), g >= 1; see `moecusp.fold_asymmetry`.

    >>> from moecusp import precise
    >>> import mpmath
    >>> with mpmath.workdps(30):
    ...     print(precise.fold_asymmetry("1.0000000001", digits=30))
    6.66666666646666666667738095238e-16
    """
    top, bottom = exact("gain", gain, 1).as_integer_ratio()
    excess = top - bottom

    def terms(n: Any) -> tuple[Any, Any]:
        root = n.sqrt(n.integer(excess * top))  # whole numbers as far as they go
        return root / bottom, -n.log1p(2 * (excess + root) / bottom) / 2  # arsinh sqrt(g - 1)

    return evaluate(terms, digits, backend)


def hysteresis_width(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 2 eta_f(g), and 0 for g <= 1; see `moecusp.hysteresis_width`."""
    d = max(exact("gain", gain, 0), Fraction(1)) - 1
    return evaluate(lambda n, d: (n.sqrt(4 * d * (1 + d)), -2 * n.asinh(n.sqrt(d))), digits, backend, d)


def fold_imbalance(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return sqrt(1 - 1/g), g >= 1; see `moecusp.fold_imbalance`."""
    g = exact("gain", gain, 1)
    return evaluate(lambda n, m: (n.sqrt(m),), digits, backend, (g - 1) / g)


def cusp_set(gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return (2/3) sqrt((g - 1)^3/g), g >= 1; see `moecusp.cusp_set`."""
    g = exact("gain", gain, 1)
    return evaluate(lambda n, m: (n.sqrt(m),), digits, backend, Fraction(4, 9) * (g - 1) ** 3 / g)


def fold_gain(asymmetry: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return the g >= 1 with eta_f(g) = |eta|; see `moecusp.fold_gain`.

    Halley's method for sinh y - y = 2|eta| in y = 2 v; g = cosh^2 v = (1 + cosh y)/2 needs no function of y any more.
    """
    number, bits = arithmetic(backend), bits_for(digits)
    eta = abs(exact("asymmetry", asymmetry))
    if eta == 0:
        return number.mpf(number.integer(1), bits)
    level, whole = 2 * eta.numerator, eta.denominator

    def f(n: Any, y: Any) -> tuple[Any, tuple[Any, ...], Slopes]:
        s = n.sinh(y)
        load, score = whole * s, whole * y

        def slopes() -> tuple[Any, Any]:
            square = s * s
            return whole * square / (1 + n.sqrt(1 + square)), load / 2

        return load - score - level, (load,), slopes

    with number.precision(120):
        cubed = number.exp(number.log(number.number(12 * eta)) / 3)
        far = number.asinh(number.number(2 * eta)) + 2
        start = min(cubed, far)  # both above the root, to which a convex function's Newton steps descend
    y = newton(number, f, start, bits + SPARE)
    with number.precision(bits + SPARE):
        s = y + number.number(2 * eta)
        return number.mpf((1 + number.sqrt(1 + s * s)) / 2, bits)


def equilibria(gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> tuple[Any, ...]:
    """Return every equilibrium, ascending; see `moecusp.equilibria`.

    Each root is located with few digits and refined by Halley's method for F, the precision trebling from step to
    step: the last and dearest step evaluates tanh once. A fold at rational parameters other than the cusp does not
    exist (its asymmetry would be transcendental), so the number of roots is always decided.

    >>> from moecusp import precise
    >>> [round(float(u), 12) for u in precise.equilibria(2)]
    [-1.915008048155, 0.0, 1.915008048155]
    """
    number, bits = arithmetic(backend), bits_for(digits)
    g, eta = exact("gain", gain, 0), exact("asymmetry", asymmetry)
    return tuple(number.mpf(u, bits) for u in drift_roots(number, g, eta, bits))


def regime(gain: Any, asymmetry: Any = 0, *, backend: str = "auto") -> Regime:
    """Return the regime, decided with as many digits as that takes; see `moecusp.regime`."""
    g, eta = exact("gain", gain, 0), exact("asymmetry", asymmetry)
    if g == 1 and eta == 0:
        return Regime.CUSP
    bistable = g > 1 and outer_start(arithmetic(backend), g, abs(eta), -1) is not None
    return Regime.BISTABLE if bistable else Regime.MONOSTABLE
