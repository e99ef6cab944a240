"""Trained routers: what is recorded of them, and what the first half says, against NumPy and integrals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from moecusp import expert_boundary_slope
from tests.validation.planted import stored
from tests.validation.routers.trained_truth import TRAINED as T
from validation.routers import gaussian, recorded, responses
from validation.routers.modes import Loads
from validation.routers.recorded import case

SOFT, TOP1, TOP2 = (case(f"text-mlp-4-{selection}") for selection in ("soft", "top1", "top2"))


class TestCases:
    def test_names_come_back(self):
        for name in ("digits-linear-2-soft", "text-mlp-8-top2", "text-mlp-8-top2-bfloat16"):
            assert case(name).name == name
        assert (TOP2.chosen, TOP2.soft, SOFT.soft, SOFT.chosen) == (2, False, True, 1)
        assert case("digits-linear-16-top4").kind == recorded.Kind("digits", 0, 16)

    def test_loads_are_those_of_the_selection(self):
        assert TOP2.loads(1.7) == Loads(2, None)
        assert SOFT.loads(1.7) == Loads(1, 1.7)


class TestTokens:
    def test_text_is_windows_of_eight_letters_and_the_next(self):
        features, labels = recorded.tokens_of("text")
        assert features.shape == (len(labels), 64)
        # the last letter of a window is the label of the window before
        last = {int(label): row for label, row in zip(labels[:500], features[1:501, -8:], strict=True)}
        assert len(last) > 10
        assert all(torch.equal(last[int(k)], row) for k, row in zip(labels[:500], features[1:501, -8:], strict=True))

    def test_digits_are_all(self):
        assert recorded.tokens_of("digits")[0].shape == (1797, 64)


class TestTraining:
    def test_learns(self):
        """The loss that is minimised falls: trained longer, the mixture's routers tell tokens apart."""
        few, many = (
            recorded.trained(replace(T, steps=n), TOP1.kind, torch.Generator().manual_seed(0)) for n in (1, 60)
        )
        features = recorded.tokens_of("text")[0][:2000].expand(T.routers, -1, -1)
        spreads = [recorded.spread(routers(features)).mean() for routers in (few, many)]
        assert spreads[1] > 1.2 * spreads[0]

    def test_a_balance_loss_keeps_loads_even(self):
        p = replace(T, steps=60)
        features = recorded.tokens_of("text")[0][:4000].expand(T.routers, -1, -1)
        uneven = []
        for weight in (0.0, 2.0):
            made = recorded.trained(replace(p, balance_weight=weight), TOP1.kind, torch.Generator().manual_seed(0))
            uneven.append(float(Loads()(made(features), torch.zeros(T.routers, 1, 4)).std()))
        assert uneven[1] < 0.6 * uneven[0]


class TestHalves:
    @pytest.mark.parametrize("name", ["digits", "text"])
    def test_share_no_token(self, name):
        found = recorded.halves(T, recorded.Kind(name, 0, 2), torch.Generator().manual_seed(0))
        assert found.shape == (2, T.routers, 898 if name == "digits" else T.text_tokens)
        for first, second in zip(*found.tolist(), strict=True):
            assert len({*first, *second}) == 2 * len(first)
        assert found[0, 0].tolist() != found[0, 1].tolist()

    def test_routers_are_those_of_the_plan(self, tmp_path):
        p = replace(T, jitter=0.0)
        plan = stored(tmp_path, recorded.arrays(p, TOP1.kind, 5, 4, "x.router"))
        found = recorded.second(p, TOP1, plan, "x.router", torch.Generator().manual_seed(0)).numpy()
        x = recorded.tokens_of("text")[0].numpy()[plan["x.router.second"]]
        w, b = ([plan[f"x.router.{kind}.{k}"] for k in (0, 1)] for kind in ("weights", "biases"))
        logits = np.tanh(x @ w[0].swapaxes(1, 2) + b[0].swapaxes(1, 2)) @ w[1].swapaxes(1, 2) + b[1].swapaxes(1, 2)
        moved = found.swapaxes(1, 2) - logits
        assert_allclose(moved, moved[:, :1] + 0 * moved, atol=2e-5)  # the same bias for every token
        assert len(found) == 4

    @pytest.mark.parametrize(("name", "kept"), [("bfloat16", torch.float32), ("float64", torch.float64)])
    def test_logits_are_computed_in_the_cases_type(self, name, kept):
        p, each, dtype = replace(T, jitter=0.0), case(f"text-mlp-4-top2-{name}"), getattr(torch, name)
        routers, parted = recorded.made(p, each.kind, 5)
        found = recorded.record(p, routers, each, parted[0], (1, 1), torch.Generator())
        x = recorded.tokens_of("text")[0][parted[0]].to(dtype).mT
        (w, v), (b, c) = ([layer.to(dtype) for layer in layers] for layers in (routers.weights, routers.biases))
        assert found.dtype == kept
        assert torch.equal(found, (v @ torch.tanh(w @ x + b) + c).to(kept))
        assert routers.weights[0].dtype == torch.float32  # which other cases share

    def test_digits_come_in_copies_a_half_apart(self):
        p, each = replace(T, jitter=0.0), case("digits-linear-2-top1")
        routers, parted = recorded.made(p, each.kind, 5)
        found = recorded.record(p, routers, each, parted[0], (3, 2), torch.Generator())
        assert found.shape == (T.routers, 2, 3 * 898)
        assert torch.equal(found[..., :898], found[..., 898 : 2 * 898])


