"""One test a statement: finite increments and the E parameter, against quadrature and simulation."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import spsolve

from proofs.statements import value
from tests.definitions import drift, fold, near

pytestmark = pytest.mark.usefixtures("digits")


def chain(
    g: float, eta: float, delta: float, routers: int, steps: int, start: float, seed: int
) -> np.ndarray[Any, Any]:
    """Simulate the chain of one token a step; return the last two states of each router."""
    rng = np.random.default_rng(seed)
    u = np.full(routers, start)
    for _ in range(steps):
        before = u
        sign = np.where(rng.random(routers) < (1 + np.tanh(u)) / 2, 1.0, -1.0)
        u = (1 - delta) * u + delta * (eta + g * sign)
    return np.stack([before, u])


@pytest.mark.statement("escape.diffusion_barrier")
def test_diffusion_barrier() -> None:
    """At g = 1.5 it is 0.25457, by quadrature."""
    stable = mp.findroot(lambda u: drift(u, 1.5, 0), 1.3)
    slope = lambda u: value("escape.diffusion_barrier", "slope", F=drift(u, 1.5, 0), u=u, g=1.5)  # noqa: E731
    assert near(mp.quad(slope, [0, stable]), 0.25457, 1e-5)


@pytest.mark.statement("noise.variance")
@pytest.mark.statement("noise.autocorrelation")
def test_linear_noise() -> None:
    """Small delta, stable balance: five standard errors are 1.6 % of the variance; nonlinearity adds under 1 %."""
    g, delta = 0.5, 0.02
    before, after = chain(g, 0.0, delta, 200_000, 400, 0.0, 5)
    F1 = value("reduced.slope", "slope", u=0, g=g)
    parameters = {"delta": delta, "g": g, "S": 1, "F1": F1, "B": 1}
    assert after.var() == pytest.approx(float(value("noise.variance", "exact", **parameters)), rel=0.03)
    assert value("noise.variance", "leading", **parameters) == pytest.approx(
        value("noise.variance", "exact", **parameters), rel=0.01
    )
    assert np.corrcoef(before, after)[0, 1] == pytest.approx(
        float(value("noise.autocorrelation", "rho", **parameters)), abs=1e-3
    )


@pytest.mark.statement("noise.density")
def test_density() -> None:
    """Zero flux by numerical derivatives, and the simulated chain's second moment at small delta."""
    g, delta, eta = 1.2, 0.02, 0.05

    def density(u: Any) -> Any:
        parameters = {"u": u, "g": g, "delta": delta, "B": 1, "eta": eta}
        D = value("noise.density", "D", **parameters)
        return D, mp.exp(2 * value("noise.density", "integral", **parameters) / (delta * g**2)) / D

    u = mp.mpf("0.3")
    flux = drift(u, g, eta) * density(u)[1] - mp.diff(lambda x: mp.fmul(*density(x)), u) / 2
    assert abs(flux) < 1e-9 * density(u)[1]
    weights = np.array([float(density(x)[1]) for x in np.linspace(-3, 3, 601)])
    moment = float((weights * np.linspace(-3, 3, 601) ** 2).sum() / weights.sum())
    assert (chain(g, eta, delta, 40_000, 4000, 0.3, 6)[1] ** 2).mean() == pytest.approx(moment, rel=0.05)


@pytest.mark.statement("escape.barrier")
@pytest.mark.statement("escape.time")
def test_escape() -> None:
    """Mean first-passage times of the discrete chain, by solving its backward equation on a grid, for two deltas."""
    g, eta = 1.5, 0.0
    stable = float(mp.findroot(lambda u: drift(u, g, eta), 1.3))

    def momentum(u: Any) -> Any:
        def quotient(p: Any) -> Any:
            return value("escape.barrier", "H", u=u, p=p, g=g, eta=eta) / p

        return mp.findroot(quotient, (-1, -1e-9), solver="anderson", tol=1e-12)

    barrier = float(-mp.quad(momentum, mp.linspace(1e-3, stable - 1e-3, 6), maxdegree=3))
    times = [passage(g, delta, stable) for delta in (1 / 30, 1 / 50)]
    slope = (np.log(times[1]) - np.log(times[0])) / 20
    assert slope == pytest.approx(barrier, rel=0.06)  # prefactors change the slope at order delta
    assert abs(slope - barrier) < abs(slope - 0.25457)  # the diffusion limit's barrier
    F = mp.mpf("1e-4")  # both orders of the root, where the drift is small
    u = mp.mpf("0.5")
    root = mp.findroot(lambda p: value("escape.barrier", "H", u=u, p=p, g=g, eta=F + u - g * mp.tanh(u)) / p, -2 * F)
    two = value("escape.time", "p", F=F, u=u, g=g) + value("escape.time", "correction", F=F, u=u, g=g)
    assert abs(root - two) < 10 * F**3


