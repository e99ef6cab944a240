"""One test a statement: K experts, their susceptibility and any load response, against the definitions."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import pytest
from definitions import depth, drift, field, jacobian, near, numbers, softmax

from proofs.statements import value

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


@pytest.mark.statement("expert.family")
def test_family() -> None:
    for m in (1, 2, 3):
        g, x = mp.mpf(1), mp.mpf("2.5")
        loads = softmax(state(x, g, 7, m))
        claimed = value("expert.family", "x", K=7, g=g, m=m, Y=mp.exp(x))
        assert near(7 * g * (loads[0] - loads[-1]), claimed)
        assert near(mp.fsum(7 * g * p for p in loads), value("expert.family", "sum", K=7, g=g))


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


@pytest.mark.statement("susceptibility.bound")
def test_bound() -> None:
    beta = mp.mpf("1.3")
    bound = value("susceptibility.bound", "lambda_max", beta=beta)
    for seed in range(10):
        assert max(mp.eigsy(chi(softmax(numbers(-5, 5, 4, seed)), beta), eigvals_only=True)) < bound
    assert near(max(mp.eigsy(chi([0.5, 0.5, 0, 0], beta), eigvals_only=True)), bound)


@pytest.mark.statement("susceptibility.critical")
def test_critical() -> None:
    """At the claimed feedback the score equations of a router with uneven logits lose stability."""
    beta, mu, logits = mp.mpf("1.3"), mp.mpf("0.6"), numbers(-1, 1, 4)
    top = max(mp.eigsy(chi(softmax(logits, beta), beta), eigvals_only=True))
    kappa = value("susceptibility.critical", "kappa", mu=mu, lambda_max=top)
    rates = mp.eigsy(kappa * chi(softmax(logits, beta), beta) - mu * mp.eye(4), eigvals_only=True)
    assert near(max(rates), 0)
    even = sorted(mp.eigsy(chi([mp.mpf(1) / 4] * 4, beta), eigvals_only=True))
    assert all(near(e, value("susceptibility.critical", "uniform", beta=beta, K=4)) for e in even[1:])


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
