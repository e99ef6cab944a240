"""One test a statement: K experts, against the definitions."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import pytest

from proofs.statements import value
from tests.definitions import depth, drift, field, jacobian, near, numbers, softmax

pytestmark = pytest.mark.usefixtures("digits")


def state(x: Any, g: Any, experts: int, favoured: int = 1) -> list[Any]:
    """Values of the family with so many favoured experts at x, whose sum is K g."""
    low = g - x * favoured / experts
    return [low + x] * favoured + [low] * (experts - favoured)


def collapsed(g: Any, experts: int, start: float) -> Any:
    """x of the state with one favoured expert that is found from a start, by its own equation of rest."""

    def rest(x: Any) -> Any:
        v = state(x, g, experts)
        rates = field(v, g, [0] * experts)
        return rates[0] - rates[1]

    return mp.findroot(rest, start)


def gain_at(x: Any, experts: int) -> Any:
    """Gain at which the state with one favoured expert rests at x."""
    loads = softmax(state(x, 1, experts))
    return x / (experts * (loads[0] - loads[1]))


def eigenvalues(v: Any, g: Any) -> list[Any]:
    return sorted(mp.eigsy(jacobian(v, g), eigvals_only=True))


@pytest.mark.statement("expert.reduction")
def test_reduction() -> None:
    kappa, mu, beta = (mp.mpf(x) for x in ("1.3", "0.7", "1.9"))
    s, h = numbers(-1, 1, 4), numbers(-1, 1, 4, seed=2)
    g = value("reduced.gain", "g", kappa=kappa, mu=mu, beta=beta, K=4)
    for p, score, drive in zip(softmax(s, beta), s, h, strict=True):
        claimed = value("expert.reduction", "field", K=4, g=g, p=p, v=beta * score, eta=beta * drive / mu)
        assert near(beta * (kappa * p - mu * score + drive) / mu, claimed)


@pytest.mark.statement("expert.gradient")
def test_gradient() -> None:
    v, drives, g = numbers(-1, 1, 4), numbers(-1, 1, 4, seed=2), mp.mpf("0.8")

    def claimed(x: Any) -> Any:
        w = [x, *v[1:]]
        tilt = mp.fsum(a * b for a, b in zip(drives, w, strict=True))
        sums = {"square": mp.fsum(a * a for a in w), "logsumexp": mp.log(mp.fsum(map(mp.exp, w))), "tilt": tilt}
        return value("expert.gradient", "Phi", K=4, g=g, **sums)

    assert near(-mp.diff(claimed, v[0]), field(v, g, drives)[0], 1e-12)


@pytest.mark.statement("expert.balanced")
def test_balanced() -> None:
    for g in numbers(0.2, 2):
        v = [value("expert.balanced", "v", g=g)] * 5
        assert max(map(abs, field(v, g, [0] * 5))) < 1e-30
        across, along = value("expert.balanced", "transverse", g=g), value("expert.balanced", "parallel")
        assert all(near(a, b) for a, b in zip(eigenvalues(v, g), sorted([across] * 4 + [along]), strict=True))


@pytest.mark.statement("expert.at_most_two_values")
def test_two_values() -> None:
    """A state found by following the flow from a random start: conserved is the same for all experts."""
    g = mp.mpf("1.2")
    v = numbers(-1, 2, 5)
    for _ in range(400):
        v = [x + rate / 2 for x, rate in zip(v, field(v, g, [0] * 5), strict=True)]
    conserved = [value("expert.at_most_two_values", "conserved", v=x) for x in v]
    assert max(conserved) - min(conserved) < 1e-12
    assert max(v) > 1 > min(v)
    slope = mp.diff(lambda x: value("expert.at_most_two_values", "conserved", v=x), v[0])
    assert near(slope, value("expert.at_most_two_values", "slope", v=v[0]), 1e-12)


@pytest.mark.statement("expert.lambert")
def test_lambert() -> None:
    g, experts = mp.mpf("1.1"), 6
    v = state(collapsed(g, experts, 6), g, experts)
    c = v[0] * mp.exp(-v[0])
    assert near(v[0], mp.re(value("expert.lambert", "v", c=c, branch=-1)))
    assert near(v[1], mp.re(value("expert.lambert", "v", c=c, branch=0)))


@pytest.mark.statement("expert.families")
def test_family() -> None:
    for m in (1, 2, 3):
        g, x = mp.mpf(1), mp.mpf("2.5")
        loads = softmax(state(x, g, 7, m))
        claimed = value("expert.families", "x", K=7, g=g, m=m, Y=mp.exp(x))
        assert near(7 * g * (loads[0] - loads[-1]), claimed)
        assert near(mp.fsum(7 * g * p for p in loads), value("expert.families", "sum", K=7, g=g))


@pytest.mark.statement("expert.one_favoured")
def test_one_favoured() -> None:
    """Two favoured experts of five: an eigenvalue v - 1 > 0."""
    x = mp.mpf(3)
    loads = softmax(state(x, 1, 5, 2))
    g = x / (5 * (loads[0] - loads[-1]))
    v = state(x, g, 5, 2)
    assert max(map(abs, field(v, g, [0] * 5))) < 1e-30
    claimed = value("expert.one_favoured", "eigenvalue", v=v[0])
    assert claimed > 0
    assert min(abs(e - claimed) for e in eigenvalues(v, g)) < 1e-30


@pytest.mark.statement("expert.unique")
def test_unique() -> None:
    """Below the bound the Jacobian is negative definite at random states; above it need not be."""
    bound = value("expert.unique", "g", K=5)
    assert all(eigenvalues(numbers(-4, 4, 5, seed), bound * 0.999)[-1] < 0 for seed in range(20))
    assert eigenvalues([20, 20, 0, 0, 0], bound * 1.001)[-1] > 0


@pytest.mark.statement("expert.fold_curve")
def test_fold_curve() -> None:
    for x in numbers(0.5, 6):
        g, eta = (value("expert.fold_curve", name, x=x, Y=mp.exp(x), K=8) for name in ("g", "eta"))

        def rate(y: Any, g: Any = g, eta: Any = eta) -> Any:
            loads = softmax([y, *[0] * 7])
            return 8 * g * (loads[0] - loads[1]) - y + eta

        assert near(rate(x), 0)
        assert near(mp.diff(rate, x), 0, 1e-12)


@pytest.mark.statement("expert.two")
def test_two() -> None:
    for u in numbers(0.1, 3):
        x, g, eta = (value("expert.two", name, u=u) for name in ("x", "g", "eta"))
        loads = softmax([x, 0])
        assert near(2 * g * (loads[0] - loads[1]) - x + eta, 0)
        assert near(drift(u, g, eta / 2), 0)


@pytest.mark.statement("expert.fold_gain")
def test_fold_gain() -> None:
    """The smallest gain of any state with one favoured expert, by minimising over x."""
    for experts in (3, 8, 64):
        x = mp.findroot(
            lambda y, K=experts: value("expert.fold_gain", "residual", x=y, Y=mp.exp(y), K=K), 2 * mp.log(experts) - 0.3
        )
        smallest = gain_at(x, experts)
        assert near(smallest, value("expert.fold_curve", "g", Y=mp.exp(x), K=experts))
        assert all(smallest < gain_at(x + step, experts) for step in (-0.1, -0.001, 0.001, 0.1))
        slope = mp.diff(lambda y, K=experts: value("expert.fold_gain", "residual", x=y, Y=mp.exp(y), K=K), x)
        assert near(slope, value("expert.fold_gain", "slope", Y=mp.exp(x), K=experts), 1e-9)


@pytest.mark.statement("expert.discontinuous")
def test_discontinuous() -> None:
    for experts in (3, 10):
        x = mp.mpf("1e-8")
        slope = (gain_at(x, experts) - 1) / x
        assert near(slope, value("expert.discontinuous", "slope", K=experts), 1e-6)


@pytest.mark.statement("expert.equal_depth")
def test_equal_depth() -> None:
    for experts in (3, 16):
        g = value("expert.equal_depth", "g", K=experts)
        x = collapsed(g, experts, float(value("expert.equal_depth", "x", K=experts)) * 1.05)
        v = state(x, g, experts)
        assert near(depth(v, g, [0] * experts), depth([g] * experts, g, [0] * experts))
        assert near(x, value("expert.equal_depth", "x", K=experts))
        assert near(softmax(v)[0], value("expert.equal_depth", "load", K=experts))
