"""Every equilibrium of two experts in a ball of its own, the list proved to be complete; see `moecusp.equilibria`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flint import ctx

from moecusp._arguments import NON_NEGATIVE
from moecusp.certify.balls import BITS, Ball, Completeness, ball, precision, root
from moecusp.certify.folds import fold_at
from moecusp.equilibria import Regime, Stability

_DEPTH = 2000


@dataclass(frozen=True)
class Enclosures:
    """Balls around the equilibria, ascending, with their stability; empty if undecided."""

    completeness: Completeness
    u: tuple[Any, ...] = ()
    stability: tuple[Stability, ...] = ()


def regime(gain: Any, asymmetry: Any = 0) -> Regime | None:
    """Return the regime common to every parameter in the box, or None where that is not certain.

    FOLD is never returned: no box that touches a fold is decided.
    """
    with ctx.workprec(BITS):
        g, eta = ball("gain", gain, NON_NEGATIVE), ball("asymmetry", asymmetry)
        if g == 1 and eta == 0:
            return Regime.CUSP
        if g <= 1:
            return Regime.MONOSTABLE if g < 1 or eta != 0 else None
        if abs(eta) > fold_at(g.upper()):
            return Regime.MONOSTABLE
        return Regime.BISTABLE if g > 1 and abs(eta) < fold_at(g.lower()) else None


def equilibria(gain: Any, asymmetry: Any = 0) -> Enclosures:
    """Enclose every equilibrium, each proved to exist and to be unique in its ball, the list proved to be complete.

    Parameters
    ----------
    gain, asymmetry : number, str, Fraction or flint.arb
        Gain g >= 0 and reduced asymmetry; balls describe boxes of parameters.

    Returns
    -------
    Enclosures
        Completeness, balls and stability; UNDECIDED, without balls, on a fold or for a box that is too large.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, or gain < 0.

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
    >>> found.completeness.value, len(found.u)
    ('proved', 3)
    """
    return states(gain, asymmetry, BITS)


def states(gain: Any, asymmetry: Any, bits: int) -> Enclosures:
    """Return the equilibria right to some bits - 40 bits each."""
    with ctx.workprec(bits):
        g, eta = ball("gain", gain, NON_NEGATIVE), ball("asymmetry", asymmetry)
    with ctx.workprec(precision(bits, g, g - 1, eta)):
        bound = (g + abs(eta) + 1).upper()
        if g <= 1:
            only = _tighten(-bound, bound, g, eta, bits)
            return Enclosures(Completeness.PROVED, (only,), (Stability.STABLE,))
        runs = _monotone_runs(-bound, bound, g, eta)
        if runs is None:
            return Enclosures(Completeness.UNDECIDED)
        balls, kinds = [], []
        for low, high, rising in runs:
            left, right = _drift(low, g, eta), _drift(high, g, eta)
            if (left > 0 and right > 0) or (left < 0 and right < 0):
                continue
            if not ((left < 0 and right > 0) if rising else (left > 0 and right < 0)):
                return Enclosures(Completeness.UNDECIDED)
            balls.append(_tighten(low, high, g, eta, bits))
            kinds.append(Stability.UNSTABLE if rising else Stability.STABLE)
        return Enclosures(Completeness.PROVED, tuple(balls), tuple(kinds))


def _drift(u: Ball, g: Ball, eta: Ball) -> Ball:
    return g * u.tanh() - u + eta


def _slope(u: Ball, g: Ball) -> Ball:
    t = abs(u).tanh()
    t = t.lower().union(t.upper())
    return (g - 1) - g * t * t


def _tighten(a: Ball, b: Ball, g: Ball, eta: Ball, bits: int) -> Ball:
    return root(lambda u: _drift(u, g, eta), lambda u: _slope(u, g), a, b, bits)


def _monotone_runs(low: Ball, high: Ball, g: Ball, eta: Ball) -> list[tuple[Ball, Ball, bool]] | None:
    """Return adjoining intervals that hold every root, on each of which F' has one sign; None if that fails."""
    runs: list[tuple[Ball, Ball, bool]] = []
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