class TestBalanced:
    @pytest.mark.parametrize("each", [SOFT, TOP1, TOP2])
    def test_loads_are_even(self, each):
        logits = (
            torch.randn(3, 4, 6000, generator=torch.Generator().manual_seed(0))
            + torch.tensor([0.0, 0.5, -1.0, 0.2])[:, None]
        )
        loads = each.loads(1.7)
        found = recorded.balanced(logits, loads)
        assert_allclose(loads(found, torch.zeros(3, 1, 4)), 0.25, atol=0.002)


class TestResponses:
    def test_soft_ones_are_the_variance_of_probabilities(self):
        found = responses.first(T, SOFT, 5, T.routers)
        at = recorded.balanced(recorded.recorded(T, SOFT, 5), SOFT.loads(T.inverse_temperature)).double().numpy()
        for beta, critical in ((T.inverse_temperature, found.critical), (1.0, found.cold)):
            p = np.exp(beta * at - (beta * at).max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            mean, n = p.mean(axis=-1), p.shape[-1]
            chi = beta * (mean[:, :, None] * np.eye(4) - np.einsum("rin,rjn->rij", p, p) / n)
            assert_allclose(critical, 1 / np.linalg.eigvalsh(chi)[:, -1], rtol=1e-6)
            if beta != 1.0:
                assert_allclose(found.load, chi, atol=1e-7)
                assert_allclose(
                    found.covariance, mean[:, :, None] * np.eye(4) - mean[:, :, None] * mean[:, None], atol=1e-6
                )

    def test_the_covariance_of_chosen_slots(self):
        logits = torch.randn(2, 5, 30_000, generator=torch.Generator().manual_seed(1))
        found = responses.covariance(logits, Loads(2))
        taken = np.zeros((2, 30_000, 5))
        np.put_along_axis(taken, np.argsort(-logits.numpy(), axis=1)[:, :2].swapaxes(1, 2), 0.5, axis=2)
        assert_allclose(found, [np.cov(each.T, bias=True) for each in taken], atol=1e-6)
        mode = np.array([1.0, -1.0, 0.0, 0.0, 0.0]) / 2**0.5
        assert_allclose(mode @ found @ mode, gaussian.token_variance(5, 2), rtol=0.02)

    def test_experts_that_tie_for_the_last_slots_share_them(self):
        """Tokens of four experts: the best two, and one slot among three that tie."""
        logits = torch.tensor([[3.0, 2.0, 1.0, 0.0], [3.0, 1.0, 1.0, 1.0]]).T[None]
        shares = np.array([[1 / 2, 1 / 2, 0, 0], [1 / 2, 1 / 6, 1 / 6, 1 / 6]])
        found = responses.covariance(logits, Loads(2))
        assert_allclose(found, [np.cov(shares.T, bias=True)], atol=1e-7)
        assert_allclose(found.sum(axis=-1), 0.0, atol=1e-7)

    @pytest.mark.parametrize(("experts", "chosen"), [(2, 1), (8, 3)])
    def test_tie_graphs_of_gaussian_logits(self, experts, chosen):
        """4e5 tokens, a tenth of them near a tie: 3 % are four standard errors, and less than the width would do."""
        x = np.random.default_rng(0).normal(size=(400_000, experts))
        values = np.sort(x, axis=1)
        width = float(np.quantile(values[:, -chosen] - values[:, -chosen - 1], 0.1))
        found = np.linalg.eigvalsh(responses.tie_graph(x, chosen, width))[1:]
        assert_allclose(found.mean(), gaussian.eigenvalue(experts, chosen, 1.0), rtol=0.03)

    def test_the_eigenvalue_of_top_1_is_that_of_the_boundary_mass(self):
        for experts in (2, 8, 16):
            slope = float(expert_boundary_slope(experts)) / (experts - 1)
            assert gaussian.eigenvalue(experts, 1, 1.3) == pytest.approx(slope / 1.3, rel=1e-8)

    def test_widths_hold_a_share_of_the_tokens_at_most(self):
        logits = (
            torch.randn(3, 8, 9000, generator=torch.Generator().manual_seed(2))
            * torch.tensor([1.0, 2.0, 4.0])[:, None, None]
        )
        narrow = responses.widths(replace(T, near=0.05, width=1.0), TOP2, logits)
        values = logits.mT.sort(dim=-1).values
        inside = (values[..., -2] - values[..., -3] <= narrow[:, None]).double().mean(dim=-1)
        assert_allclose(inside, 0.05, atol=0.01)
        wide = responses.widths(replace(T, near=0.9, width=0.01), TOP2, logits)
        assert_allclose(wide, 0.01 * logits.std(dim=1).mean(dim=1), rtol=1e-5)
        assert_allclose(responses.widths(T, SOFT, logits), T.width * logits.std(dim=1).mean(dim=1), rtol=1e-5)

    def test_errors_are_those_of_the_first_routers(self):
        found = responses.first(T, TOP2, 5, T.routers)
        assert found.error.shape == (T.parted,)
        assert found.load.shape == (T.routers, 4, 4)
        assert_array_equal(found.critical, 1 / np.linalg.eigvalsh(found.load)[:, -1])

    def test_a_standard_error_is_the_scatter_between_halves(self):
        """Halves of n tokens whose logarithms scatter by s, quarters by √2 s: the error is √2 s (within 5 %)."""
        rng, s = np.random.default_rng(3), 0.2
        quarters = rng.normal(0.0, 2**0.5 * s, size=(2, 20_000))
        halves = rng.normal(0.0, s, size=(2, 20_000))
        found = responses.standard_error(0.5 * (quarters[0] - quarters[1]))
        assert found == pytest.approx((halves[0] - halves[1]).std(), rel=0.05)

    def test_fewer_routers_are_the_first(self):
        every, few = (responses.first(T, TOP2, 5, n) for n in (T.routers, 2))
        assert_array_equal(few.load, every.load[:2])
        assert_array_equal(few.error, every.error)
