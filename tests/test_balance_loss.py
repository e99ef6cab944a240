"""A balance loss against reinforcement: Jacobians by differences of the flow, thresholds by plain eigenvalues."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import moecusp as mc

LOSS = (mc.balance_loss_jacobian, mc.balance_loss_growth)


def pair(seed: int, experts: int = 4) -> tuple[Any, Any]:
    """Susceptibilities, soft and of the loads, that do not commute."""
    rng = np.random.default_rng(seed)
    soft, load = (mc.susceptibility(rng.normal(size=(30, experts)), beta) for beta in (0.8, 2.0))
    return soft, load


def flow(scores: Any, logits: Any, kappa: float, mu: float, alpha: float, rho: float) -> Any:
    """ds/dt by its definition, the loss's gradient by complex steps at fixed loads."""
    p = np.exp(logits + scores)
    f = (p / p.sum(1, keepdims=True)).mean(0)
    gradient = np.empty(scores.size)
    for j in range(scores.size):
        z = scores.astype(complex)
        z[j] += 1e-30j
        q = np.exp(logits + z)
        gradient[j] = np.imag(alpha * scores.size * (f * (q / q.sum(1, keepdims=True)).mean(0)).sum()) / 1e-30
    return kappa * f - mu * scores - rho * gradient


def differences(logits: Any, scores: Any, *rates: float) -> Any:
    h = 1e-5
    columns = [
        (flow(scores + h * e, logits, *rates) - flow(scores - h * e, logits, *rates)) / (2 * h) for e in np.eye(3)
    ]
    return np.array(columns).T


def test_jacobian_is_that_of_the_flow_at_balance() -> None:
    """Every order of three logits: equal loads of a router that is far from uniform."""
    logits = np.array(list(permutations([2.0, 0.3, -1.0])))
    chi = mc.susceptibility(logits)
    found = mc.balance_loss_jacobian(3.0, 0.4, 0.7, 0.9, chi, chi)
    np.testing.assert_allclose(found, differences(logits, np.zeros(3), 3.0, 0.4, 0.7, 0.9), atol=1e-9)


def test_jacobian_of_loads_with_a_response_of_their_own() -> None:
    """As of hard routing: the scores move by chi_soft of the loads, not the loads by chi_load of the loss."""
    logits = np.array(list(permutations([2.0, 0.3, -1.0])))
    load = np.array([[2.0, -1.5, -0.5], [-1.5, 1.6, -0.1], [-0.5, -0.1, 0.6]])
    bend = np.diag([0.5, 1.0, 2.0])  # makes the soft response unlike the loads'
    soft = bend @ mc.susceptibility(logits) @ bend
    soft -= np.diag(soft.sum(1))
    found = mc.balance_loss_jacobian(3.0, 0.4, 0.7, 0.9, soft, load)

    def moved(scores: Any) -> Any:
        f = 1 / 3 + load @ scores
        return 3.0 * f - 0.4 * scores - 0.9 * 0.7 * 3 * soft @ f

    columns = [(moved(1e-3 * e) - moved(-1e-3 * e)) / 2e-3 for e in np.eye(3)]
    np.testing.assert_allclose(found, np.array(columns).T, atol=1e-11)


def test_away_from_balance_it_is_not() -> None:
    logits = np.array([[2.0, 0.3, -1.0], [1.0, 0.0, 0.5]])
    chi = mc.susceptibility(logits)
    gap = mc.balance_loss_jacobian(3.0, 0.4, 0.7, 0.9, chi, chi) - differences(logits, np.zeros(3), 3.0, 0.4, 0.7, 0.9)
    assert np.abs(gap).max() > 0.03


