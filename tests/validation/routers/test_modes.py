"""Loads, rules and modes of routers, against torch, the library's router and rules whose modes are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from moecusp import RouterParameters, susceptibility
from moecusp.routing import ReinforcedRouter, load
from validation.routers import modes
from validation.routers.balance_loss import bracketed
from validation.routers.modes import (
    Loads,
    basis,
    crossing,
    jacobian,
    mode,
    multipliers,
    proportional,
    signed,
    threshold,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class TestLoads:
    @pytest.mark.parametrize("chosen", [1, 2, 4, 6])
    def test_threshold_is_the_kth_largest(self, chosen):
        x = normal(3, 6, 50)
        assert_array_equal(threshold(x, chosen), x.mT.topk(chosen, dim=-1).values[..., -1])

    @pytest.mark.parametrize("chosen", [1, 3])
    def test_hard_ones_count_the_slots(self, chosen):
        logits, scores = normal(2, 5, 40), normal(3, 2, 4, 5, seed=1)
        found = Loads(chosen)(logits, scores)
        places = (logits[:, None] + scores[..., None]).mT.topk(chosen, dim=-1).indices
        counted = torch.stack([(places == k).sum(dim=(-1, -2)) for k in range(5)], dim=-1) / (40 * chosen)
        assert_allclose(found, counted, atol=1e-7)

    def test_hard_ones_are_those_of_the_reinforced_router(self):
        logits = normal(4, 5, 60)
        router = ReinforcedRouter(RouterParameters(np.ones(4), experts=5), increment=0.1, selection="hard")
        router.scores.copy_(normal(4, 5, seed=2))
        router.eval()
        assert_allclose(Loads()(logits, router.scores[:, None])[:, 0], load(router(logits.mT), 5), atol=1e-7)

    def test_soft_ones_are_mean_probabilities(self):
        logits, scores = normal(2, 3, 40), normal(2, 1, 3, seed=1)
        expected = torch.softmax(1.7 * (logits + scores[:, 0, :, None]), dim=1).mean(dim=-1)
        assert_allclose(Loads(1, 1.7)(logits, scores)[:, 0], expected, atol=1e-6)

    def test_samples_have_their_mean_and_share_their_chance(self):
        """2e5 tokens: five standard errors are .006 (false alarm 1e-6 an entry)."""
        logits, scores = normal(1, 3, 1).expand(1, 3, 200_000), normal(1, 1, 3, seed=1)
        sampled = Loads(1, 1.7, torch.Generator().manual_seed(3))
        found = sampled(logits, torch.cat([scores, scores], dim=1))[0]
        assert_array_equal(found[0], found[1])
        assert_allclose(found[0], Loads(1, 1.7)(logits[..., :1], scores)[0, 0], atol=0.006)
        assert np.any(sampled(logits, scores).numpy() != found[0].numpy())

    @pytest.mark.parametrize("beta", [None, 1.7])
    @pytest.mark.parametrize("sampled", [False, True])
    def test_pieces_give_the_numbers_of_the_whole(self, monkeypatch, beta, sampled):
        logits, scores = normal(7, 4, 33), normal(2, 7, 3, 4, seed=1)

        def loads():
            return Loads(2, beta, torch.Generator().manual_seed(3) if sampled else None)(logits, scores)

        whole, calls = loads(), []
        of = Loads._of

        def counted(self, x, at):
            calls.append(len(x))
            return of(self, x, at)

        monkeypatch.setattr(Loads, "_of", counted)
        monkeypatch.setattr(modes, "CHUNK", 3 * 2 * 3 * 4 * 33 + 5)  # three routers, two signs, three settings
        assert_array_equal(loads(), whole)
        assert calls == [3, 3, 1]


class TestRules:
    def test_proportional(self):
        bias, logits = normal(2, 3, 4, seed=1), normal(2, 4, 50)
        rates = np.array([[0.5, 1.0, 2.0], [0.1, 0.2, 0.3]])
        missing = 0.25 - Loads()(logits, bias)
        assert_allclose(proportional(Loads(), rates)(bias, logits), bias + torch.tensor(rates)[..., None] * missing,
                        rtol=1e-5)  # fmt: skip

    def test_signed_leaves_an_even_load_alone(self):
        logits = torch.tensor(
            [[[3.0, 3.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0], [-9.0, -9.0, -9.0, -9.0], [1.0, 1.0, 1.0, 4.0]]]
        )
        found = signed(Loads(), np.array([[0.3]]))(torch.zeros(1, 1, 4), logits)
        assert_allclose(found[0, 0], [-0.3, 0.0, 0.3, 0.0], rtol=1e-6)

    def test_signed_takes_rounding_for_none(self):
        logits = torch.eye(3).repeat(1, 1, 7)  # loads of exactly 1/3, which float32 has not
        assert_array_equal(signed(Loads(), 0.3)(torch.zeros(1, 1, 3), logits), torch.zeros(1, 1, 3))


class TestModes:
    def test_basis_leaves_the_mean(self):
        found = basis(7)
        assert found.shape == (6, 7)
        assert_allclose(found @ found.T, np.eye(6), atol=1e-6)
        assert_allclose(found.sum(dim=1), 0, atol=1e-6)

    def test_jacobian_of_soft_loads_is_the_susceptibility(self):
        logits = normal(2, 4, 300)
        loads = Loads(1, 1.7)
        found = jacobian(lambda s, x: loads(x, s), torch.zeros(2, 1, 4), logits, torch.tensor([0.02, 0.03]))
        base = basis(4).double().numpy()
        for k in range(2):
            expected = base @ np.asarray(susceptibility(logits[k].T.double().numpy(), 1.7)) @ base.T
            assert_allclose(found[k, 0], expected, atol=2e-4)

    @pytest.mark.parametrize("lowest", [False, True])
    def test_vectors_of_a_matrix_that_is_not_symmetric(self, lowest):
        vectors = np.random.default_rng(0).normal(size=(3, 3))
        matrix = vectors @ np.diag([2.0, -1.5, 0.4]) @ np.linalg.inv(vectors)
        right, left = mode(matrix[None, None], lowest, symmetric=False)
        wanted = vectors[:, 1 if lowest else 0] @ basis(4).double().numpy()
        assert abs(float(right[0, 0] @ torch.tensor(wanted).float()) / np.linalg.norm(wanted)) == pytest.approx(
            1, abs=1e-5
        )
        assert float((right * left).sum()) == pytest.approx(1, abs=1e-5)
        others = np.delete(vectors, 1 if lowest else 0, axis=1).T @ basis(4).double().numpy()
        assert_allclose(others @ left[0, 0].double().numpy(), 0, atol=1e-5)

    @pytest.mark.parametrize(("lowest", "value"), [(False, 1.2), (True, -1.1)])
    def test_multipliers_are_eigenvalues_and_keep_their_sign(self, lowest, value):
        vectors = np.random.default_rng(1).normal(size=(3, 3))
        matrix = vectors @ np.diag([1.2, -1.1, 0.4]) @ np.linalg.inv(vectors)
        step = torch.tensor(basis(4).double().numpy().T @ matrix @ basis(4).double().numpy()).float()
        modes = mode(np.stack([matrix, matrix])[:, None], lowest, symmetric=False)
        centre = normal(2, 1, 4, seed=5)
        rule = lambda s, x: centre + (s - centre) @ step.T  # noqa: E731
        found = multipliers(rule, centre, modes, torch.tensor([0.1, 0.2]), [torch.zeros(1)] * 5)
        assert_allclose(found, value, rtol=1e-4)

    def test_an_even_number_of_steps_is_refused(self):
        with pytest.raises(ValueError, match="2 steps"):
            multipliers(
                lambda s, _: s, torch.zeros(1, 1, 3), (torch.ones(1, 1, 3),) * 2, torch.ones(1), [torch.zeros(1)] * 2
            )


class TestCrossings:
    def test_of_a_line(self):
        x = np.array([0.5, 1.0, 1.7])
        zero = np.array([0.9, 1.4])
        assert_allclose(crossing(x, 3.0 * (x - zero[:, None])), zero)
        assert_allclose(crossing(np.outer([1, 2], x), -0.2 * (np.outer([1, 2], x) - zero[:, None])), zero)

    def test_between_two_settings(self):
        x = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
        y = np.array([[2.0, 1.0, -1.0], [1.0, -3.0, -4.0], [3.0, 2.0, 1.0], [-1.0, -2.0, -3.0]])
        assert_allclose(bracketed(x, y), [2.5, 2.5, np.nan, np.nan])
