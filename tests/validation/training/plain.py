"""One mixture in plain PyTorch, expert by expert and token by token: what the engine must agree with."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from validation.training.losses import Gate, Oracle


class Expert(nn.Module):
    def __init__(self, first, first_bias, second, second_bias):
        super().__init__()
        self.weights = nn.ParameterList([first, first_bias, second, second_bias])

    def forward(self, x):
        first, first_bias, second, second_bias = self.weights
        return functional.linear(torch.relu(functional.linear(x, first, first_bias)), second, second_bias)


class Plain(nn.Module):
    """Model number m of an engine's mixture (`validation.training.moe.Mixture`), with weights copied out of it."""

    def __init__(self, mixture, tiers, m):
        super().__init__()

        def take(tensor):
            return nn.Parameter(tensor[m].detach().clone())

        router = mixture.router
        self.router = nn.ParameterList(
            [take(each) for layer in (router.first, router.last) for each in (layer.weight, layer.bias)]
        )
        width, experts = tiers.width, mixture.experts
        self.experts = nn.ModuleList()
        for e, tier in enumerate(tiers.of_expert):
            units = slice(e * width, e * width + tiers.widths[tier])
            self.experts.append(
                Expert(
                    take(experts.first[:, units]),
                    take(experts.first_bias[:, units, 0]),
                    take(experts.second[:, e, :, : tiers.widths[tier]]),
                    take(experts.second_bias[:, e, :, 0]),
                )
            )
        self.k, self.gate = mixture.k, mixture.gate

    def logits(self, x):
        w1, b1, w2, b2 = self.router
        return torch.relu(x @ w1 + b1) @ w2 + b2

    def forward(self, x, temperature):
        """Return outputs, probabilities and the chosen experts of every token (lists of lists)."""
        p = functional.softmax(self.logits(x) / temperature, dim=-1)
        outputs, chosen = [], []
        for token, row in zip(x, p, strict=True):
            best = row.argsort(descending=True)[: self.k].tolist()
            total = sum(row[e] for e in best) if self.gate is Gate.RENORMALISED else 1.0
            outputs.append(sum(row[e] / total * self.experts[e](token) for e in best))
            chosen.append(best)
        return torch.stack(outputs), p, chosen

    def terms(self, x, labels, temperature, teacher):
        """Return every term of the loss by name."""
        outputs, p, chosen = self(x, temperature)
        count, experts = p.shape
        own = torch.stack([functional.cross_entropy(each(x), labels, reduction="none") for each in self.experts], 1)
        if teacher is Oracle.BEST:
            q = functional.one_hot(own.argmin(1), experts).double()
        elif teacher is Oracle.CLASS:
            q = functional.one_hot(labels % experts, experts).double()
        else:
            q = p * torch.exp(-own)
            q = q / q.sum(1, keepdim=True)
        f = torch.zeros(experts, dtype=torch.float64)
        for best in chosen:
            for e in best:
                f[e] += 1 / (count * self.k)
        mean, uniform = p.mean(0), torch.full((experts,), 1 / experts, dtype=torch.float64)
        prototypes = self.router[2].T
        pairs = [
            functional.cosine_similarity(prototypes[i], prototypes[j], dim=0) ** 2
            for i in range(experts)
            for j in range(experts)
            if i != j
        ]
        return {
            "task": functional.cross_entropy(outputs, labels),
            "oracle": functional.cross_entropy(p.log(), q.detach()),
            "balance": functional.kl_div(uniform.log(), mean.log(), reduction="sum", log_target=True)
            + experts * ((f - uniform) * mean).sum(),
            "entropy": -torch.distributions.Categorical(p).entropy().mean(),
            "ortho": torch.stack(pairs).mean(),
        }
