"""What is counted on samples: boundary masses, excess risks, gates, growth and local exponents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from moecusp import Linearity, boundary_exponent
from validation.soft_hard.profiles import Boundary, Detector, Landscape, Risks
from validation.streams import Stream
from validation.studies import Tick

Array = NDArray[np.float64]
Values = Mapping[str, Array]
CURVED = ("sphere", "ellipse", "parabola", "quadric")


def repeated(seeds: int, tokens: int, one: Callable[[], object], tick: Tick) -> Array:
    """Return what `one` measures, once a repetition."""
    found = []
    for _ in range(seeds):
        found.append(np.asarray(one(), dtype=np.float64))
        tick(tokens)
    return np.stack(found)


def within(margins: Array, *widths: float) -> list[float]:
    """Return the share of tokens within each width of the tie."""
    return [float(np.mean(np.abs(margins) <= w)) for w in widths]


def linear(p: Boundary, stream: Stream, tick: Tick) -> Values:
    """Return the boundary mass of random linear routers whose margins are N(mean, 1), shape (seeds, 1)."""
    source = stream.torch()

    def one() -> list[float]:
        router = torch.nn.Linear(p.dimensions, 2)
        with torch.no_grad():
            router.weight.copy_(torch.randn(2, p.dimensions, generator=source))
            router.weight.div_((router.weight[0] - router.weight[1]).norm())
            router.bias.copy_(torch.tensor([0.5 * p.mean, -0.5 * p.mean]))
            logits = router(torch.randn(p.tokens, p.dimensions, generator=source))
        return within((logits[:, 0] - logits[:, 1]).double().numpy(), p.width)

    return {"mass": repeated(p.seeds, p.tokens, one, tick)}


def curved(p: Boundary, name: str, form: Array, shift: Array, stream: Stream, tick: Tick) -> Values:
    """Return the boundary mass of a curved interface, shape (seeds, 1)."""
    source = stream.numpy()

    def margin(x: Array) -> Array:
        if name == "sphere":
            return np.asarray((x**2).sum(axis=0) - p.radius**2)
        if name == "ellipse":
            return np.asarray(x[0] ** 2 + p.weights * x[1] ** 2 - p.radius**2)
        if name == "parabola":
            return np.asarray(x[1] - p.curvature * x[0] ** 2)
        away = x - shift[:, None]
        return np.asarray((away * (form @ away)).sum(axis=0) - p.radius**2)

    return {
        "mass": repeated(p.seeds, p.tokens, lambda: within(margin(source.normal(size=(3, p.tokens))), p.width), tick)
    }


def experts(p: Boundary, count: int, stream: Stream, tick: Tick) -> Values:
    """Return the boundary mass of many experts at both widths, shape (seeds, 2)."""
    source = stream.numpy()

    def one() -> list[float]:
        top = np.partition(source.normal(size=(p.tokens, count)), count - 2, axis=1)[:, -2:]
        return within(top[:, 1] - top[:, 0], p.binary_width, p.bend_width)

    return {"mass": repeated(p.seeds, p.tokens, one, tick)}


def crossing(source: np.random.Generator, tokens: int) -> Array:
    """Return margins y^2 - x^2."""
    x, y = source.normal(size=(2, tokens))
    return np.asarray(y * y - x * x)


def saddle(p: Boundary, stream: Stream, tick: Tick) -> Values:
    """Return the boundary mass at a crossing, shape (seeds, widths)."""
    source = stream.numpy()
    return {"mass": repeated(p.seeds, p.tokens, lambda: within(crossing(source, p.tokens), *p.saddle_widths), tick)}


def risk(p: Risks, alpha: float, stream: Stream, tick: Tick) -> Values:
    """Return the excess risk at each temperature, shape (seeds, temperatures); the same tokens at all of them."""
    source = stream.numpy()

    def one() -> list[float]:
        margin = source.random(p.tokens) ** (1.0 / alpha)
        return [float(np.mean((1.0 - np.tanh(margin / (2.0 * t))) ** 2)) for t in p.temperatures]

    return {"gap": repeated(p.seeds, p.tokens, one, tick)}


def gates(p: Landscape, stream: Stream, tick: Tick) -> Values:
    """Return the router's gradient at identical experts, relative to that at distinct ones, for three gates."""
    source = stream.torch()

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64)

    def gradient(gate: str, w: torch.Tensor, x: torch.Tensor, y: torch.Tensor, heads: torch.Tensor) -> float:
        weight = w.clone().requires_grad_()
        probability = torch.softmax(x @ weight.T, dim=-1)
        if gate != "soft":
            top, index = probability.topk(2 if gate == "topk" else 1, dim=-1)
            if gate == "topk":
                top = top / top.sum(dim=-1, keepdim=True)
            probability = torch.zeros_like(probability).scatter(-1, index, top)
        output = torch.einsum("tk,kod,td->to", probability, heads, x)
        (found,) = torch.autograd.grad(((output - y) ** 2).mean(), weight)
        return float(found.norm())

    def one() -> list[float]:
        w, x, y, heads = draw(p.experts, 6), draw(256, 6), draw(256, 3), draw(p.experts, 3, 6)
        same = heads[:1].expand_as(heads)
        return [gradient(g, w, x, y, same) / gradient(g, w, x, y, heads) for g in ("soft", "topk", "switch")]

    return {"relative": repeated(p.gate_seeds, 256, one, tick)}


