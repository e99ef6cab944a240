"""Every term of the loss against its definition written out, its gradient by hand, and finite differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from validation.training import losses
from validation.training.losses import Gate

MODELS, TOKENS, EXPERTS, CLASSES = 3, 6, 5, 4
T = torch.tensor([0.4, 1.0, 3.0], dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(name="logits")
def _logits():
    return normal(MODELS, TOKENS, EXPERTS).requires_grad_()


def log_p(logits, temperature):
    return losses.tempered(logits, temperature).log_softmax(-1)


def rows(logits):
    """Return p of every model and token, in NumPy, and the temperature."""
    for m, n in itertools.product(range(MODELS), range(TOKENS)):
        a = logits.detach().numpy()[m, n] / T[m].item()
        yield m, n, np.exp(a) / np.exp(a).sum()


def gradient(values, of):
    """Return the gradient of every model's value, together."""
    return torch.autograd.grad(values.sum(), of)[0]


def by_hand(logits, slope):
    """Return (1/T) p_e (v_e - sum_j p_j v_j) for a term whose derivative in p_e is v_e: softmax's Jacobian by hand."""
    found = np.zeros(logits.shape)
    for m, n, p in rows(logits):
        v = slope(m, n, p)
        found[m, n] = p * (v - p @ v) / T[m].item()
    return found


class TestSelection:
    @pytest.mark.parametrize("k", [1, 2, 5])
    @pytest.mark.parametrize("gate", list(Gate))
    def test_weights_are_those_of_the_k_most_probable(self, logits, k, gate):
        found = losses.select(losses.tempered(logits, T), k, gate)
        share = np.zeros((MODELS, EXPERTS))
        for m, n, p in rows(logits):
            best = np.argsort(-p)[:k]
            expected = np.zeros(EXPERTS)
            expected[best] = p[best] / (p[best].sum() if gate is Gate.RENORMALISED else 1.0)
            share[m, best] += 1 / (k * TOKENS)
            assert found.chosen[m, n].tolist() == best.tolist()
            np.testing.assert_allclose(found.weights[m, n].detach(), expected, rtol=1e-13)
        np.testing.assert_allclose(found.share, share, rtol=1e-13)

    @pytest.mark.parametrize("gate", list(Gate))
    def test_gradient_of_the_task_by_hand(self, logits, gate):
        """Renormalised, g_e (c_e - sum_S g c)/T within the choice S and 0 outside; raw, p_e (1_S c_e - sum_S p c)/T."""
        value = normal(MODELS, TOKENS, EXPERTS, seed=1)
        found = losses.select(losses.tempered(logits, T), 2, gate)
        gained = gradient((found.weights * value).sum((-2, -1)), logits).numpy()
        for m, n, p in rows(logits):
            inside, c = np.isin(np.arange(EXPERTS), np.argsort(-p)[:2]), value[m, n].numpy()
            g = np.where(inside, p, 0.0)
            g = g / g.sum() if gate is Gate.RENORMALISED else g
            spread = g if gate is Gate.RENORMALISED else p
            expected = (g * c - spread * (g @ c)) / T[m].item()
            np.testing.assert_allclose(gained[m, n], expected, atol=1e-14)
            assert (np.abs(gained[m, n][~inside]).max() > 0) == (gate is Gate.RAW)


class TestOracle:
    def test_value_and_gradient_by_hand(self, logits):
        target = normal(MODELS, TOKENS, EXPERTS, seed=1).softmax(-1)
        value = losses.oracle(log_p(logits, T), target)
        expected = np.zeros(MODELS)
        slope = np.zeros(logits.shape)
        for m, n, p in rows(logits):
            q = target[m, n].numpy()
            expected[m] -= q @ np.log(p) / TOKENS
            slope[m, n] = (p - q) / (T[m].item() * TOKENS)
        np.testing.assert_allclose(value.detach(), expected, rtol=1e-13)
        np.testing.assert_allclose(gradient(value, logits), slope, atol=1e-15)

    def test_best_is_the_first_of_the_least_losses(self):
        lost = torch.tensor([[[2.0, 1.0, 1.0], [0.5, 3.0, 1.0]]])
        assert losses.target_best(lost).tolist() == [[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]]

    def test_class_is_the_label_modulo_experts(self):
        found = losses.target_class(torch.tensor([[0, 4, 7]]), 3, torch.float64)
        assert found.tolist() == [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]]

    def test_post_has_the_gradient_of_the_likelihood(self, logits):
        """Expectation-maximisation: at the posterior, the gradient is that of -log sum_e p_e exp(-loss_e)."""
        lost = normal(MODELS, TOKENS, EXPERTS, seed=2).abs()
        logp = log_p(logits, T)
        pulled = gradient(losses.oracle(logp, losses.target_post(lost, logp)), logits)
        likelihood = -(log_p(logits, T) - lost).logsumexp(-1).mean(-1)
        np.testing.assert_allclose(pulled, gradient(likelihood, logits), atol=1e-15)


