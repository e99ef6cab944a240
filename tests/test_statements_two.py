"""One test a statement: claims about two experts against the definitions, at random points."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from proofs.statements import value
from tests.definitions import drift, fold, near, numbers, softmax

pytestmark = pytest.mark.usefixtures("digits")


def scores(seed: int) -> dict[str, Any]:
    draw = random.Random(seed)
    names = "kappa mu beta s1 s2 h1 h2".split()
    return {name: mp.mpf(draw.uniform(0.3, 2)) for name in names}


def rates(v: dict[str, Any]) -> list[Any]:
    loads = softmax([v["s1"], v["s2"]], v["beta"])
    return [v["kappa"] * p - v["mu"] * v[f"s{i}"] + v[f"h{i}"] for i, p in enumerate(loads, 1)]


def reduced(v: dict[str, Any]) -> dict[str, Any]:
    u = v["beta"] * (v["s1"] - v["s2"]) / 2
    return {"u": u, "g": value("reduced.gain", "g", K=2, **v), "eta": value("reduced.asymmetry", "eta", **v)}


@pytest.mark.statement("discrete.mean_drift")
def test_mean_drift() -> None:
    rng = np.random.default_rng(1)
    kappa, mu, s, h, p, q, batch, runs = 1.5, 0.7, 0.4, 0.2, 0.3, 0.5, 4, 100_000
    share = rng.multinomial(batch, [p, q, 1 - p - q], size=runs) / batch
    step = kappa * share - mu * s + h
    assert step[:, 0].mean() == pytest.approx(
        value("discrete.mean_drift", "drift", kappa=kappa, mu=mu, s=s, h=h, p=p), abs=0.006
    )
    noise = np.cov(step[:, 0], step[:, 1])  # false alarm below 1e-6: more than five standard errors
    assert noise[0, 0] == pytest.approx(value("discrete.mean_drift", "variance", kappa=kappa, p=p, B=batch), rel=0.03)
    assert noise[0, 1] == pytest.approx(
        value("discrete.mean_drift", "covariance", kappa=kappa, p=p, q=q, B=batch), rel=0.05
    )


@pytest.mark.statement("meanfield.bound")
def test_meanfield_bound() -> None:
    """The squared error stays below the bound and falls like eps; the flow is integrated with 1/32 of the step."""
    kappa, mu, beta, horizon, experts, runs = 1.0, 1.0, 0.5, 1.0, 3, 400
    start = np.array([0.3, 0.0, -0.2])

    def loads(s: Any) -> Any:
        w = np.exp(beta * s)
        return w / w.sum(-1, keepdims=True)

    errors = []
    for eps in (2**-5, 2**-9):
        rng, state, flow, worst = np.random.default_rng(3), np.tile(start, (runs, 1)), start.copy(), np.zeros(runs)
        for _ in range(int(horizon / eps)):
            p = loads(state)
            drawn = (rng.random((runs, 1)) > np.cumsum(p, axis=1)).sum(1)
            state = state + eps * (kappa * np.eye(experts)[drawn] - mu * state)
            for _ in range(32):
                flow = flow + eps / 32 * (kappa * loads(flow) - mu * flow)
            worst = np.maximum(worst, ((state - flow) ** 2).sum(1))
        numeric = {"kappa": kappa, "mu": mu, "beta": beta, "T": horizon, "K": experts, "B": 1, "eps": eps}
        L = value("meanfield.bound", "L", **numeric)
        M = value("meanfield.bound", "M", H=0, S=np.linalg.norm(start), **numeric)
        bound = value("meanfield.bound", "noise", L=L, **numeric) + value(
            "meanfield.bound", "bias", L=L, M=M, **numeric
        )
        assert worst.mean() < bound
        errors.append(worst.mean())
    assert np.log(errors[0] / errors[1]) / np.log(16) == pytest.approx(1, abs=0.15)  # standard error about 0.02


@pytest.mark.statement("reduced.gain")
@pytest.mark.statement("reduced.asymmetry")
@pytest.mark.statement("reduced.drift")
def test_reduction() -> None:
    for seed in range(5):
        v = scores(seed)
        first, second = rates(v)
        assert near(v["beta"] * (first - second) / (2 * v["mu"]), value("reduced.drift", "F", **reduced(v)))


@pytest.mark.statement("reduced.load")
@pytest.mark.statement("reduced.imbalance")
def test_load() -> None:
    v = scores(7)
    first, second = softmax([v["s1"], v["s2"]], v["beta"])
    assert near(first, value("reduced.load", "p", **reduced(v)))
    assert near(first - second, value("reduced.imbalance", "m", **reduced(v)))


@pytest.mark.statement("reduced.sum")
def test_sum() -> None:
    v = scores(8)
    rest, rate = value("reduced.sum", "rest", **v), value("reduced.sum", "rate", **v)
    assert near(sum(rates(v)), rate * (rest - v["s1"] - v["s2"]))


@pytest.mark.statement("reduced.slope")
def test_slope() -> None:
    for u, g in zip(numbers(-3, 3), numbers(0, 3), strict=True):
        assert near(mp.diff(lambda x, g=g: drift(x, g, 0.3), u), value("reduced.slope", "slope", u=u, g=g))


@pytest.mark.statement("reduced.potential")
def test_potential() -> None:
    for u, g in zip(numbers(-3, 3), numbers(0, 3), strict=True):
        eta = mp.mpf("0.37")
        slope = mp.diff(lambda x, g=g, eta=eta: value("reduced.potential", "V", u=x, g=g, eta=eta), u)
        assert near(-slope, drift(u, g, eta))
        assert near(slope * drift(u, g, eta), value("reduced.potential", "rate", F=drift(u, g, eta)))


@pytest.mark.statement("critical.feedback")
def test_critical_feedback() -> None:
    v = scores(9)
    critical = value("critical.feedback", "kappa", K=2, **v)
    for factor, stable in ((0.99, True), (1.01, False)):
        g = value("reduced.gain", "g", K=2, **{**v, "kappa": critical * factor})
        assert (mp.diff(lambda x, g=g: drift(x, g, 0), 0) < 0) == stable


def sign_changes(g: Any, eta: Any) -> int:
    values = [drift(mp.mpf(i) / 50, g, eta) for i in range(-301, 302)]
    return sum(a * b < 0 for a, b in pairwise(values))


@pytest.mark.statement("equilibrium.count")
def test_count() -> None:
    for g in numbers(1.2, 3):
        _, eta_f = fold(g)
        turning = value("equilibrium.count", "turning", g=g)
        for share, count in ((0.3, 3), (-0.9, 3), (1.1, 1), (-1.5, 1)):
            eta = share * eta_f
            assert sign_changes(g, eta) == count
            assert near(drift(turning, g, eta), value("equilibrium.count", "high", eta=eta, eta_f=eta_f))
            assert near(drift(-turning, g, eta), value("equilibrium.count", "low", eta=eta, eta_f=eta_f))
        assert sign_changes(g / 3, 0.01) == 1


@pytest.mark.statement("equilibrium.stability")
def test_stability() -> None:
    g, eta = mp.mpf(2), mp.mpf("0.2")
    roots = [mp.findroot(lambda x: drift(x, g, eta), start) for start in (-1.6, -0.2, 2.1)]
    for u, claim in zip(roots, ("outer", "inner", "outer"), strict=True):
        assert value("equilibrium.stability", claim, u=u, g=g)
        pushed = drift(u + mp.mpf("1e-6"), g, eta)
        assert (pushed < 0) == (claim == "outer")


@pytest.mark.statement("equilibrium.global")
def test_global() -> None:
    for g in numbers(0, 1):
        a, b = mp.mpf(3), mp.mpf(-2)
        gap, step = a - b, mp.mpf(1) / 1000
        for _ in range(1000):
            a, b = a + step * drift(a, g, 0.2), b + step * drift(b, g, 0.2)
            assert value("equilibrium.global", "slope_bound", g=g) >= value("reduced.slope", "slope", u=a, g=g)
        assert (a - b) ** 2 <= gap**2 * mp.exp(value("equilibrium.global", "rate", g=g)) * (1 + step)


@pytest.mark.statement("equilibrium.response")
def test_response() -> None:
    g = mp.mpf("0.6")

    def state(eta: Any) -> Any:
        return mp.findroot(lambda x: drift(x, g, eta), eta)

    eta = mp.mpf("0.4")
    assert near(mp.diff(state, eta), value("equilibrium.response", "du", u=state(eta), g=g), 1e-12)
    assert near(mp.diff(state, 0), value("equilibrium.response", "balanced", g=g), 1e-12)


@pytest.mark.statement("equilibrium.lambert")
def test_lambert() -> None:
    for g, eta in ((mp.mpf("0.7"), mp.mpf("0.3")), (mp.mpf(2), mp.mpf("-0.1"))):
        r = value("equilibrium.lambert", "r", g=g, eta=eta)
        argument = value("equilibrium.lambert", "argument", g=g, eta=eta)
        x = mp.findroot(lambda y, r=r, argument=argument: y * mp.exp(y) + r * y - argument, -1)
        assert near(drift(value("equilibrium.lambert", "u", x=x, g=g, eta=eta), g, eta), 0)


@pytest.mark.statement("equilibrium.maxwell")
def test_maxwell() -> None:
    g = mp.mpf(2)

    def wells(eta: Any) -> tuple[Any, Any]:
        return tuple(mp.findroot(lambda x: drift(x, g, eta), start) for start in (1.9, -1.9))

    def gap(eta: Any) -> Any:
        right, left = (value("reduced.potential", "V", u=u, g=g, eta=eta) for u in wells(eta))
        return right - left

    right, left = wells(mp.mpf("0.1"))
    assert near(mp.diff(gap, mp.mpf("0.1")), value("equilibrium.maxwell", "depth_slope", right=right, left=left), 1e-12)
    assert near(gap(mp.mpf(0)), 0)


@pytest.mark.statement("pitchfork.branch")
def test_branch() -> None:
    for u in numbers(0.1, 3):
        assert near(drift(u, value("pitchfork.branch", "g", u=u), 0), 0)
    d = mp.mpf("1e-4")
    u = mp.findroot(lambda x: drift(x, 1 + d, 0), mp.sqrt(3 * d))
    assert abs(u**2 - value("pitchfork.branch", "square", d=d)) < d**4


@pytest.mark.statement("pitchfork.conditions")
def test_conditions() -> None:
    for n, claim in enumerate(("F_u", "F_uu", "F_uuu"), 1):
        assert near(mp.diff(lambda x: drift(x, 1, 0), 0, n), value("pitchfork.conditions", claim), 1e-9)
    assert near(mp.diff(lambda x, g: drift(x, g, 0), (0, 1), (1, 1)), value("pitchfork.conditions", "F_ug"), 1e-9)
