"""Trained networks: what one half of the tokens says of boundary mass and risk, counted on the other half."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from validation.soft_hard.profiles import Trained
from validation.streams import Stream
from validation.studies import Tick
from validation.training.fashion import load_fashion
from validation.training.tokens import load_tokens

Array = NDArray[np.float64]
THRESHOLDS = np.linspace(-1.5, 1.5, 61)
LOG_2 = float(np.log(2.0))


class Mixture(nn.Module):
    """An encoder, a linear router and two linear experts, trained together as a soft mixture."""

    def __init__(self, pixels: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = nn.Linear(pixels, hidden)
        self.router = nn.Linear(hidden, 1)
        self.experts = nn.Linear(hidden, 20)
        with torch.no_grad():
            for each in self.parameters():
                bound = each.shape[-1] ** -0.5
                each.copy_((2.0 * torch.rand(each.shape, generator=generator) - 1.0) * bound)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map images to features, margins (tokens,) and the outputs of both experts (tokens, 2, 10)."""
        features = torch.relu(self.encoder(images))
        return features, self.router(features)[:, 0], self.experts(features).reshape(-1, 2, 10)


def load(name: str) -> tuple[Tensor, Tensor]:
    """Return all images and labels of a set."""
    if name == "fashion":
        return load_fashion()
    tokens = load_tokens()
    return torch.cat([tokens.train, tokens.test]), torch.cat([tokens.train_labels, tokens.test_labels])


def train(p: Trained, images: Tensor, target: Tensor, source: torch.Generator, tick: Tick) -> Mixture:
    """Train one mixture on squared error."""
    model = Mixture(images.shape[1], p.hidden, source)
    optimiser = torch.optim.Adam(model.parameters(), lr=p.learning_rate)
    for _ in range(p.steps):
        batch = torch.randint(len(images), (p.batch_size,), generator=source)
        _, margin, outputs = model(images[batch])
        share = torch.sigmoid(margin)[:, None]
        mixed = share * outputs[:, 0] + (1.0 - share) * outputs[:, 1]
        optimiser.zero_grad()
        ((mixed - target[batch]) ** 2).sum(dim=1).mean().backward()
        optimiser.step()
        tick(p.batch_size)
    return model.requires_grad_(False)


def measure(p: Trained, name: str, networks: int, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Train networks and measure on each half of the tokens; the first axis is that of the networks.

    mass, mass_expected
        Share of tokens within the width, over random routers on the hidden features: counted on one half, and by the
        density that the other half has at the tie.
    soft, soft_expected, risk, risk_expected : shape (networks, temperatures)
        Mean share of the expert not chosen, and excess of the squared error over hard routing, of the trained router.
    excess : shape (networks, temperatures)
        Hard risk at the threshold that is best for the soft one, over the least, in units of its range.
    thresholds : shape (networks, temperatures)
        That threshold, from the best hard one.
    """
    source = stream.torch()
    images, labels = load(name)
    target = nn.functional.one_hot(labels, 10).float()
    found = []
    for _ in range(networks):
        model = train(p, images, target, source, tick)
        features, margin, outputs = model(images)
        order = torch.randperm(len(images), generator=source)
        first, second = order[: len(order) // 2], order[len(order) // 2 :]
        margin = (margin - margin.median()) / margin.std()
        found.append(
            {
                **_masses(p, features, first, second, source),
                **_risks(p, margin.double(), outputs.double(), target.double(), first, second),
            }
        )
    return {key: np.stack([each[key] for each in found]) for key in found[0]}


def _masses(p: Trained, features: Tensor, first: Tensor, second: Tensor, source: torch.Generator) -> dict[str, Array]:
    margins = features @ torch.randn(features.shape[1], p.routers, generator=source)
    margins = (margins - margins.median(dim=0).values) / margins.std(dim=0)
    density = (margins[first].abs() <= p.bandwidth).double().mean() / (2.0 * p.bandwidth)
    counted = (margins[second].abs() <= p.width).double().mean()
    return {"mass": counted.numpy(), "mass_expected": (2.0 * p.width * density).numpy()}


def _risks(
    p: Trained, margin: Tensor, outputs: Tensor, target: Tensor, first: Tensor, second: Tensor
) -> dict[str, Array]:
    rows = torch.arange(len(margin))
    chosen = (margin < 0).long()
    step = outputs[rows, chosen] - outputs[rows, 1 - chosen]
    miss = target - outputs[rows, chosen]
    cross, power = (miss * step).sum(dim=1), (step**2).sum(dim=1)
    near = (margin[first].abs() <= p.bandwidth).double() / (2.0 * p.bandwidth)
    temperatures = np.array(p.temperatures)
    f, at_cross, at_power = (float((near * g[first]).mean()) for g in (torch.ones_like(cross), cross, power))
    slope = 4.0 * LOG_2 * at_cross + (2.0 * LOG_2 - 1.0) * at_power

    def share(at: Tensor, temperature: float) -> Tensor:
        return torch.sigmoid(-at.abs() / temperature)

    soft, risk, excess, thresholds = [], [], [], []
    m, miss, step = margin[second], (target - outputs[:, 1])[second], (outputs[:, 0] - outputs[:, 1])[second]
    products = (miss**2).sum(dim=1), (miss * step).sum(dim=1), (step**2).sum(dim=1)
    hard = np.array([_loss(m - b, None, *products) for b in THRESHOLDS])
    for t in p.temperatures:
        q = share(m, t)
        soft.append(float(q.mean()))
        risk.append(float((2.0 * q * cross[second] + q**2 * power[second]).mean()))
        best = int(np.argmin([_loss(m - b, t, *products) for b in THRESHOLDS]))
        excess.append((hard[best] - hard.min()) / (hard.max() - hard.min()))
        thresholds.append(THRESHOLDS[best] - THRESHOLDS[int(hard.argmin())])
    return {
        "soft": np.array(soft),
        "soft_expected": 2.0 * LOG_2 * f * temperatures,
        "risk": np.array(risk),
        "risk_expected": slope * temperatures,
        "excess": np.array(excess),
        "thresholds": np.array(thresholds),
    }


def _loss(margin: Tensor, temperature: float | None, base: Tensor, cross: Tensor, power: Tensor) -> float:
    """Return the squared error of a soft mixture, or of hard routing without a temperature."""
    share = (margin > 0).double() if temperature is None else torch.sigmoid(margin / temperature)
    return float((base - 2.0 * share * cross + share**2 * power).mean())