class TestBalance:
    def test_value_and_gradient_by_hand(self, logits):
        """Derivative in p_e of a token: (log(K p_mean_e) + 1 + K (f_e - 1/K))/N."""
        share = normal(MODELS, EXPERTS, seed=1).softmax(-1).requires_grad_()
        value = losses.balance(log_p(logits, T), share)
        mean = np.zeros((MODELS, EXPERTS))
        for m, _, p in rows(logits):
            mean[m] += p / TOKENS
        f = share.detach().numpy()
        kl = (mean * np.log(mean * EXPERTS)).sum(-1)
        np.testing.assert_allclose(value.detach(), kl + EXPERTS * ((f - 1 / EXPERTS) * mean).sum(-1), rtol=1e-12)
        slope = (np.log(EXPERTS * mean) + 1 + EXPERTS * f - 1) / TOKENS
        found = gradient(value, logits)
        np.testing.assert_allclose(found, by_hand(logits, lambda m, n, p: slope[m]), atol=1e-15)

    def test_even_routing_has_no_gradient(self):
        even = torch.zeros(1, TOKENS, EXPERTS, dtype=torch.float64, requires_grad=True)
        share = torch.full((1, EXPERTS), 1 / EXPERTS, dtype=torch.float64)
        value = losses.balance(log_p(even, torch.ones(1)), share)
        assert abs(value.item()) < 1e-15
        assert gradient(value, even).abs().max() < 1e-17

    def test_share_is_held_fixed(self, logits):
        share = torch.full((MODELS, EXPERTS), 1 / EXPERTS, dtype=torch.float64, requires_grad=True)
        value = losses.balance(log_p(logits, T), share)
        assert torch.autograd.grad(value.sum(), share, allow_unused=True)[0] is None


class TestEntropy:
    def test_value_and_gradient_by_hand(self, logits):
        """Derivative in p_e: -(log p_e + 1)/N."""
        value = losses.entropy(log_p(logits, T))
        expected = np.zeros(MODELS)
        for m, _, p in rows(logits):
            expected[m] -= p @ np.log(p) / TOKENS
        np.testing.assert_allclose(value.detach(), expected, rtol=1e-13)
        slope = by_hand(logits, lambda m, n, p: -(np.log(p) + 1) / TOKENS)
        np.testing.assert_allclose(gradient(value, logits), slope, atol=1e-15)


class TestOverlap:
    def test_value_and_gradient_by_hand(self):
        w = normal(2, EXPERTS, 3).requires_grad_()
        value = losses.overlap(w)
        found = gradient(value, w)
        for m in range(2):
            each = w[m].detach().numpy()
            size = np.linalg.norm(each, axis=1)
            unit = each / size[:, None]
            c = unit @ unit.T - np.eye(EXPERTS)
            pairs = EXPERTS * (EXPERTS - 1)
            assert value[m].item() == pytest.approx((c**2).sum() / pairs, rel=1e-13)
            slope = 4 / pairs * (c @ unit - (c**2).sum(1)[:, None] * unit) / size[:, None]
            np.testing.assert_allclose(found[m], slope, atol=1e-14)

    def test_welch_bound_is_reached_by_a_tight_frame(self):
        """Three vectors at 120 degrees in the plane: (3/2 - 1)/2; orthogonal ones: 0."""
        angles = torch.arange(3, dtype=torch.float64) * 2 * math.pi / 3
        frame = torch.stack([angles.cos(), angles.sin()], -1)[None]
        assert losses.overlap(frame * torch.tensor([1.0, 2.0, 5.0])[:, None]).item() == pytest.approx(0.25, rel=1e-14)
        assert losses.overlap(torch.eye(3)[None]).item() == 0.0