@pytest.mark.parametrize("seed", range(5))
def test_growth_is_the_largest_eigenvalue_of_the_jacobian(seed: int) -> None:
    soft, load = pair(seed)
    for alpha in (0.0, 0.5, 30.0):
        values = np.linalg.eigvals(mc.balance_loss_jacobian(5.0, 0.3, alpha, 0.8, soft, load))
        assert np.abs(values.imag).max() <= 1e-12 * np.abs(values).max()
        kept = np.delete(values.real, np.argmin(abs(values.real + 0.3)))  # the mean score decays at the rate mu
        assert mc.balance_loss_growth(5.0, 0.3, alpha, 0.8, soft, load) == pytest.approx(kept.max(), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_critical_weight(seed: int) -> None:
    soft, load = pair(seed)
    kappa_c = 0.3 / np.linalg.eigvalsh(load)[-1]
    for factor in (1.01, 2.0, 50.0):
        alpha = mc.critical_loss_weight(factor * kappa_c, 0.3, 0.8, soft, load)
        growth = [
            mc.balance_loss_growth(factor * kappa_c, 0.3, a * alpha, 0.8, soft, load) for a in (0.999, 1.0, 1.001)
        ]
        assert growth[0] > 0.0 > growth[2]
        assert growth[1] == pytest.approx(0.0, abs=1e-13 * factor)
    assert mc.critical_loss_weight(0.99 * kappa_c, 0.3, 0.8, soft, load) == 0.0


@pytest.mark.parametrize("experts", [2, 3, 8, 64])
@pytest.mark.parametrize("beta", [0.3, 4.0])
def test_uniform_routing(experts: int, beta: float) -> None:
    chi = mc.susceptibility(np.zeros((1, experts)), beta)
    for kappa in (0.5, 40.0, 3e3):
        wanted = max(0.0, (kappa - mc.critical_feedback(0.7, beta, experts)) / (0.9 * beta))
        assert mc.critical_loss_weight(kappa, 0.7, 0.9, chi, chi) == pytest.approx(wanted, rel=1e-11)
    assert mc.largest_safe_loss_weight(0.9, chi, chi) == pytest.approx(2 * experts / (0.9 * beta**2), rel=1e-12)


def test_a_mode_that_probabilities_do_not_answer() -> None:
    soft = np.zeros((3, 3))
    soft[:2, :2] = [[0.2, -0.2], [-0.2, 0.2]]
    load = np.eye(3) - 1 / 3
    assert mc.critical_loss_weight(1.0, 0.5, 1.0, soft, load) == np.inf
    assert mc.critical_loss_weight(0.4, 0.5, 1.0, soft, load) == 0.0
    assert mc.critical_loss_weight(1.0, 0.5, 1.0, load, soft) == 0.0  # a dead expert's loads do not answer either
    assert mc.critical_loss_weight(2.0, 0.5, 1.0, load, soft) == pytest.approx((2.0 - 0.5 / 0.4) / 3)
    assert mc.largest_safe_loss_weight(1.0, 0.0 * soft, load) == np.inf


@pytest.mark.parametrize("seed", range(3))
def test_safe_weight(seed: int) -> None:
    soft, load = pair(seed)
    edge = mc.largest_safe_loss_weight(0.8, soft, load)
    for factor, stable in ((0.999, True), (1.001, False)):
        step = np.eye(4) - 0.8 * factor * edge * 4 * soft @ load
        values = np.linalg.eigvals(step)
        assert (np.sort(abs(values))[-1] <= 1 + 1e-12) == stable


def test_shapes() -> None:
    soft, load = pair(0)
    many = np.stack([soft, 2 * soft])
    assert mc.balance_loss_jacobian([[1.0], [2.0], [3.0]], 0.1, 0.2, 1.0, many, load).shape == (3, 2, 4, 4)
    found = mc.critical_loss_weight([[1.0], [20.0], [30.0]], 0.1, 1.0, many, load)
    assert found.shape == (3, 2)
    assert found[1, 1] == mc.critical_loss_weight(20.0, 0.1, 1.0, many[1], load)
    assert found[1, 0] == pytest.approx(2 * found[1, 1])
    assert mc.largest_safe_loss_weight([1.0, 2.0], many, load).shape == (2,)
    assert mc.balance_loss_growth(1.0, 0.1, [0.2, 0.3], 1.0, many, load).shape == (2,)


def test_bad_arguments_are_named() -> None:
    soft, load = pair(0)
    for name, place in (("feedback", 0), ("decay", 1), ("loss_weight", 2), ("loss_rate", 3)):
        numbers: list[Any] = [np.nan, -1.0, "1", []]
        for bad in numbers:
            given: list[Any] = [1.0, 1.0, 1.0, 1.0, soft, load]
            given[place] = bad
            for call in LOSS:
                with pytest.raises(mc.ParameterError, match=rf"^{name}\b"):
                    call(*given)
            if place != 2:
                del given[2]
                with pytest.raises(mc.ParameterError, match=rf"^{name}\b"):
                    mc.critical_loss_weight(*given)
    wrong: list[Any] = [-soft, soft + 0.1, np.triu(soft), soft[:3], 1.0, np.zeros((1, 1))]
    for shape in wrong:
        with pytest.raises(mc.ParameterError, match="soft_susceptibility"):
            mc.largest_safe_loss_weight(1.0, shape, load)
        with pytest.raises(mc.ParameterError, match="load_susceptibility"):
            mc.largest_safe_loss_weight(1.0, soft, shape)
    with pytest.raises(mc.ParameterError, match="load_susceptibility"):
        mc.balance_loss_growth(1.0, 1.0, 1.0, 1.0, soft, pair(0, 3)[1])
    with pytest.raises(mc.ParameterError, match="broadcast"):
        mc.balance_loss_growth([1.0, 2.0], [1.0, 2.0, 3.0], 1.0, 1.0, soft, load)
    with pytest.raises(mc.ParameterError, match="loss_rate"):
        mc.largest_safe_loss_weight(0.0, soft, load)
