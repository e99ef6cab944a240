"""One test a statement: susceptibility of real routers and any load response, against the definitions."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.special import ndtr

from proofs.statements import value
from tests.definitions import near, numbers, softmax

pytestmark = pytest.mark.usefixtures("digits")


@pytest.mark.statement("susceptibility.derivative")
def test_derivative() -> None:
    beta, a = mp.mpf("1.7"), numbers(-1, 1, 4)
    p = softmax(a, beta)
    own = mp.diff(lambda x: softmax([x, *a[1:]], beta)[0], a[0])
    other = mp.diff(lambda x: softmax([a[0], x, *a[2:]], beta)[0], a[1])
    assert near(own, value("susceptibility.derivative", "diagonal", beta=beta, p=p[0]))
    assert near(other, value("susceptibility.derivative", "across", beta=beta, p=p[0], q=p[1]))


def chi(p: Any, beta: Any) -> Any:
    K = len(p)
    return mp.matrix([[beta * (p[i] * (i == j) - p[i] * p[j]) for j in range(K)] for i in range(K)])


@pytest.mark.statement("susceptibility.psd")
def test_psd() -> None:
    beta, p, w = mp.mpf("1.3"), softmax(numbers(-2, 2, 5)), numbers(-1, 1, 5, seed=3)
    first, second = (mp.fsum(x * y**k for x, y in zip(p, w, strict=True)) for k in (1, 2))
    vector = mp.matrix(w)
    form = (vector.T * chi(p, beta) * vector)[0]
    assert near(form, value("susceptibility.psd", "form", beta=beta, first=first, second=second))
    assert form > 0
    assert near(mp.norm(chi(p, beta) * mp.matrix([1] * 5)), value("susceptibility.psd", "kernel"))


@pytest.mark.statement("susceptibility.tie_graph")
def test_tie_graph() -> None:
    """Loads of independent normal logits under hard routing: derivatives by quadrature, against the tie densities."""
    means = [mp.mpf("0.3"), mp.mpf(0), mp.mpf("-0.4")]

    def load(i: int, shift: Any) -> Any:
        m = [x + s for x, s in zip(means, shift, strict=True)]
        others = [m[j] for j in range(3) if j != i]
        return mp.quad(
            lambda x: mp.npdf(x, m[i]) * mp.ncdf(x - others[0]) * mp.ncdf(x - others[1]), mp.linspace(-7, 7, 8)
        )

    def ties(i: int, j: int) -> Any:
        k = 3 - i - j
        return mp.quad(
            lambda x: mp.npdf(x, means[i]) * mp.npdf(x, means[j]) * mp.ncdf(x - means[k]), mp.linspace(-7, 7, 8)
        )

    c = {"c12": ties(0, 1), "c13": ties(0, 2), "c23": ties(1, 2)}
    own = mp.diff(lambda s: load(0, (s, 0, 0)), 0)
    other = mp.diff(lambda s: load(0, (0, s, 0)), 0)
    assert near(own, value("susceptibility.tie_graph", "diagonal", **c), 1e-9)
    assert near(other, value("susceptibility.tie_graph", "across", **c), 1e-9)
    assert value("susceptibility.tie_graph", "form", w1=1, w2=-1, w3=0, **c) > 0


@pytest.mark.statement("susceptibility.slot_ties")
def test_slot_ties() -> None:
    """Four independent normal logits, top-2: derivatives of slot shares and densities of ties, all by quadrature.

    The trapezoidal rule is exact to rounding for such densities; differences of order h^4 leave 1e-11.
    """
    means, x = np.array([0.3, 0.0, -0.4, 0.7]), np.linspace(-9.0, 9.0, 721)
    outcomes = list(product([False, True], repeat=2))

    def densities(shift: Any) -> Any:
        y = x[:, None] - means - shift
        return np.exp(-0.5 * y * y) / np.sqrt(2.0 * np.pi), ndtr(-y)

    def share(i: int, shift: Any) -> float:
        """Half the probability that at most one of the others is above."""
        density, above = densities(shift)
        others = [above[:, j] for j in range(4) if j != i]
        few = [which for which in product([False, True], repeat=3) if sum(which) < 2]
        chance = sum(
            np.prod([q if a else 1.0 - q for q, a in zip(others, which, strict=True)], axis=0) for which in few
        )
        return float(np.trapezoid(density[:, i] * chance, x)) / 2.0

    def slope(i: int, j: int, h: float = 1e-3) -> float:
        at = {n: share(i, n * h * np.eye(4)[j]) for n in (-2, -1, 1, 2)}
        return (8.0 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12.0 * h)

    density, above = densities(np.zeros(4))
    c = {}
    for i, j in combinations(range(4), 2):
        q, r = (above[:, n] for n in range(4) if n not in (i, j))
        c[f"c{i + 1}{j + 1}"] = float(np.trapezoid(density[:, i] * density[:, j] * (q * (1 - r) + r * (1 - q)), x))
    chi = np.array([[slope(i, j) for j in range(4)] for i in range(4)])
    w = np.array([1.0, -1.0, 0.5, 2.0])
    given = {f"w{n + 1}": w[n] for n in range(4)}
    for name, found in (("across", chi[0, 1]), ("diagonal", chi[0, 0]), ("trace", chi.trace()), ("form", w @ chi @ w)):
        assert near(found, value("susceptibility.slot_ties", name, k=2, **c, **given), 1e-9)
    one = [(0.3 if a else 0.7) * (0.9 if b else 0.1) for a, b in outcomes if a + b == 1]
    assert near(sum(one), value("susceptibility.slot_ties", "last", q3=0.3, q4=0.9))


@pytest.mark.statement("susceptibility.bound")
def test_bound() -> None:
    beta = mp.mpf("1.3")
    bound = value("susceptibility.bound", "lambda_max", beta=beta)
    for seed in range(10):
        assert max(mp.eigsy(chi(softmax(numbers(-5, 5, 4, seed)), beta), eigvals_only=True)) < bound
    assert near(max(mp.eigsy(chi([0.5, 0.5, 0, 0], beta), eigvals_only=True)), bound)


@pytest.mark.statement("susceptibility.critical_feedback")
def test_critical() -> None:
    """At the claimed feedback the score equations of a router with uneven logits lose stability."""
    beta, mu, logits = mp.mpf("1.3"), mp.mpf("0.6"), numbers(-1, 1, 4)
    top = max(mp.eigsy(chi(softmax(logits, beta), beta), eigvals_only=True))
    kappa = value("susceptibility.critical_feedback", "kappa", mu=mu, lambda_max=top)
    rates = mp.eigsy(kappa * chi(softmax(logits, beta), beta) - mu * mp.eye(4), eigvals_only=True)
    assert near(max(rates), 0)
    even = sorted(mp.eigsy(chi([mp.mpf(1) / 4] * 4, beta), eigvals_only=True))
    assert all(near(e, value("susceptibility.critical_feedback", "uniform", beta=beta, K=4)) for e in even[1:])


def response(z: Any) -> Any:
    """A response that is not odd: two tokens with margins 0.4 and -1."""
    return (mp.tanh(z + 0.4) + mp.tanh(z - 1)) / 2


def derivatives(function: Any, z: Any) -> dict[str, Any]:
    return {f"G{n}": mp.diff(function, z, n) for n in range(4)}


@pytest.mark.statement("response.critical")
def test_response_critical() -> None:
    mu = mp.mpf("0.7")
    kappa = value("response.critical", "kappa", mu=mu, **derivatives(mp.atan, 0))
    assert (
        mp.diff(lambda z: 0.99 * kappa * mp.atan(z) - mu * z, 0)
        < 0
        < mp.diff(lambda z: 1.01 * kappa * mp.atan(z) - mu * z, 0)
    )


@pytest.mark.statement("response.fold_curve")
def test_response_fold_curve() -> None:
    mu, z = mp.mpf("0.7"), mp.mpf("0.9")
    kappa, h = (value("response.fold_curve", n, mu=mu, z=z, **derivatives(response, z)) for n in ("kappa", "h"))
    assert near(kappa * response(z) - mu * z + h, 0, 1e-12)
    assert near(mp.diff(lambda x: kappa * response(x) - mu * x, z), 0, 1e-12)


@pytest.mark.statement("response.monotone")
def test_response_monotone() -> None:
    mu, z = mp.mpf("0.7"), mp.mpf("0.9")
    for name in ("kappa", "h"):
        slope = mp.diff(lambda x, n=name: value("response.fold_curve", n, mu=mu, z=x, **derivatives(mp.atan, x)), z)
        assert near(slope, value("response.monotone", f"{name}_slope", mu=mu, **derivatives(mp.atan, z)), 1e-6)


@pytest.mark.statement("response.cubic")
def test_response_cubic() -> None:
    taylor = mp.taylor(lambda z: 1.4 * mp.atan(z), 0, 3)
    assert near(taylor[3], value("response.cubic", "cubic", kappa=mp.mpf("1.4"), **derivatives(mp.atan, 0)), 1e-9)


def check_member(name: str, **parameters: Any) -> None:
    def load(z: Any) -> Any:
        return value(name, "G", z=z, **parameters)

    mu, kappa = mp.mpf("0.7"), mp.mpf("1.4")
    assert near(mu / mp.diff(load, 0), value(name, "kappa", mu=mu, **parameters), 1e-9)
    assert near(kappa * mp.diff(load, 0, 3) / 6, value(name, "cubic", kappa=kappa, **parameters), 1e-9)


@pytest.mark.statement("response.softmax")
def test_softmax() -> None:
    beta, z = mp.mpf("1.7"), mp.mpf("0.6")
    first, second = softmax([z, 0], beta)
    assert near(first - second, value("response.softmax", "G", beta=beta, z=z))
    check_member("response.softmax", beta=beta)


@pytest.mark.statement("response.hard_gaussian")
def test_hard_gaussian() -> None:
    sigma, z = mp.mpf("1.7"), mp.mpf("0.6")
    assert near(1 - 2 * mp.ncdf(-z, 0, sigma), value("response.hard_gaussian", "G", sigma=sigma, z=z))
    check_member("response.hard_gaussian", sigma=sigma)


@pytest.mark.statement("response.logistic_normal")
def test_logistic_normal() -> None:
    """The critical feedback by quadrature, above both limits and near each where it should be."""
    mu = mp.mpf("0.7")
    for beta, sigma, near_to in ((1.3, 0.9, None), (0.1, 0.3, "soft"), (60.0, 1.0, "hard")):
        slope = mp.quad(
            lambda x, b=beta, s=sigma: b / 2 * mp.sech(b * x / 2) ** 2 * mp.npdf(x, 0, s),
            mp.linspace(-9 * sigma, 9 * sigma, 40),
        )
        limits = {n: value("response.logistic_normal", n, mu=mu, beta=beta, sigma=sigma) for n in ("soft", "hard")}
        assert mu / slope > max(limits.values())
        assert near_to is None or near(mu / slope, limits[near_to], 2e-3)