TERMS = {
    "task": lambda a, t: losses.cross_entropy(
        losses.select(losses.tempered(a, t), 2, Gate.RENORMALISED).weights @ normal(EXPERTS, CLASSES, seed=3),
        torch.arange(TOKENS).expand(MODELS, -1) % CLASSES,
    ).mean(-1),
    "oracle": lambda a, t: losses.oracle(log_p(a, t), normal(MODELS, TOKENS, EXPERTS, seed=1).softmax(-1)),
    "balance": lambda a, t: losses.balance(log_p(a, t), normal(MODELS, EXPERTS).softmax(-1)),
    "entropy": lambda a, t: losses.entropy(log_p(a, t)),
    "overlap": lambda a, t: losses.overlap(a.transpose(1, 2)) / t,
}


@pytest.mark.parametrize("term", TERMS)
def test_gradients_are_those_of_finite_differences(term, logits):
    assert torch.autograd.gradcheck(lambda a: TERMS[term](a, T), logits, atol=1e-7)


@pytest.mark.parametrize("term", TERMS)
def test_a_model_feels_no_other(term, logits):
    """The value of model 0 has no gradient in the others: a sum over models trains each by itself."""
    slope = torch.autograd.grad(TERMS[term](logits, T)[0], logits)[0]
    assert slope[0].abs().max() > 0
    assert slope[1:].abs().max() == 0


@pytest.mark.parametrize("term", ["oracle", "balance", "entropy"])
def test_gradients_stay_finite_where_probabilities_underflow(term):
    """At T = .01 float32 probabilities are exact zeros."""
    logits = (100.0 * normal(1, TOKENS, EXPERTS).float()).requires_grad_()
    t = torch.tensor([0.01])
    logp = log_p(logits, t)
    assert (logp.exp() == 0).any()
    value = {
        "oracle": lambda: losses.oracle(logp, torch.full_like(logp, 1 / EXPERTS)),
        "balance": lambda: losses.balance(logp, torch.full((1, EXPERTS), 1 / EXPERTS)),
        "entropy": lambda: losses.entropy(logp),
    }[term]()
    assert value.isfinite().all()
    assert gradient(value, logits).isfinite().all()


@pytest.mark.parametrize(("h", "b", "experts", "classes"), [(0.12, 0.0, 6, 3), (0.06, 0.04, 8, 4), (0.06, 0.05, 5, 2)])
def test_free_probabilities_come_to_the_derived_rule(h, b, experts, classes):
    """Gradient descent on free logits, one row a class with its own hard target, ends where the rule says.

    (H + B) log r = -(O + B (log C - K/C)) where r is small; exactly -O/s + H log s + B (log p_mean + K/C), with s and
    p_mean the probabilities of a target for its own class and on average.
    """
    a = torch.zeros(1, classes, experts, dtype=torch.float64, requires_grad=True)
    target = losses.target_class(torch.arange(classes)[None], experts, torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    descent = torch.optim.LBFGS([a], max_iter=2000, tolerance_grad=1e-13, tolerance_change=0, history_size=30)

    def loss():
        descent.zero_grad()
        logp = log_p(a, one)
        share = target.mean(-2)
        total = losses.oracle(logp, target) + b * losses.balance(logp, share) - h * losses.entropy(logp)
        total.sum().backward()
        return total.sum()

    for _ in range(5):
        descent.step(loss)
    assert a.grad is not None
    assert a.grad.abs().max() < 1e-9
    p = a.detach().softmax(-1)[0]
    r, s, mean = p[0, -1].item(), p[0, 0].item(), p[:, 0].mean().item()
    exact = -1 / s + h * math.log(s) + b * (math.log(mean) + experts / classes)
    assert (h + b) * math.log(r) == pytest.approx(exact, rel=1e-7)
    assert (h + b) * math.log(r) == pytest.approx(-(1 + b * (math.log(classes) - experts / classes)), rel=0.01)
