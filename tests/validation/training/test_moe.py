"""Mixtures side by side against one mixture in plain PyTorch: outputs, and the gradient of every term of the loss."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from moecusp import ParameterError
from tests.validation.training.plain import Plain
from validation.training import objective
from validation.training.layers import Start
from validation.training.losses import Gate, Oracle
from validation.training.moe import Mixture, Tiers
from validation.training.objective import Output, Setting, Weights
from validation.training.vision import own

FEATURES, ROUTER, CLASSES, TOKENS = 6, 5, 4, 12
TIERS = {"flat": Tiers((4,), (3,)), "tiers": Tiers((4, 2, 2), (3, 3, 3)), "unequal": Tiers((2, 2, 1), (2, 3, 5))}
SETTINGS = [Setting(0.5, 0.3, 0.7, 0.2, 0.1), Setting(1.0, 0.1, 0.2, 0.9, 0.4), Setting(4.0, 1.3, 0.1, 0.6, 0.2)]
TERMS = ("task", "oracle", "balance", "entropy", "ortho")


def generators(seeds=(1, 2, 3)):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def mixture(tiers, gate=Gate.RENORMALISED, k=2, seeds=(1, 2, 3)):
    made = Mixture(FEATURES, ROUTER, tiers, CLASSES, k, gate, Start(generators(seeds), dtype=torch.float64))
    with torch.no_grad():
        made.router.last.weight.mul_(3.0)  # so that routing is far from uniform
    return made


@pytest.fixture(name="batch", scope="module")
def _batch():
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(3, TOKENS, FEATURES, generator=generator, dtype=torch.float64)
    return x, torch.randint(CLASSES, (3, TOKENS), generator=generator)


def only(term, settings):
    """Return settings with the weight of one term only."""
    silent = {name: 0.0 for name in TERMS[1:] if name != term}
    return [dataclasses.replace(each, **silent) for each in settings]


def gradients(module):
    return {name: each.grad for name, each in module.named_parameters()}


def compare(made, tiers, m, plain):
    """Compare the gradients of model m with those of the plain one, weight by weight."""
    found, width = gradients(made), tiers.width
    zero = torch.zeros(1)

    def grad(parameter):
        return zero.expand(parameter.shape) if parameter.grad is None else parameter.grad

    router = [found[f"router.{layer}.{name}"] for layer in ("first", "last") for name in ("weight", "bias")]
    pairs = [(a[m].reshape(b.shape), grad(b)) for a, b in zip(router, plain.router, strict=True) if a is not None]
    for e, expert in enumerate(plain.experts):
        units = slice(e * width, e * width + tiers.widths[tiers.of_expert[e]])
        mine = [
            found["experts.first"][m, units],
            found["experts.first_bias"][m, units, 0],
            found["experts.second"][m, e, :, : units.stop - units.start],
            found["experts.second_bias"][m, e, :, 0],
        ]
        pairs += [(a, grad(b)) for a, b in zip(mine, expert.weights, strict=True)]
    for mine, expected in pairs:
        np.testing.assert_allclose(mine, expected, rtol=1e-10, atol=1e-13)
    return max(float(each.abs().max()) for _, each in pairs[:4])


@pytest.mark.parametrize("tiers", TIERS.values(), ids=TIERS)
@pytest.mark.parametrize(("term", "teacher", "gate"), [
    *(("task", Oracle.BEST, gate) for gate in Gate),
    *(("oracle", teacher, Gate.RENORMALISED) for teacher in Oracle),
    *((term, Oracle.BEST, Gate.RAW) for term in TERMS[2:]),
])  # fmt: skip
def test_gradients_of_every_term_are_those_of_one_model_alone(batch, tiers, term, teacher, gate):
    made, (x, labels) = mixture(tiers, gate), batch
    settings = only(term, SETTINGS)
    weights = Weights.of(settings, dtype=torch.float64)
    outputs, routing = made(x, weights.temperature, own)
    total = objective.loss(Output(outputs, (routing,)), labels, weights, teacher)
    total.sum().backward()
    for m, setting in enumerate(settings):
        plain = Plain(made, tiers, m)
        terms = plain.terms(x[m], labels[m], setting.temperature, teacher)
        expected = terms["task"] + (getattr(setting, term) * terms[term] if term != "task" else 0.0)
        expected.backward()
        np.testing.assert_allclose(total[m].item(), expected.item(), rtol=1e-12)
        assert compare(made, tiers, m, plain) > 1e-3


def test_means_are_taken_over_layers(batch):
    made, (x, labels) = mixture(TIERS["flat"]), batch
    other = mixture(TIERS["flat"], seeds=(4, 5, 6))
    weights = Weights.of([dataclasses.replace(each, ortho=0.5) for each in SETTINGS], dtype=torch.float64)
    outputs, first = made(x, weights.temperature, own)
    _, second = other(x, weights.temperature, own)

    def loss(*layers):
        return objective.loss(Output(outputs, layers), labels, weights, Oracle.BEST).detach()

    np.testing.assert_allclose(loss(first, second), (loss(first) + loss(second)) / 2, rtol=1e-13)


class TestUnequalWidths:
    def test_filling_has_no_gradient_and_stays_zero_in_training(self, batch):
        tiers = TIERS["unequal"]
        made, (x, labels) = mixture(tiers), batch
        weights = Weights.of(SETTINGS, dtype=torch.float64)
        descent = torch.optim.AdamW(made.parameters(), lr=0.1, weight_decay=0.1)
        for _ in range(3):
            outputs, routing = made(x, weights.temperature, own)
            descent.zero_grad()
            objective.loss(Output(outputs, (routing,)), labels, weights, Oracle.BEST).sum().backward()
            descent.step()
        widths = torch.tensor([tiers.widths[tier] for tier in tiers.of_expert])
        filling = torch.arange(tiers.width) >= widths[:, None]
        second = made.experts.second.transpose(2, 3)
        assert second[:, filling].abs().max() == 0
        assert made.experts.first[:, filling.flatten()].abs().max() == 0
        assert made.experts.first_bias[:, filling.flatten()].abs().max() == 0
        assert second[:, ~filling].abs().min() > 0

    def test_starts_are_uniform_within_each_experts_own_bound(self):
        tiers = Tiers((1, 1), (4, 64))
        second = mixture(tiers, k=1, seeds=range(50)).experts.second
        for e, width in enumerate((4, 64)):
            largest = second[:, e, :, :width].abs().max().item() * width**0.5
            assert 0.95 < largest <= 1.0


def test_a_model_starts_the_same_whoever_is_beside_it():
    together, alone = mixture(TIERS["tiers"]), mixture(TIERS["tiers"], seeds=(2,))
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(a[1:2], b)


@pytest.mark.parametrize("counts", [(8, 4, 4), (4, 4, 4, 4), (16, 8, 8)])
def test_experts_know_their_tier(counts):
    tiers = Tiers.even(counts, 3)
    assert tiers.experts == sum(counts)
    assert [tiers.of_expert.count(tier) for tier in range(len(counts))] == list(counts)
    assert list(tiers.of_expert) == sorted(tiers.of_expert)


class TestErrors:
    @pytest.mark.parametrize(("counts", "widths", "name"), [
        ((), (), "counts"), ((0, 1), (2, 2), "counts"), ((1.0,), (2,), "counts"), ((True,), (2,), "counts"),
        ((2, 2), (3,), "widths"), ((2,), (-1,), "widths"),
    ])  # fmt: skip
    def test_tiers(self, counts, widths, name):
        with pytest.raises(ParameterError, match=rf"^{name} = "):
            Tiers(counts, widths)

    @pytest.mark.parametrize("k", [0, 5])
    def test_k(self, k):
        with pytest.raises(ParameterError, match=f"^k = {k}: k must be an integer >= 1 and <= 4"):
            mixture(TIERS["flat"], k=k)

    @pytest.mark.parametrize("change", [
        {"temperature": 0.0}, {"temperature": float("nan")}, {"entropy": -0.1}, {"oracle": float("inf")},
        {"balance": -1.0}, {"ortho": -1e-9}, {"seed": 1.5}, {"seed": True},
    ])  # fmt: skip
    def test_setting(self, change):
        with pytest.raises(ParameterError, match=rf"^{next(iter(change))} = "):
            Setting(**change)
