"""The gradients by hand that the engine uses are those of the terms as defined."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from validation.training import losses
from validation.training.gradients import routing_terms

MODELS, TOKENS, EXPERTS = 3, 7, 5


def normal(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(name="given")
def _given():
    scores = (2.0 * normal(MODELS, TOKENS, EXPERTS, seed=0)).requires_grad_()
    weights = [normal(MODELS, seed=n).abs() for n in (1, 2, 3)]
    return scores, weights, normal(MODELS, EXPERTS, seed=4).softmax(-1), normal(*scores.shape, seed=5).softmax(-1)


@pytest.mark.parametrize(("balanced", "taught"), list(itertools.product([False, True], repeat=2)))
def test_value_and_gradient_are_those_of_the_terms(given, balanced, taught):
    scores, (h, b, o), share, target = given
    value = routing_terms(
        scores,
        scores.detach().log_softmax(-1),
        h,
        (b, share) if balanced else None,
        (o, target) if taught else None,
    )
    logp = scores.log_softmax(-1)
    expected = -h * losses.entropy(logp)
    expected = expected + b * losses.balance(logp, share) if balanced else expected
    expected = expected + o * losses.oracle(logp, target) if taught else expected
    outer = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    np.testing.assert_allclose(value.detach(), expected.detach(), rtol=1e-13)
    np.testing.assert_allclose(
        torch.autograd.grad((outer * value).sum(), scores)[0],
        torch.autograd.grad((outer * expected).sum(), scores)[0],
        rtol=1e-11,
        atol=1e-16,
    )


def test_finite_differences(given):
    scores, (h, b, o), share, target = given

    def value(x):
        return routing_terms(x, x.detach().log_softmax(-1), h, (b, share), (o, target))

    assert torch.autograd.gradcheck(value, scores, atol=1e-7)


def test_all_is_finite_where_probabilities_underflow():
    """Scores a thousand apart in float32: p and p_mean are exact zeros."""
    scores = (1000.0 * torch.arange(EXPERTS)).expand(1, TOKENS, -1).clone().requires_grad_()
    one, share = torch.ones(1), torch.full((1, EXPERTS), 1 / EXPERTS)
    target = torch.full_like(scores, 1 / EXPERTS)
    value = routing_terms(scores, scores.detach().log_softmax(-1), one, (one, share), (one, target))
    assert value.isfinite().all()
    assert torch.autograd.grad(value.sum(), scores)[0].isfinite().all()
