"""Terms of the loss with their gradients by hand (docs/training.md): a fourth of autograd's operations.

`validation.training.losses` defines the terms; a test compares.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class _RoutingTerms(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        logp: Tensor,
        entropy: Tensor,
        balance: tuple[Tensor, Tensor] | None,
        oracle: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        tokens, experts = logp.shape[-2:]
        p = logp.exp()
        slope = entropy[..., None, None] * logp  # in p of a token, but for what is the same for all experts
        if balance is not None:
            weight, share = balance
            mean = p.mean(-2).clamp_min_(torch.finfo(p.dtype).tiny)
            pressure = mean.log_().add_(math.log(experts) - 1.0).add_(share, alpha=experts)
            slope += (weight[..., None] * pressure)[..., None, :]
        inner = (p * slope).sum(-1, keepdim=True)
        value = inner.mean((-2, -1))
        gradient = (slope - inner).mul_(p)
        if oracle is not None:
            weight, target = oracle
            value -= weight * (target * logp).sum(-1).mean(-1)
            gradient += weight[..., None, None] * (p - target)
        ctx.save_for_backward(gradient.div_(tokens))
        return value

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return outer[0][..., None, None] * gradient, None, None, None, None


def routing_terms(
    scores: Tensor,
    logp: Tensor,
    entropy: Tensor,
    balance: tuple[Tensor, Tensor] | None = None,
    oracle: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Return O oracle + B balance - H entropy of every model, (...).

    With u_e = H log p_e + B (log(K p_mean_e) + K f_e - 1) the last two are the mean over tokens of sum_e p_e u_e, and
    their derivative in the scores is p_e (u_e - sum_j p_j u_j)/N; the oracle's is O (p_e - q_e)/N.

    Parameters
    ----------
    scores : Tensor, shape (..., tokens, experts)
        Tempered logits, in which the gradient is taken.
    logp : Tensor, shape (..., tokens, experts)
        Their log-softmax.
    entropy : Tensor, shape (...)
        Weight H.
    balance : tuple of Tensor, optional
        Weight B (...) and the shares f of the slots (..., experts).
    oracle : tuple of Tensor, optional
        Weight O (...) and the target q (..., tokens, experts), whose sum over experts is 1.
    """
    found: Tensor = _RoutingTerms.apply(scores, logp, entropy, balance, oracle)  # type: ignore[no-untyped-call]
    return found
