"""Trained routers and what is recorded of them: each trains on all tokens, and a split of its own parts these in two.

One half predicts, the other is routed under feedback. Each half is balanced by a bias of its own, as any balancing
would have learned it: what is predicted is when balance loses stability, not where it lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from validation.devices import cached
from validation.routers.modes import Loads
from validation.routers.profiles import Trained
from validation.streams import stream
from validation.studies import Plan
from validation.training.text import load_text
from validation.training.tokens import load_tokens


@dataclass(frozen=True)
class Kind:
    """A kind of router: what it sees ("digits" or "text"), hidden units (0: a linear router), and experts."""

    tokens: str
    hidden: int
    experts: int

    @property
    def name(self) -> str:
        """As parts and plans call it."""
        return f"{self.tokens}-{'mlp' if self.hidden else 'linear'}-{self.experts}"


@dataclass(frozen=True)
class Case:
    """A kind of router with its selection, "soft", or "top1", "top2", ... for hard selection, and its type."""

    kind: Kind
    selection: str
    type: str = "float32"

    @property
    def name(self) -> str:
        """As parts, plans and findings call it."""
        return f"{self.kind.name}-{self.selection}" + ("" if self.type == "float32" else f"-{self.type}")

    @property
    def soft(self) -> bool:
        """Whether experts are sampled from the softmax."""
        return self.selection == "soft"

    @property
    def chosen(self) -> int:
        """Experts that a token goes to."""
        return 1 if self.soft else int(self.selection.removeprefix("top"))

    def loads(self, inverse_temperature: float, source: torch.Generator | None = None) -> Loads:
        """Return how loads are counted; soft ones are means unless there is a source to sample them from."""
        return Loads(self.chosen, inverse_temperature if self.soft else None, source)


def case(name: str) -> Case:
    """Return the case of a name such as "digits-mlp-8-top1" or "...-top1-bfloat16"; MLPs have 16 hidden units."""
    tokens, layers, experts, *selection = name.split("-")
    return Case(Kind(tokens, HIDDEN if layers == "mlp" else 0, int(experts)), *selection)


HIDDEN = 16
LETTERS = 150_000


class Routers(nn.Module):
    """Linear or two-layer routers side by side, features -> (hidden, tanh ->) experts, in float32."""

    def __init__(self, routers: int, features: int, hidden: int, experts: int) -> None:
        super().__init__()
        sizes = [features, hidden, experts] if hidden else [features, experts]
        self.weights = nn.ParameterList(torch.empty(routers, out, inside) for inside, out in pairwise(sizes))
        self.biases = nn.ParameterList(torch.zeros(routers, out, 1) for out in sizes[1:])

    def draw(self, generator: torch.Generator) -> Routers:
        """Start from random weights."""
        with torch.no_grad():
            for weight in self.weights:
                weight.copy_(torch.randn(weight.shape, generator=generator) * weight.shape[-1] ** -0.5)
        return self

    def forward(self, features: Tensor) -> Tensor:
        """Map features (routers, tokens, features) to logits (routers, experts, tokens)."""
        x = features.transpose(-1, -2)
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = weight @ (torch.tanh(x) if k else x) + bias
        return x


@cached(2)
def tokens_of(name: str) -> tuple[Tensor, Tensor]:
    """Return features (tokens, 64) and labels of the digits, or of the text of Python's own help.

    Features of a character of text are random vectors of the last eight characters, side by side; its label is the
    next one.
    """
    if name == "digits":
        tokens = load_tokens()
        return torch.cat([tokens.train, tokens.test]), torch.cat([tokens.train_labels, tokens.test_labels])
    text = " ".join(load_text().tobytes().decode().lower().split())[:LETTERS]
    letters = " etaonisrhlducmpfygbwv.,_"
    place = {letter: k for k, letter in enumerate(letters)}
    codes = torch.tensor([place.get(letter, len(letters)) for letter in text])
    vectors = 0.3 * torch.randn(len(letters) + 1, 8, generator=torch.Generator().manual_seed(0))
    windows = codes.unfold(0, 8, 1)[:-1]
    return vectors[windows].flatten(1), codes[8:]


def trained(p: Trained, kind: Kind, generator: torch.Generator) -> Routers:
    """Return routers trained as the gates of soft mixtures of linear experts, with a balance loss.

    Every router has its own start and its own tokens. The loss is minus the log-likelihood of the mixture, and
    `balance_weight` K sum f P.
    """
    features, labels = tokens_of(kind.tokens)
    width, classes = features.shape[1], 1 + int(labels.max())
    routers = Routers(p.routers, width, kind.hidden, kind.experts).draw(generator)
    experts = torch.randn(p.routers, kind.experts * classes, width, generator=generator).mul_(width**-0.5)
    experts.requires_grad_()
    optimiser = torch.optim.Adam([*routers.parameters(), experts], lr=p.learning_rate)
    for _ in range(p.steps):
        drawn = torch.randint(len(labels), (p.routers, p.batch_size), generator=generator)
        x = noisy(features[drawn], p, generator)
        share = torch.log_softmax(p.inverse_temperature * routers(x), dim=1)
        scores = (experts @ x.transpose(1, 2)).reshape(p.routers, kind.experts, classes, -1)
        right = labels[drawn][:, None, None].expand(-1, kind.experts, -1, -1)
        likely = scores.gather(2, right)[:, :, 0] - scores.logsumexp(dim=2)
        top = share.argmax(dim=1, keepdim=True) == torch.arange(kind.experts)[:, None]
        even = kind.experts * (top.float().mean(dim=2) * share.exp().mean(dim=2)).sum()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(p.balance_weight * even - (share + likely).logsumexp(dim=1).mean(dim=1).sum())
        optimiser.step()
    return routers.requires_grad_(False)


def noisy(features: Tensor, p: Trained, generator: torch.Generator) -> Tensor:
    """Return jittered features."""
    return torch.randn(features.shape, generator=generator).mul_(p.jitter).add_(features)


def halves(p: Trained, kind: Kind, generator: torch.Generator) -> Tensor:
    """Draw which tokens are recorded of each router: indices (2, routers, tokens) of two halves, none in both."""
    if kind.tokens == "digits":
        count = len(tokens_of("digits")[1])
        size = count - count % 4
    else:
        count, size = len(tokens_of(kind.tokens)[1]), 2 * p.text_tokens
    order = torch.stack([torch.randperm(count, generator=generator)[:size] for _ in range(p.routers)])
    return order.reshape(p.routers, 2, size // 2).transpose(0, 1).contiguous()


@torch.no_grad()
def record(
    p: Trained, routers: Routers, case: Case, half: Tensor, copies: tuple[int, int], source: torch.Generator
) -> Tensor:
    """Return the logits (routers, experts, tokens) of the tokens of a half, balanced by nothing.

    In `p.soft_copies` jittered copies for soft selection, in `copies` of digits and of text for hard selection. The
    copies of a token stand `half.shape[1]` apart. The routers compute in the case's type; what is added to their
    logits later is of float32 at least, as load balancing keeps it.
    """
    features, dtype = tokens_of(case.kind.tokens)[0][half], getattr(torch, case.type)
    count = p.soft_copies if case.soft else copies[0 if case.kind.tokens == "digits" else 1]
    weights = {name: each.to(dtype) for name, each in routers.named_parameters()}
    copied = [functional_call(routers, weights, noisy(features, p, source).to(dtype)) for _ in range(count)]
    found = torch.cat(copied, dim=2)
    return found.to(torch.promote_types(dtype, torch.float32))


@torch.no_grad()
def balanced(logits: Tensor, loads: Loads) -> Tensor:
    """Return logits with the bias of each router that makes its loads equal on these tokens.

    Long steps on every fourth token come near it, short ones on all end there.
    """
    unit = spread(logits)[:, None] * torch.ones(logits.shape[1])
    bias = torch.zeros_like(unit)
    for seen, step, turns in ((logits[..., ::4], 0.5, 24), (logits, 0.2, 14)):
        for _ in range(turns):
            load = loads(seen, bias[:, None])[:, 0]
            bias -= step * unit * torch.log(load * logits.shape[1] + 1e-2)
    return logits + bias[..., None]


@cached(4)
def made(p: Trained, kind: Kind, seed: int) -> tuple[Routers, Tensor]:
    """Return trained routers and the halves of their tokens."""
    torch.set_num_threads(1)
    source = stream("routers", "trained", kind.name, seed).torch()
    return trained(p, kind, source), halves(p, kind, source)


def recorded(p: Trained, case: Case, seed: int) -> Tensor:
    """Return the logits (routers, experts, tokens) of trained routers on the first half of their tokens."""
    routers, parted = made(p, case.kind, seed)
    source = stream("routers", "recorded", case.name, seed).torch()
    return record(p, routers, case, parted[0], p.copies, source)


def arrays(p: Trained, kind: Kind, seed: int, routers: int, name: str) -> dict[str, Any]:
    """Return what a run of the first routers on the second half needs, to be stored in a plan under name."""
    every, parted = made(p, kind, seed)
    weights = {f"{name}.{key}": value[:routers].numpy() for key, value in every.state_dict().items()}
    return {**weights, f"{name}.second": parted[1, :routers].numpy()}


def second(p: Trained, case: Case, plan: Plan, name: str, source: torch.Generator) -> Tensor:
    """Return the logits (routers, experts, tokens) of the second half, balanced."""
    stored = {key.removeprefix(f"{name}."): np.array(plan[key]) for key in plan.arrays if key.startswith(f"{name}.")}
    half = torch.tensor(stored.pop("second"))
    first = stored["weights.0"]
    routers = Routers(len(first), first.shape[2], case.kind.hidden, case.kind.experts)
    routers.load_state_dict({key: torch.tensor(value) for key, value in stored.items()})
    return balanced(record(p, routers, case, half, p.routed, source), case.loads(p.inverse_temperature))


def batches(logits: Tensor, size: int, count: int, source: torch.Generator) -> Any:
    """Yield batches (routers, experts, size) of tokens drawn with replacement."""
    for _ in range(count):
        yield logits[..., torch.randint(logits.shape[-1], (size,), generator=source)]


def spread(logits: Tensor) -> Tensor:
    """Return the standard deviation (score) of each router's logits over the experts of a token."""
    away = logits - logits.mean(dim=1, keepdim=True)  # `std` takes 15 times as long over an axis in the middle
    return away.square_().sum(dim=1).div_(logits.shape[1] - 1).sqrt_().mean(dim=1)