def passage(g: float, delta: float, start: float) -> float:
    """Mean number of steps, times delta, from start to u <= 0, from the backward equation on a grid."""
    grid = np.linspace(0.0, g, 3001)
    up = (1 + np.tanh(grid)) / 2
    targets = [(1 - delta) * grid + delta * g, (1 - delta) * grid - delta * g]
    spacing = grid[1]
    rows = []
    for target in targets:
        low = np.clip(np.floor(target / spacing).astype(int), 0, grid.size - 2)
        share = np.clip(target / spacing - low, 0, 1)
        rows.append((low, share, target > 0))
    index = np.arange(grid.size)
    matrix = csr_matrix((grid.size, grid.size))
    for (low, share, alive), probability in zip(rows, (up, 1 - up), strict=True):
        for column, weight in ((low, 1 - share), (low + 1, share)):
            matrix = matrix + csr_matrix((probability * weight * alive, (index, column)), shape=matrix.shape)
    time = spsolve((identity(grid.size) - matrix).tocsc(), np.ones(grid.size))
    return float(delta * np.interp(start, grid, time))


@pytest.mark.statement("ramp.delay")
def test_ramp() -> None:
    """Integrate the reduced flow with eta ramped past the fold of g = 2; the delay approaches the claim."""
    g = 2.0
    u_fold, eta_f = (float(x) for x in fold(mp.mpf(g)))
    b = value("ramp.delay", "b", g=mp.mpf(g))
    ratios = []
    for rate in (1e-4, 1e-6):
        claimed = float(value("ramp.delay", "delay", a=mp.airyaizero(1), rho=rate, b=b))
        u, eta, step = u_fold - 0.3, eta_f - 0.05, 0.02
        for _ in range(2000):
            u += 0.05 * (g * np.tanh(u) - u + eta)
        while u < 0.5:
            eta += rate * step
            u += step * (g * np.tanh(u) - u + eta)
        ratios.append((eta - eta_f) / claimed)
    assert abs(ratios[1] - 1) < abs(ratios[0] - 1) < 0.2
    assert ratios[1] == pytest.approx(1, abs=0.06)


@pytest.mark.statement("update.flip")
def test_flip() -> None:
    """The mean map returns to balance just inside the claim, and settles on a cycle of period two just outside."""
    delta = 0.5
    for excess, settles in ((-0.05, True), (0.05, False)):
        g = 1 - (2 + excess) / delta
        assert bool(value("update.flip", "stable", delta=delta, g=g)) == settles
        u = 0.1
        for _ in range(2000):
            u += delta * (g * np.tanh(u) - u)
        again = u + delta * (g * np.tanh(u) - u)
        assert (abs(u) < 1e-9) == settles
        assert again == pytest.approx(-u, abs=1e-9)
    third = mp.diff(lambda x: x + delta * (g * mp.tanh(x) - x), 0, 3)
    assert near(third, value("update.flip", "cubic", delta=delta, g=g), 1e-9)


@pytest.mark.statement("update.rate")
def test_update_rate() -> None:
    """The bias rule on three experts of unequal logits, just inside and just outside the claim."""
    base = np.array([0.4, 0.0, -0.6])

    def load(bias: Any) -> Any:
        w = np.exp(base + bias)
        return w / w.sum()

    even = -base  # the biases that balance the load
    p = load(even)
    target = np.full(3, 1 / 3)
    chi = np.diag(p) - np.outer(p, p)
    top = float(np.linalg.eigvalsh(chi)[-1])
    for share, settles in ((0.95, True), (1.05, False)):
        r = share * 2 / top
        assert bool(value("update.rate", "safe", r=r, lambda_max=top)) == settles
        bias = even + np.array([0.01, -0.02, 0.01])
        for _ in range(3000):
            bias = bias + r * (target - load(bias))
        assert (np.abs(load(bias) - target).max() < 1e-6) == settles


@pytest.mark.statement("ecology.parameter")
def test_ecology() -> None:
    """The setting with E = 0.545 = 6/11, and the definition by hand."""
    assert near(
        value("ecology.parameter", "E", T=1, H=mp.mpf("0.06"), O=mp.mpf("0.06"), B=mp.mpf("0.05")), mp.mpf(6) / 11
    )


@pytest.mark.statement("ecology.competitor")
def test_competitor() -> None:
    """The feedback over its critical value is its inverse, whatever the temperature."""
    K, H, O, B = 4, 0.2, 0.5, 0.3  # noqa: E741
    for T in (0.1, 5.0):
        critical = (H + B) / (K * T**2) * K  # critical.feedback at inverse temperature 1
        assert near(critical / (O / T**2), value("ecology.competitor", "group", H=H, O=O, B=B))
