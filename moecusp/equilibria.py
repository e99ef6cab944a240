"""Every equilibrium of the two-expert router, its stability and the regime it lives in (docs/theory.md, section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, REAL, integer, of_router, reals
from moecusp._grids import flat_part, grid, in_range
from moecusp._numerics import roots
from moecusp._numerics.gradients import differentiable
from moecusp._numerics.kernels import decayed
from moecusp._numerics.operations import is_tensor, namespace, where
from moecusp.dynamics import slope


class Stability(IntEnum):
    """What an equilibrium does to small perturbations."""

    ABSENT = roots.ABSENT
    """Padding: there is no equilibrium in this place."""
    STABLE = roots.STABLE
    """It attracts (at the cusp itself only algebraically)."""
    UNSTABLE = roots.UNSTABLE
    """It repels."""
    SEMISTABLE = roots.SEMISTABLE
    """A fold: it attracts from one side and repels to the other."""


class Regime(IntEnum):
    """Where a router lies in the (gain, asymmetry) plane."""

    MONOSTABLE = roots.MONOSTABLE
    """One equilibrium, stable."""
    BISTABLE = roots.BISTABLE
    """Three equilibria, the outer two stable."""
    FOLD = roots.FOLD
    """g > 1 and |eta| = eta_f: two equilibria, one of them about to vanish."""
    CUSP = roots.CUSP
    """g = 1 and eta = 0: the critical point."""


@dataclass(frozen=True, eq=False)
class Equilibria:
    """Equilibria of one router or of many.

    Attributes
    ----------
    u : ndarray, shape (..., 3)
        Reduced score differences, ascending, padded with NaN.
    stability : ndarray of int, shape (..., 3)
        Values of `Stability`.
    """

    u: Any
    stability: Any

    @property
    def count(self) -> Any:
        """Number of distinct equilibria, 1, 2 or 3; shape (...)."""
        return (self.u == self.u).sum(-1)

    @property
    def imbalance(self) -> Any:
        """Imbalance m = p1 - p2 = tanh u, shape (..., 3), NaN-padded."""
        return namespace(self.u).tanh(self.u)

    @property
    def load(self) -> Any:
        """Load of expert 1, p1 = (1 + tanh u)/2, shape (..., 3), NaN-padded."""
        with np.errstate(under="ignore"):
            e = decayed(self.u)
            return where(self.u > 0, 1.0, e) / (1.0 + e)


@of_router
def equilibria(gain: Any, asymmetry: Any = 0.0) -> Equilibria:
    """All solutions of g tanh u - u + eta = 0, with their stability.

    Parameters
    ----------
    gain : array_like or RouterParameters
        Gain g >= 0 (dimensionless).
        A `RouterParameters` takes the place of gain and asymmetry both.
    asymmetry : array_like
        Reduced asymmetry eta = beta h/(2 mu) (dimensionless), any real; not the drive h. Broadcasts with gain.

    Returns
    -------
    Equilibria
        Roots u of shape (..., 3), ascending and NaN-padded, and their stability.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    Notes
    -----
    Every root is within 4 units in the last place (docs/accuracy.md), also beside the folds, over all floats; inf where
    it exceeds their range. How many there are is decided by the sign of eta_f - |eta|, known to more than 80 bits.
    Where |eta| equals the float ``fold_asymmetry(gain)`` the two merging roots, which no float asymmetry can make
    exactly equal, are reported as one semistable equilibrium at the fold: so count = 2 exactly where `regime` is FOLD.

    References
    ----------
    Statements ``equilibrium.count``, ``equilibrium.stability`` and ``fold.outer``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import equilibria
    >>> found = equilibria(gain=2.0)
    >>> found.u.round(6).tolist(), found.stability.tolist()
    ([-1.915008, 0.0, 1.915008], [1, 2, 1])
    """
    return Equilibria(*_equilibria(gain, asymmetry))


@of_router
def equilibria_blocks(gain: Any, asymmetry: Any = 0.0, points: int = 2**20) -> Iterator[tuple[slice, Equilibria]]:
    """Equilibria of a grid too large to hold: one block of points after another, in bounded memory.

    Parameters
    ----------
    gain, asymmetry : array_like, or a RouterParameters for gain and asymmetry
        As for `equilibria`; they are broadcast without being copied, so that a column of gains and a row of
        asymmetries describe a grid of any size.
    points : int
        Points in a block.

    Returns
    -------
    iterator of (slice, Equilibria)
        A slice of the flattened grid and the equilibria there.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast; one value out of range is found when
        its block is reached, and named by its place in the argument.

    References
    ----------
    Statement ``equilibrium.count``; docs/theory.md, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import equilibria_blocks
    >>> gains, asymmetries = np.linspace(0, 3, 300)[:, None], np.linspace(-1, 1, 400)
    >>> sum(int((found.count == 3).sum()) for _, found in equilibria_blocks(gains, asymmetries, points=50_000))
    43096
    """
    integer("points", points, 1)
    given = {"gain": (gain, NON_NEGATIVE), "asymmetry": (asymmetry, REAL)}
    whole = grid(**{name: value for name, (value, _) in given.items()})
    return _blocks(given, whole, points)


def _blocks(given: dict[str, Any], whole: list[Any], points: int) -> Iterator[tuple[slice, Equilibria]]:
    size = int(np.prod(whole[0].shape))
    for start in range(0, size, points):
        part = slice(start, min(start + points, size))
        block = [flat_part(x, part) for x in whole]
        for (name, (value, allowed)), x in zip(given.items(), block, strict=True):
            in_range(name, value, x, allowed, whole[0].shape, start)
        yield part, equilibria(*block)


def _partials(gain: Any, asymmetry: Any, u: Any) -> tuple[Any, Any]:
    """Differentiate F(u; g, eta) = 0: du/dg = -tanh u/F', du/deta = -1/F'; 0 in the padding."""
    there = u == u
    inside = where(there, u, 0.0)
    rate = -1.0 / slope(inside, where(there, gain[..., None], 0.0))
    return where(there, inside.tanh() * rate, 0.0), where(there, rate, 0.0)


@differentiable(_partials)
def _equilibria(gain: Any, asymmetry: Any) -> tuple[Any, Any]:
    (g, eta), restore = reals(gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))
    shape = g.shape
    u, stability = roots.solve(g.ravel(), eta.ravel())
    u = restore(u.reshape(*shape, 3))
    return u if is_tensor(u) else np.asarray(u), stability.reshape(*shape, 3)


@of_router
def regime(gain: Any, asymmetry: Any = 0.0) -> Any:
    """Regime of a router from its gain and reduced asymmetry.

    Parameters
    ----------
    gain, asymmetry : array_like, or a RouterParameters for gain and asymmetry
        As for `equilibria`.

    Returns
    -------
    Regime or ndarray of int
        A `Regime` for scalars; an array of its values for arrays. FOLD where |asymmetry| equals the float
        ``fold_asymmetry(gain)``.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    References
    ----------
    Statement ``equilibrium.count``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import regime
    >>> regime(1.5, 0.0).name
    'BISTABLE'
    """
    regimes = _regimes(gain, asymmetry)
    return Regime(int(regimes)) if regimes.ndim == 0 and not is_tensor(regimes) else regimes


@differentiable(lambda *_: (0.0, 0.0))  # labels: never asked for
def _regimes(gain: Any, asymmetry: Any) -> Any:
    (g, eta), _ = reals(gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))
    return roots.regimes(g.ravel(), eta.ravel()).reshape(g.shape)
