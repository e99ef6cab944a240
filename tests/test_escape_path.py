"""The three integrals of an escape by their definitions, in u alone, with bisection and graded panels in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import moecusp as mc
from moecusp._numerics import action

Array = NDArray[np.float64]
X, W = np.polynomial.legendre.leggauss(20)


def log_cosh(x: Array) -> Array:
    return np.asarray(np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - np.log(2.0))


def bisect(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Return where f, positive at low and negative at high, changes sign."""
    for _ in range(80):
        middle = 0.5 * (low + high)
        above = f(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return 0.5 * (low + high)


def integrals(g: float, eta: float) -> tuple[float, float, float, float]:
    """Return S, J and I of leaving the upper well, from the stable to the unstable state, and the diffusion's barrier.

    S and J are the integrals of p and tanh u + p - tanh w, w = u + p g; I that of (1 - g sech^2 w)/F(w|u), with the
    finite parts of its poles at both states taken in m = (u + w)/2, where m - state is (u - state)/(g sech^2 state).
    """

    def drift(u: Array) -> Array:
        return g * np.tanh(u) - u + eta

    turn = np.arccosh(np.sqrt(g))
    middle = bisect(lambda u: -drift(u), np.array(-turn), np.array(turn))
    top = bisect(drift, np.array(turn), np.array(g + abs(eta) + 1))
    length = top - middle
    graded = 2.0 ** -np.arange(1.0, 46.0)
    inside = np.arange(float(np.ceil(middle * 4)), float(top) * 4) / 4
    ends = np.unique(np.concatenate([[middle, top], middle + length * graded, top - length * graded, inside]))
    half, centre = 0.5 * np.diff(ends), 0.5 * (ends[1:] + ends[:-1])
    u, weight = (centre[:, None] + half[:, None] * X).ravel(), (half[:, None] * W).ravel()

    def momentum(u: Array) -> Array:
        def excess(p: Array) -> Array:  # over -p, so that the root at 0 is left out
            return np.asarray((log_cosh(p * g + u) - log_cosh(u)) / -p + (u - eta))

        top = np.full_like(u, np.log(8.0 + 4.0 / g))
        return np.asarray(-np.exp(bisect(lambda x: -excess(-np.exp(x)), np.full_like(u, -40.0), top)))

    p = momentum(u)
    barrier, path = -p @ weight, (np.tanh(u) + p - np.tanh(u + p * g)) @ weight
    diffusion = 2 / g**2 * (drift(u) * np.cosh(u) ** 2) @ weight
    u = np.clip(u, middle + 1e-4 * length, top - 1e-4 * length)  # nearer p has lost its digits
    w = u + momentum(u) * g
    rest = (1 - g / np.cosh(w) ** 2) / (g * np.tanh(w) - u + eta) - 1 / (u - middle) + 1 / (top - u)
    ends = np.log(g / np.cosh(top) ** 2) - np.log(g / np.cosh(middle) ** 2)  # of (m - state)/(u - state)
    return float(barrier), float(-path), float(-(rest @ weight + ends)), float(diffusion)


ROUTERS = [  # g, eta/eta_f, and how near the rule comes to S, and to I: at large g there is a layer below its cut
    (1.05, 0.3, 1e-12, 1e-5),
    (1.3, 0.0, 1e-12, 1e-6),
    (1.5, 0.5, 1e-12, 1e-6),
    (1.5, -0.9, 1e-12, 1e-6),
    (2.5, 0.98, 1e-12, 5e-3),
    (2.5, -0.98, 1e-12, 1e-6),
    (6.0, 0.2, 1e-11, np.inf),
    (6.0, -0.6, 1e-12, 2e-3),
    (20.0, 0.97, 1e-11, np.inf),
    (20.0, 0.5, 1e-11, np.inf),
    (20.0, -0.9, 1e-12, 2e-3),
    (60.0, 0.995, 1e-8, np.inf),
    (60.0, 0.6, 1e-8, np.inf),
    (60.0, -0.3, 3e-8, np.inf),
    (60.0, -0.999, 1e-11, np.inf),
    (150.0, 0.0, 3e-8, np.inf),
    (150.0, 1 - 1e-6, 1e-8, np.inf),
]


@pytest.mark.parametrize(("g", "share", "near", "rough"), ROUTERS)
def test_integrals(g: float, share: float, near: float, rough: float) -> None:
    eta = share * float(mc.fold_asymmetry(g))
    barrier, path, finite, diffusion = integrals(g, eta)
    found = action.actions(np.array([g]), np.array([eta]))
    assert found.barrier[0] == pytest.approx(barrier, rel=near)
    assert found.path[0] == pytest.approx(path, rel=10 * near)
    assert found.finite[0] == pytest.approx(finite, rel=0, abs=rough)
    assert action.diffusion_barriers(np.array([g]), np.array([eta]))[0] == pytest.approx(diffusion, rel=2e-13)


def test_together() -> None:
    """Routers of all kinds at once, more than are integrated at a time, and their mirror images: none moves another."""
    g = np.concatenate([np.array([row[0] for row in ROUTERS]), np.linspace(1.01, 1.2, 250), [0.5, 1.0]])
    eta = np.concatenate([np.array([row[1] for row in ROUTERS]), np.linspace(-0.9, 0.9, 250), [0.0, 0.0]])
    eta[:-2] *= mc.fold_asymmetry(g[:-2])
    together, diffusion = action.actions(g, eta), action.diffusion_barriers(g, eta)
    for k in (*range(0, len(ROUTERS), 2), 30, 140, 255, 256, 266):
        alone = action.actions(g[k : k + 1], eta[k : k + 1])
        for name in ("barrier", "path", "finite", "rate"):
            assert getattr(together, name)[k] == pytest.approx(getattr(alone, name)[0], rel=2e-11, abs=1e-11)
        assert diffusion[k] == pytest.approx(action.diffusion_barriers(g[k : k + 1], eta[k : k + 1])[0], rel=1e-13)
    assert np.isnan(together.barrier[-2:]).all()
    assert np.isnan(diffusion[-2:]).all()


class TestFinerPanels:
    """What the panels leave out: nothing, for panels in twice the number leave it where it is."""

    @pytest.mark.parametrize("share", [-0.999, -0.7, 0.0, 1e-6, 0.3, 0.999])
    def test_moves_nothing(self, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
        g = np.concatenate([1 + np.geomspace(1e-6, 1.0, 4), np.geomspace(2.5, 1e9, 13)])
        eta = share * mc.fold_asymmetry(g)
        each = [action.actions(g[k : k + 1], eta[k : k + 1]) for k in range(g.size)]
        diffusion = [action.diffusion_barriers(g[k : k + 1], eta[k : k + 1])[0] for k in range(g.size)]
        monkeypatch.setattr(action, "_RATIO", action._RATIO**0.5)
        finer, fine = action.actions(g, eta), action.diffusion_barriers(g, eta)
        np.testing.assert_allclose([a.barrier[0] for a in each], finer.barrier, rtol=5e-15)
        np.testing.assert_allclose([a.path[0] for a in each], finer.path, rtol=3e-13, atol=1e-15)
        rounding = np.where((g > 1.1) & (g < 1e4), 1e-11, 2e-9)  # of the poles that are taken off, near the states
        assert np.all(np.abs([a.finite[0] for a in each] - finer.finite) < rounding * (1 + np.abs(finer.finite)))
        np.testing.assert_allclose(diffusion, fine, rtol=5e-15)


@pytest.mark.parametrize(
    ("g", "share", "rough"), [(1.3, 0.0, 5e-3), (1.5, 0.5, 1e-3), (2.5, -0.98, 0.3), (6.0, -0.6, 5e-3)]
)
def test_derivatives(g: float, share: float, rough: float) -> None:
    """Central differences of the three integrals by their definitions, in the gain and in the asymmetry."""
    eta, step = share * float(mc.fold_asymmetry(g)), 1e-4
    found = action.actions(np.array([g]), np.array([eta]))
    for part, (up, down) in (
        (found.by_gain[0], (integrals(g + step, eta), integrals(g - step, eta))),
        (found.by_asymmetry[0], (integrals(g, eta + step), integrals(g, eta - step))),
    ):
        barrier, path, finite = ((up[k] - down[k]) / (2 * step) for k in range(3))
        assert part[0] == pytest.approx(barrier, rel=3e-6)
        assert part[1] == pytest.approx(path, rel=5e-6)
        assert part[2] == pytest.approx(finite, rel=0, abs=rough)
