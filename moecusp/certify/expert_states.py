"""Every equilibrium of K experts without drives, the list proved to be complete; see `moecusp.expert_states`.

A state takes at most two scores. With m experts at the high one and w = x/2 > 0 half the difference,
L(w) - t w = g, L = w coth w, t = 1 - 2 m/K. L rises from 1 and is strictly convex, L(w) > w, and 0 is no such state. So

- t <= 0: the left side rises from 1: one state if g > 1, none if g <= 1;
- t > 0: it falls from 1 to the family's fold gain and rises for good: none below that gain, two between it and 1, one
  from 1 on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flint import arb, ctx

from moecusp._arguments import NON_NEGATIVE, integer
from moecusp.certify.balls import BITS, Ball, Completeness, ball, between, ends, precision, root
from moecusp.certify.experts import fold_of_lean, langevin, langevin_slope
from moecusp.equilibria import Stability


@dataclass(frozen=True)
class ExpertState:
    """One equilibrium up to renaming the experts.

    Attributes
    ----------
    favoured : int
        Number m of favoured experts; 0 for the balanced state.
    difference : flint.arb
        x = v_high - v_low, exactly one solution in the ball for every gain in the box.
    load_high, load_low : flint.arb
        Load of each favoured expert, and of each other one.
    stability : Stability
        What it does to small perturbations.
    unstable_directions : int
        Number of positive eigenvalues of the linearised flow.
    """

    favoured: int
    difference: Any
    load_high: Any
    load_low: Any
    stability: Stability
    unstable_directions: int


@dataclass(frozen=True)
class ExpertEnclosures:
    """Every state of a router of K experts, by ascending m and x; none if undecided."""

    completeness: Completeness
    experts: int
    states: tuple[ExpertState, ...] = ()


class _Undecided(Exception):
    pass


def expert_equilibria(gain: Any, experts: int) -> ExpertEnclosures:
    """Enclose every equilibrium of dv/dtau = K g softmax(v) - v, each unique in its ball, the list complete.

    Parameters
    ----------
    gain : number, str, Fraction or flint.arb
        Gain g >= 0; a ball describes a box of gains.
    experts : int
        Number of experts K >= 2.

    Returns
    -------
    ExpertEnclosures
        UNDECIDED, without states, where the box touches the fold of a family or has g = 1 in it without being 1.

    Raises
    ------
    ParameterError
        If gain is not finite and real or is negative, or experts is not an integer >= 2.

    References
    ----------
    Statements ``expert.at_most_two_values``, ``expert.families`` and ``expert.one_favoured``; docs/theory.md,
    section 5.

    Examples
    --------
    >>> from moecusp import certify
    >>> found = certify.expert_equilibria("0.95", 3)
    >>> [(s.favoured, round(float(s.difference), 6), s.stability.name) for s in found.states]
    [(0, 0.0, 'STABLE'), (1, 0.367305, 'UNSTABLE'), (1, 1.735633, 'STABLE')]
    """
    count = integer("experts", experts, 2)
    with ctx.workprec(BITS):
        g = ball("gain", gain, NON_NEGATIVE)
    with ctx.workprec(precision(BITS, g, g - 1)):
        try:
            found = [_balanced(g, count), *(s for m in range(1, count) for s in _family(g, m, count))]
        except _Undecided:
            return ExpertEnclosures(Completeness.UNDECIDED, count)
        return ExpertEnclosures(Completeness.PROVED, count, tuple(found))


def _balanced(g: Ball, k: int) -> ExpertState:
    """Return the balanced state: its eigenvalues are g - 1, K - 1 times, and -1; see `moecusp.expert_equilibria`."""
    if g == 1:
        kind = Stability.STABLE if k == 2 else Stability.SEMISTABLE
    elif g != 1:
        kind = Stability.STABLE if g < 1 else Stability.UNSTABLE
    else:
        raise _Undecided
    share = arb(1) / k
    return ExpertState(0, arb(0), share, share, kind, k - 1 if g > 1 else 0)


def _family(g: Ball, m: int, k: int) -> Iterator[ExpertState]:
    """Yield the states with m favoured experts."""
    lean = 1 - arb(2 * m) / k
    if 2 * m >= k:
        if g > 1:
            yield _state(between(lambda e: _outer(e, lean, arb(0)), (g, 1)), m, k, True)
        elif not g <= 1:
            raise _Undecided
        return
    bottom, level = fold_of_lean(lean, ctx.prec)
    if g < level:
        return
    if not g > level:
        raise _Undecided
    middle = bottom.mid()
    if not all(langevin(middle) - lean * middle < end for end in ends(g)):
        raise _Undecided  # closer to the fold than the precision
    if g < 1:
        yield _state(between(lambda e: _inner(e, lean, middle), (g, -1)), m, k, False)
    elif not g >= 1:
        raise _Undecided
    yield _state(between(lambda e: _outer(e, lean, middle), (g, 1)), m, k, True)


def _outer(g: Ball, lean: Ball, low: Ball) -> Ball:
    """Return the w > low with L(w) - t w = g, which rises with g: at g/(1 - t) + 1 the left side exceeds g."""
    high = (g / (1 - lean) + 1).upper()
    if low == 0:  # the sign there is negative only beyond the root at 0 of g = 1
        low = (((g - 1) / (2 - lean)).min(arb(1)) / 2).lower()  # L(w) - t w < 1 + w^2/3 + |t| w < g below it
    return root(lambda w: langevin(w) - lean * w - g, lambda w: langevin_slope(w) - lean, low, high)


def _inner(g: Ball, lean: Ball, high: Ball) -> Ball:
    """Return the w < high with L(w) - t w = g < 1, which falls as g rises."""
    return root(lambda w: langevin(w) - lean * w - g, lambda w: langevin_slope(w) - lean, arb(0), high)


def _state(w: Ball, m: int, k: int, outer: bool) -> ExpertState:
    """Return the state with its loads: 1/(m + (K - m) exp(-x)) and 1/(m exp x + K - m), each with x once."""
    x = 2 * w
    directions = m - 1 + (not outer)
    kind = Stability.STABLE if directions == 0 else Stability.UNSTABLE
    return ExpertState(m, x, 1 / (m + (k - m) * (-x).exp()), 1 / (m * x.exp() + k - m), kind, directions)
