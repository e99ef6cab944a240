"""Rigorous enclosures of the two-expert theory in Arb balls (python-flint, the `certify` extra).

Arguments are numbers, strings of decimals, fractions or balls; a ball stands for every value in it, so that a box of
parameters is a pair of balls. Every result contains the exact value for every parameter in the box.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from moecusp._arguments import ParameterError
from moecusp.equilibria import Regime, Stability

try:
    from flint import arb, ctx, fmpq
except ImportError as error:  # pragma: no cover
    raise ImportError("moecusp.certify needs python-flint: pip install 'moecusp[certify]'") from error

BITS = 256
_DEPTH = 2000


class Verdict(Enum):
    """Whether the list of equilibria is proved to be complete."""

    PROVED = "proved"
    """Each ball contains exactly one equilibrium for every parameter in the box, and there is no other."""
    UNDECIDED = "undecided"
    """The box touches a fold, or is too large: nothing is claimed."""


@dataclass(frozen=True)
class Enclosures:
    """Balls around the equilibria, ascending, with their stability; empty if undecided."""

    verdict: Verdict
    u: tuple[Any, ...] = ()
    stability: tuple[Stability, ...] = ()


def ball(name: str, value: Any, low: int | None = None) -> Any:
    """Return value as a ball, or raise ParameterError."""
    allowed = "a finite real number or ball" + (f" >= {low}" if low is not None else "")
    try:
        if isinstance(value, bool | complex):
            raise TypeError
        if isinstance(value, Fraction):
            number = arb(fmpq(value.numerator, value.denominator))
        elif isinstance(value, int | str | arb):
            number = arb(value)
        else:
            number = arb(float(value))
    except (TypeError, ValueError) as error:
        raise ParameterError(name, value, allowed) from error
    if not number.is_finite() or (low is not None and not number >= low):
        raise ParameterError(name, value, allowed)
    return number


def drift(u: Any, gain: Any, asymmetry: Any = 0) -> Any:
    """Enclose F = g tanh u - u + eta."""
    with ctx.workprec(BITS):
        return _drift(ball("u", u), ball("gain", gain, 0), ball("asymmetry", asymmetry))


def slope(u: Any, gain: Any) -> Any:
    """Enclose F' = g sech^2 u - 1."""
    with ctx.workprec(BITS):
        return _slope(ball("u", u), ball("gain", gain, 0))


def potential(u: Any, gain: Any, asymmetry: Any = 0) -> Any:
    """Enclose V = u^2/2 - g log cosh u - eta u."""
    with ctx.workprec(BITS):
        x, g, eta = ball("u", u), ball("gain", gain, 0), ball("asymmetry", asymmetry)
        a = abs(x)
        return x * x / 2 - g * (a + ((1 + (-2 * a).exp()) / 2).log()) - eta * x


def fold_curve(u: Any) -> tuple[Any, Any]:
    """Enclose (cosh^2 u, u - sinh u cosh u)."""
    with ctx.workprec(BITS):
        x = ball("u", u)
        return x.cosh() ** 2, x - (2 * x).sinh() / 2


def fold_asymmetry(gain: Any) -> Any:
    """Enclose eta_f(g) = sqrt(g (g - 1)) - arsinh sqrt(g - 1), g >= 1; eta_f rises, so a box needs its ends only."""
    with ctx.workprec(BITS):
        g = ball("gain", gain, 1)
        return _fold(g.lower()).union(_fold(g.upper()))


def hysteresis_width(gain: Any) -> Any:
    """Enclose 2 eta_f(g), g >= 1."""
    with ctx.workprec(BITS):
        return 2 * fold_asymmetry(gain)


def fold_imbalance(gain: Any) -> Any:
    """Enclose sqrt(1 - 1/g), g >= 1."""
    with ctx.workprec(BITS):
        g = ball("gain", gain, 1)
        return (1 - 1 / g.lower()).sqrt().union((1 - 1 / g.upper()).sqrt())


def cusp_set(gain: Any) -> Any:
    """Enclose (2/3) sqrt((g - 1)^3/g), g >= 1."""
    with ctx.workprec(BITS):
        low, high = (2 * (e - 1) * ((e - 1) / e).sqrt() / 3 for e in _ends(ball("gain", gain, 1)))
        return low.union(high)


def fold_gain(asymmetry: Any) -> Any:
    """Enclose the g >= 1 with eta_f(g) = |eta|: bisected from certain comparisons with the rising eta_f."""
    with ctx.workprec(BITS):
        eta = abs(ball("asymmetry", asymmetry))
        low, high = (_fold_gain(end) for end in _ends(eta))
        return low.union(high)


def regime(gain: Any, asymmetry: Any = 0) -> Regime | None:
    """Return the regime common to every parameter in the box, or None where that is not certain.

    FOLD is never returned: no box that touches a fold is decided.
    """
    with ctx.workprec(BITS):
        g, eta = ball("gain", gain, 0), ball("asymmetry", asymmetry)
        if g == 1 and eta == 0:
            return Regime.CUSP
        if g <= 1:
            return Regime.MONOSTABLE if g < 1 or eta != 0 else None
        if abs(eta) > _fold(g.upper()):
            return Regime.MONOSTABLE
        return Regime.BISTABLE if g > 1 and abs(eta) < _fold(g.lower()) else None