def growth(p: Landscape, stream: Stream, tick: Tick) -> Values:
    """Return the rate at which gradient flow leaves the saddle of a sampled loss, shape (seeds, temperatures).

    Tokens come in mirrored pairs, so that the sampled loss has its saddle where the true one has it.
    """
    source = stream.torch()

    def one() -> list[float]:
        u, z = torch.randn(2, p.tokens, generator=source, dtype=torch.float64)
        x = torch.stack([torch.cat([u, u]), torch.cat([z, -z])])
        rates = []
        for temperature in p.growth_temperatures:

            def loss(at: torch.Tensor, t: float = temperature) -> torch.Tensor:
                margin = torch.cos(at[1]) * x[0] + torch.sin(at[1]) * x[1]
                return ((at[0] * torch.tanh(margin / (2.0 * t)) - torch.sign(x[1])) ** 2).mean()

            matrix = torch.autograd.functional.hessian(loss, torch.zeros(2, dtype=torch.float64))  # type: ignore[no-untyped-call]
            rates.append(-float(torch.linalg.eigvalsh(matrix)[0]))
        return rates

    return {"rates": repeated(p.seeds, p.tokens, one, tick)}


BENT = ("cubic", "saddle", "flat")


def exponents(p: Detector, stream: Stream, tick: Tick) -> Values:
    """Return the local exponent of each bent law and whether it was found, shape (seeds, laws)."""
    source = stream.numpy()

    def one() -> list[tuple[float, float]]:
        x = source.normal(size=p.tokens)
        margins = (x**3, crossing(source, p.tokens), np.sign(x) * np.maximum(np.abs(x) - p.flat, 0.0))
        found = [boundary_exponent(each) for each in margins]
        return [(each.estimate, float(each.verdict is Linearity.NOT_LINEAR)) for each in found]

    seen = repeated(p.seeds, p.tokens, one, tick)
    return {"estimates": seen[..., 0], "found": seen[..., 1]}


def alarms(p: Detector, stream: Stream, tick: Tick) -> Values:
    """Return in how many trials a linear law was called otherwise: Gaussian margins and those of a sphere, in turn."""
    source = stream.numpy()

    def one() -> float:
        straight = source.normal(0.3, 1.0, p.trial_tokens)
        round_ = (source.normal(size=(3, p.trial_tokens)) ** 2).sum(axis=0) - 2.0
        return float(sum(boundary_exponent(m).verdict is Linearity.NOT_LINEAR for m in (straight, round_)))

    return {"alarms": repeated(p.trials, p.trial_tokens, one, tick)}
