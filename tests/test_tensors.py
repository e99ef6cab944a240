"""Torch tensors through the same code: the same bits as NumPy, the caller's type, and right derivatives, twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import ParameterError
from tests.strategies import Point, routers

torch = pytest.importorskip("torch")

GAINS = [1.2, 1.5, 3.0, 40.0]
ELEMENTWISE: dict[str, tuple[Callable[..., Any], tuple[list[float], ...]]] = {
    "drift": (mc.drift, ([0.3, -2.0, 5.0, 0.9], GAINS, [0.1, -0.3, 2.0, 0.0])),
    "slope": (mc.slope, ([0.3, -2.0, 5.0, 0.9], GAINS)),
    "potential": (mc.potential, ([0.3, -2.5, 5.0, 0.9], GAINS, [0.1, -0.3, 2.0, 0.0])),
    "fold_asymmetry": (mc.fold_asymmetry, (GAINS,)),
    "fold_gain": (mc.fold_gain, ([0.1, -0.3, 2.0, 50.0],)),
    "fold_imbalance": (mc.fold_imbalance, (GAINS,)),
    "hysteresis_width": (mc.hysteresis_width, (GAINS,)),
    "cusp_set": (mc.cusp_set, (GAINS,)),
    "fold_curve_gain": (lambda u: mc.fold_curve(u)[0], ([0.3, -2.0, 5.0, 0.9],)),
    "fold_curve_asymmetry": (lambda u: mc.fold_curve(u)[1], ([0.3, -2.0, 5.0, 0.9],)),
    "normal_form": (lambda g, e: sum(mc.cusp_normal_form(g, e)), (GAINS, GAINS)),
}


def leaf(values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("name", ELEMENTWISE)
class TestElementwise:
    def test_values_are_those_of_numpy(self, name: str) -> None:
        function, values = ELEMENTWISE[name]
        found = function(*map(leaf, values)).detach().numpy()
        np.testing.assert_allclose(found, function(*map(np.array, values)), rtol=1e-15)

    def test_first_and_second_derivatives(self, name: str) -> None:
        function, values = ELEMENTWISE[name]
        leaves = [leaf(v) for v in values]
        assert torch.autograd.gradcheck(function, leaves)
        assert torch.autograd.gradgradcheck(function, leaves, atol=1e-4)

    def test_broadcast_derivatives(self, name: str) -> None:
        function, values = ELEMENTWISE[name]
        column = [leaf(values[0])[:, None], *(leaf(v[:2]) for v in values[1:])]
        assert torch.autograd.gradcheck(function, column)

    def test_float32_stays_float32(self, name: str) -> None:
        function, values = ELEMENTWISE[name]
        found = function(*(torch.tensor(v, dtype=torch.float32) for v in values))
        exact = function(*(np.array(v, dtype=np.float32).astype(float) for v in values))
        assert found.dtype == torch.float32
        np.testing.assert_allclose(found, exact, rtol=1e-6)


class TestEquilibria:
    @given(st.lists(routers(), min_size=1, max_size=30))
    def test_same_roots_as_numpy(self, points: list[Point]) -> None:
        g, eta = np.array(points).T
        ours, theirs = mc.equilibria(g, eta), mc.equilibria(torch.tensor(g), torch.tensor(eta))
        np.testing.assert_allclose(ours.u, theirs.u.numpy(), rtol=4.5e-16)  # 2 ulp: their tanh are not the same
        np.testing.assert_array_equal(ours.stability, theirs.stability.numpy())
        np.testing.assert_array_equal(ours.count, theirs.count.numpy())
        np.testing.assert_array_equal(mc.regime(g, eta), mc.regime(torch.tensor(g), torch.tensor(eta)).numpy())
        np.testing.assert_allclose(ours.load, theirs.load, rtol=1e-15)

    def test_derivatives(self) -> None:
        g, eta = leaf([0.5, 1.2, 1.5, 3.0, 40.0, 1.5, 1.0]), leaf([0.1, 0.01, 0.0, -1.0, 3.0, 2.0, 0.4])

        def roots(g: Any, eta: Any) -> Any:
            u = mc.equilibria(g, eta).u
            return torch.where(u.isnan(), 0.0, u)

        assert torch.autograd.gradcheck(roots, [g, eta])
        assert torch.autograd.gradgradcheck(roots, [g, eta], atol=1e-4)

    def test_derivatives_are_the_implicit_ones(self) -> None:
        g, eta = leaf(2.0), leaf(0.1)
        u = mc.equilibria(g, eta).u
        for root, k in zip(u.tolist(), range(3), strict=True):
            by_gain, by_asymmetry = torch.autograd.grad(u[k], [g, eta], retain_graph=True)
            slope = mc.slope(root, 2.0)
            assert by_asymmetry.item() == pytest.approx(-1 / slope, rel=1e-14)
            assert by_gain.item() == pytest.approx(-np.tanh(root) / slope, rel=1e-14)

    def test_padding_has_no_gradient_and_no_nan(self) -> None:
        g, eta = leaf([0.5, 2.0]), leaf([0.3, 0.1])
        found = mc.equilibria(g, eta)
        found.load.nansum().backward()
        assert torch.isfinite(g.grad).all()
        assert torch.isfinite(eta.grad).all()

    def test_a_mixed_call(self) -> None:
        found = mc.equilibria(leaf([1.5, 2.0]), 0.1)
        found.u.sum().backward()
        assert found.u.shape == (2, 3)

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_same_bits_on_the_gpu(self) -> None:
        rng = np.random.default_rng(0)
        g, eta = rng.uniform(0, 3, 100_000), rng.uniform(-1.5, 1.5, 100_000)
        found = mc.equilibria(torch.tensor(g, device="cuda"), torch.tensor(eta, device="cuda"))
        assert found.u.is_cuda
        np.testing.assert_array_equal(found.u.cpu().numpy(), mc.equilibria(g, eta).u)


@pytest.mark.parametrize(
    "value",
    [[-1.0], [float("nan")], [float("inf")], [], [1j], [True]],
    ids=["negative", "nan", "inf", "empty", "complex", "bool"],
)
def test_wrong_tensors_are_named(value: Any) -> None:
    with pytest.raises(ParameterError, match="gain"):
        mc.fold_asymmetry(torch.tensor(value))
    with pytest.raises(ParameterError, match="gain"):
        mc.equilibria(torch.tensor(value), 0.1)


def test_shapes_that_do_not_broadcast() -> None:
    with pytest.raises(ParameterError, match="gain and asymmetry"):
        mc.regime(torch.ones(2), torch.ones(3))