def equilibria(gain: Any, asymmetry: Any = 0) -> Enclosures:
    """Enclose every equilibrium, each proved to exist and to be unique in its ball, the list proved to be complete.

    Parameters
    ----------
    gain, asymmetry : number, str, Fraction or flint.arb
        Gain g >= 0 and reduced asymmetry; balls describe boxes of parameters.

    Returns
    -------
    Enclosures
        Verdict, balls and stability; UNDECIDED, without balls, on a fold or for a box that is too large.

    Notes
    -----
    All roots lie in [-B, B] with B = g + |eta|. Bisection splits it into cells on which F has no zero or F' has none;
    runs of cells with one sign of F' hold one root if F changes sign from end to end and none if it does not. For
    g <= 1, F falls strictly even where F' = 0, so one sign change suffices. No formula for the folds is used.

    References
    ----------
    Statements ``equilibrium.count`` and ``equilibrium.stability``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import certify
    >>> found = certify.equilibria("1.5", "0.1")
    >>> found.verdict.value, len(found.u)
    ('proved', 3)
    """
    with ctx.workprec(BITS):
        g, eta = ball("gain", gain, 0), ball("asymmetry", asymmetry)
    with ctx.workprec(_precision(g, g - 1, eta)):
        bound = (g + abs(eta) + 1).upper()
        if g <= 1:
            root = _tighten(-bound, bound, g, eta)
            return Enclosures(Verdict.PROVED, (root,), (Stability.STABLE,))
        runs = _monotone_runs(-bound, bound, g, eta)
        if runs is None:
            return Enclosures(Verdict.UNDECIDED)
        balls, kinds = [], []
        for low, high, rising in runs:
            left, right = _drift(low, g, eta), _drift(high, g, eta)
            if (left > 0 and right > 0) or (left < 0 and right < 0):
                continue
            if not ((left < 0 and right > 0) if rising else (left > 0 and right < 0)):
                return Enclosures(Verdict.UNDECIDED)
            balls.append(_tighten(low, high, g, eta))
            kinds.append(Stability.UNSTABLE if rising else Stability.STABLE)
        return Enclosures(Verdict.PROVED, tuple(balls), tuple(kinds))


def _ends(x: Any) -> tuple[Any, Any]:
    return x.lower(), x.upper()


def _drift(u: Any, g: Any, eta: Any) -> Any:
    return g * u.tanh() - u + eta


def _slope(u: Any, g: Any) -> Any:
    t = abs(u).tanh()
    t = t.lower().union(t.upper())
    return (g - 1) - g * t * t


def _fold(g: Any) -> Any:
    with ctx.workprec(BITS + 4 * max(0, -_exponent(g - 1))):
        return (g * (g - 1)).sqrt() - (g - 1).sqrt().asinh()


def _exponent(x: Any) -> int:
    mid = x.mid()
    return 0 if mid == 0 else int(mid.man_exp()[1]) + int(mid.man_exp()[0]).bit_length()


def _fold_gain(eta: Any) -> Any:
    low, high = arb(1), eta + eta.sqrt() + 2  # eta_f(g) >= g - 1 - log(4 g)/2 - ...: wide enough, and checked
    while not _fold(high) > eta:
        high = 2 * high
    for step in range(4 * BITS):
        part = 3 if step % 2 else 4  # two ways to cut: the value at one point may be too close to eta to compare
        middle = ((part * low + (8 - part) * high) / 8).mid()
        value = _fold(middle)
        if value > eta:
            high = middle
        elif value < eta:
            low = middle
    return low.union(high)


def _monotone_runs(low: Any, high: Any, g: Any, eta: Any) -> list[tuple[Any, Any, bool]] | None:
    """Return adjoining intervals that hold every root, on each of which F' has one sign; None if that fails."""
    runs: list[tuple[Any, Any, bool]] = []
    open_cells = [(low, high, 0)]
    while open_cells:
        a, b, depth = open_cells.pop()
        cell = a.union(b)
        slope = _slope(cell, g)
        if slope != 0:
            rising = bool(slope > 0)
            if runs and runs[-1][1] == a and runs[-1][2] == rising:
                runs[-1] = (runs[-1][0], b, rising)
            else:
                runs.append((a, b, rising))
        elif not _drift(a, g, eta) + slope * (cell - a) != 0 and not _drift(cell, g, eta) != 0:
            if depth > _DEPTH or len(open_cells) > 4 * _DEPTH:
                return None
            middle = ((a + b) / 2).mid()
            if not a < middle < b:
                return None
            open_cells += [(middle, b, depth + 1), (a, middle, depth + 1)]
    return runs


def _tighten(a: Any, b: Any, g: Any, eta: Any) -> Any:
    """Return a ball around the only sign change of F between a and b: interval Newton steps, else bisection."""
    sign = _drift(a, g, eta) > 0
    cell = a.union(b)
    while cell.rad() > abs(cell.mid()) * arb(2) ** -(BITS - 40):
        slope, middle = _slope(cell, g), ((a + b) / 2).mid()
        if slope != 0:
            step = middle - _drift(middle, g, eta) / slope
            narrow = cell.intersection(step) if step.overlaps(cell) else cell
            if narrow.rad() < cell.rad() / 2:
                a, b, cell = narrow.lower(), narrow.upper(), narrow
                continue
        value = _drift(middle, g, eta)
        if value == 0:
            return middle
        if not value != 0 or not a < middle < b:
            break
        a, b = (middle, b) if (value > 0) == sign else (a, middle)
        cell = a.union(b)
    return cell


def _precision(*values: Any) -> int:
    """Return a working precision at which sums of terms of these sizes keep BITS bits."""
    return BITS + 4 * max(abs(_exponent(value)) for value in values)
