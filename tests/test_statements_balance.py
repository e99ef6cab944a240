"""One test a statement: load balancing, the claims against chains iterated, integrals and matrices."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import mpmath as mp
import pytest

from proofs.statements import value
from tests.definitions import near, softmax

pytestmark = pytest.mark.usefixtures("digits")
RULE = {"rate": mp.mpf("1.7"), "lam": mp.mpf("0.6"), "q": mp.mpf("0.11"), "B": mp.mpf(40)}


def moments() -> tuple[Any, Any, Any]:
    """Weights of past noises in the bias; its variance and that of one noise."""
    keep, noise = 1 - RULE["rate"] * RULE["lam"], RULE["q"] / RULE["B"]
    weights = [-RULE["rate"] * keep**n for n in range(400)]
    return weights, mp.fsum(w * w for w in weights) * noise, noise


@pytest.mark.statement("balance.proportional")
def test_proportional() -> None:
    _, bias, noise = moments()
    for name, wanted in (
        ("bias", bias),
        ("load", RULE["lam"] ** 2 * bias),
        ("observed", RULE["lam"] ** 2 * bias + noise),
    ):
        assert near(value("balance.proportional", name, **RULE), wanted)


@pytest.mark.statement("balance.autocorrelation")
def test_autocorrelation() -> None:
    weights, bias, noise = moments()
    lagged = mp.fsum(a * b for a, b in pairwise(weights)) * noise
    assert near(value("balance.autocorrelation", "bias", **RULE), lagged / bias)
    load = [mp.mpf(1), *(RULE["lam"] * w for w in weights)]  # weights of present and past noises
    rate = mp.fsum(a * b for a, b in pairwise(load)) / mp.fsum(w * w for w in load)
    assert near(value("balance.autocorrelation", "observed", **RULE), rate)


@pytest.mark.statement("balance.lag")
def test_lag() -> None:
    x, v = mp.mpf(0), mp.mpf("0.003")
    for _ in range(3000):
        x += v - RULE["rate"] * RULE["lam"] * x
    assert near(value("balance.lag", "lag", v=v, **RULE), RULE["lam"] * x)


@pytest.mark.statement("balance.best_rate")
def test_best_rate() -> None:
    rest = {k: v for k, v in RULE.items() if k != "rate"}
    v = mp.mpf("0.001")

    def cost(r: Any) -> Any:
        return (v / r) ** 2 + value("balance.proportional", "load", rate=r, **rest)

    r = mp.mpf("0.9")
    assert near(value("balance.best_rate", "cost", rate=r, v=v, **rest), cost(r))
    assert near(value("balance.best_rate", "slope", rate=r, v=v, **rest), mp.diff(cost, r), 1e-12)
    assert near(value("balance.best_rate", "bend", rate=r, v=v, **rest), mp.diff(cost, r, 2), 1e-8)
    for small in (mp.mpf("1e-6"), mp.mpf("1e-9")):
        leading = value("balance.best_rate", "leading", v=small, **rest)
        low, high = leading / 2, leading
        for _ in range(80):
            middle = (low + high) / 2
            rises = value("balance.best_rate", "slope", rate=middle, v=small, **rest) > 0
            low, high = (low, middle) if rises else (middle, high)
        root = high
        assert abs(leading / root - 1) < leading * rest["lam"]


def mean_sign(m: Any, S: Any) -> Any:
    return mp.quad(lambda z: mp.npdf(z) * mp.sign(m + S * z), [-12, -m / S, 12])


@pytest.mark.statement("balance.sign")
def test_sign() -> None:
    u, S, m = mp.mpf("0.02"), mp.mpf("0.3"), mp.mpf("1e-8")
    assert near(value("balance.sign", "rate", u=u, S=S), u * mean_sign(m, S) / m, 1e-10)


@pytest.mark.statement("balance.sign_closure")
def test_sign_closure() -> None:
    """Three loads of sum 0 by quadrature over the plane; a bias that is correlated with them moves back as claimed."""
    u, lam, S, s, e, K = map(mp.mpf, ("0.02", "0.4", "0.05", "0.04", "0.002", 3))
    rho = -1 / (K - 1)
    # E sign X sign Y by the angle at which the two change sign
    a = 1 - 2 * mp.acos(-rho) / mp.pi
    claims = {
        "u": u,
        "lam": lam,
        "S": S,
        "s": s,
        "e": e,
        "K": K,
        "a": a,
        "c": mp.sqrt(mp.pi / 8) * u * lam * (K - 1) / K,
    }
    assert near(a, 2 / mp.pi * mp.asin(1 / (K - 1)))
    V = value("balance.sign_closure", "bias", **claims)
    # b = lam V/S^2 y + independent: E b sign y = lam V/S^2 E |y|
    pull = lam * V / S**2 * mp.quad(lambda y: abs(y) * mp.npdf(y, 0, S), [-12 * S, 0, 12 * S])
    assert near(2 * u * pull, u**2 * (1 - e / S + a))
    assert near(value("balance.sign_closure", "load", **claims), lam**2 * V * (K - 1) / K)
    claims["S"] = value("balance.sign_closure", "S", **claims)
    assert near(claims["S"] ** 2, s**2 + value("balance.sign_closure", "load", **claims))


@pytest.mark.statement("balance.sign_lag")
def test_sign_lag() -> None:
    u, S, v = mp.mpf("0.02"), mp.mpf("0.3"), mp.mpf("0.013")
    assert near(u * mean_sign(value("balance.sign_lag", "lag", u=u, S=S, v=v), S), v, 1e-12)


@pytest.mark.statement("balance.max_violation")
def test_max_violation() -> None:
    """Three loads S R cos(angle - 120 i degrees) of a Gaussian point in the plane: the largest is within 60 degrees."""
    S, K = mp.mpf("0.3"), 3
    m = K * mp.quad(lambda x: x * mp.npdf(x) * mp.ncdf(x) ** 2, [-12, 0, 12])
    radius = mp.quad(lambda r: r * r * mp.exp(-r * r / 2), [0, 12])
    cosine = 3 / mp.pi * mp.sin(mp.pi / 3)
    assert near(value("balance.max_violation", "violation", K=K, S=S, m=m), K * S * radius * cosine, 1e-12)


@pytest.mark.statement("balance.loss")
def test_loss() -> None:
    """Uniform routing of two experts, one favoured by a small score: the rate of its flow."""
    kappa, mu, rho, alpha, beta, d = map(mp.mpf, ("3", "0.4", "0.9", "0.7", "1.3", "1e-9"))
    p = softmax([d, -d], beta)
    weight = beta * p[0] * p[1]
    change = kappa * p[0] - rho * alpha * 2 * weight * (p[0] - p[1]) - mu * d
    other = kappa * p[1] + rho * alpha * 2 * weight * (p[0] - p[1]) + mu * d
    growth = (change - other) / (2 * d)
    claims = {"kappa": kappa, "mu": mu, "rho": rho, "alpha": alpha, "K": 2, "c": beta / 2, "l": beta / 2}
    assert near(value("balance.loss", "growth", **claims), growth, 1e-12)


@pytest.mark.statement("balance.critical_weight")
def test_critical_weight() -> None:
    given = {"kappa": mp.mpf(9), "mu": mp.mpf("0.4"), "rho": mp.mpf("0.9"), "beta": mp.mpf("1.3"), "K": 8}
    alpha = value("balance.critical_weight", "alpha", **given)
    even = given["beta"] / 8
    assert abs(value("balance.loss", "growth", alpha=alpha, c=even, l=even, **given)) < mp.mpf(10) ** -20


@pytest.mark.statement("balance.safe_weight")
def test_safe_weight() -> None:
    """Powers of the step's matrix, on the vector that it turns."""
    for alpha, stable in ((mp.mpf("1.9"), True), (mp.mpf("2.1"), False)):
        x = mp.mpf(1)
        for _ in range(200):
            x -= alpha * mp.mpf("0.5") * 2 * x
        assert (abs(x) < 1) == stable
        assert bool(value("balance.safe_weight", "safe", rho=1, alpha=alpha, K=2, lambda_max=0.5)) == stable
