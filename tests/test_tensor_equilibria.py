"""Equilibria of torch tensors: the roots of NumPy, implicit derivatives, and no gradient from the padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.strategies import Point, routers

torch = pytest.importorskip("torch")


def leaf(values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


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


class TestExpertEquilibria:
    def test_fields_are_those_of_numpy(self) -> None:
        g = np.array([[0.5, 0.95], [1.0, 2.5]])
        ours, theirs = mc.expert_equilibria(torch.tensor(g), 5), mc.expert_equilibria(g, 5)
        for name in ("difference", "load_high", "load_low", "stability", "unstable_directions", "count"):
            np.testing.assert_array_equal(getattr(ours, name).numpy(), getattr(theirs, name))

    def test_padding_has_no_gradient_and_no_nan(self) -> None:
        g = leaf([0.5, 0.95, 1.5])
        found = mc.expert_equilibria(g, 4)
        (found.load_high.nansum() + found.difference.nansum()).backward()  # type: ignore[attr-defined]
        assert torch.isfinite(g.grad).all()
        assert g.grad[0] == 0.0

    def test_loads_sum_to_one_along_every_branch(self) -> None:
        g = leaf(1.3)
        found = mc.expert_equilibria(g, 6)
        m = torch.arange(6.0)[:, None]
        total = (m * found.load_high + (6 - m) * found.load_low).nansum()
        (slope,) = torch.autograd.grad(total, g)
        assert abs(slope.item()) < 1e-14
