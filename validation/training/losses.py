"""The loss of a mixture: task + O oracle + B balance - H entropy + W overlap (docs/training.md).

Every term takes tensors with the axes (..., tokens, experts), the leading ones being models, and returns one value a
model. Temperatures and weights are tensors of shape (...). log p is the router's log-probabilities; in a small
temperature p underflows to 0 where log p and all gradients stay finite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional


class Gate(StrEnum):
    """What a chosen expert's output is multiplied by."""

    RENORMALISED = "renormalised"
    """Its probability among the chosen: the task gives the other experts no gradient."""
    RAW = "raw"
    """Its probability among all (Switch)."""


class Oracle(StrEnum):
    """Whom the teacher of the router names. The target is held fixed in the gradient."""

    BEST = "best"
    """The expert with the least loss of its own."""
    POST = "post"
    """The posterior of the expert given the answer, the router's probability being the prior."""
    CLASS = "class"
    """The label modulo the number of experts."""


@dataclass(frozen=True)
class Selection:
    """Which experts a token goes to.

    Attributes
    ----------
    chosen : Tensor of int, shape (..., tokens, k)
        Experts, the most probable first.
    weights : Tensor, shape (..., tokens, experts)
        By which their outputs are multiplied; 0 for the others.
    share : Tensor, shape (..., experts)
        Of the slots in this batch; sums to 1.
    """

    chosen: Tensor
    weights: Tensor
    share: Tensor


def tempered(logits: Tensor, temperature: Tensor) -> Tensor:
    """Return logits / T: log p is their log-softmax."""
    return logits / temperature[..., None, None]


def select(scores: Tensor, k: int, gate: Gate) -> Selection:
    """Choose the k most probable experts of every token, from tempered logits.

    Renormalised weights are a softmax among the chosen, so that the others' gradient is exactly 0, not a rounding that
    Adam would enlarge.
    """
    highest, chosen = scores.topk(k, dim=-1)
    weights = highest.softmax(-1) if gate is Gate.RENORMALISED else scores.softmax(-1).gather(-1, chosen)
    slots = chosen.flatten(-2)
    counts = scores.new_zeros(*scores.shape[:-2], scores.shape[-1])
    counts = counts.scatter_add(-1, slots, torch.ones_like(slots, dtype=scores.dtype))
    return Selection(chosen, torch.zeros_like(scores).scatter(-1, chosen, weights), counts / slots.shape[-1])


def target_best(losses: Tensor) -> Tensor:
    """Return 1 for the expert of the least loss (the first of several), 0 for the others."""
    best = losses.argmin(-1, keepdim=True)
    return torch.zeros_like(losses).scatter(-1, best, 1.0)


def target_post(losses: Tensor, logp: Tensor) -> Tensor:
    """Return p_e exp(-loss_e) / sum_j p_j exp(-loss_j): what the answer says of which expert gave it."""
    return (logp - losses).detach().softmax(-1)


def target_class(labels: Tensor, experts: int, dtype: torch.dtype) -> Tensor:
    """Return 1 for expert label mod K, 0 for the others, from labels of shape (..., tokens)."""
    return (labels[..., None] % experts == torch.arange(experts, device=labels.device)).to(dtype)


def oracle(logp: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy -sum_e q_e log p_e of the router against its teacher, a mean over tokens."""
    return -(target * logp).sum(-1).mean(-1)


def balance(logp: Tensor, share: Tensor) -> Tensor:
    """Return KL(p_mean | uniform) + K sum_e (f_e - 1/K) p_mean_e, the shares f of the slots being held fixed.

    The second term stands for K sum_e (f_e - 1/K)^2, the variance of the counts, which has no gradient: its own is
    that of the variance with one of the two factors f replaced by the mean probability.
    """
    experts, mean = logp.shape[-1], logp.exp().mean(-2)
    logarithm = mean.clamp_min(torch.finfo(mean.dtype).tiny).log()  # finite where p_mean is 0
    return (mean * (logarithm + math.log(experts) + experts * share.detach() - 1.0)).sum(-1)


def entropy(logp: Tensor) -> Tensor:
    """Return the entropy -sum_e p_e log p_e (nats) of a token's routing, a mean over tokens."""
    return -(logp.exp() * logp).sum(-1).mean(-1)


def overlap(prototypes: Tensor) -> Tensor:
    """Return the mean squared cosine of two different prototypes, from prototypes of shape (..., experts, dimension).

    0 if they are orthogonal; with K experts in d < K dimensions at least (K/d - 1)/(K - 1), the Welch bound.
    """
    experts = prototypes.shape[-2]
    directions = functional.normalize(prototypes, dim=-1)
    gram = directions @ directions.transpose(-1, -2)
    return (gram.square().sum((-2, -1)) - gram.diagonal(dim1=-2, dim2=-1).square().sum(-1)) / (experts * (experts - 1))


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Return each token's cross-entropy (..., tokens), from scores (..., tokens, classes) and labels (..., tokens)."""
    return -scores.log_softmax(-1).gather(-1, labels[..., None]).squeeze(-1)
