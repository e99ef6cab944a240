"""Runs that the tests of simulation share, in units that are not 1, and the rule written down once more.

`path` runs one router in units of the score, with Python's numbers, from the words that docs/simulate.md says it gets.

Statistical tests use fixed seeds and reject at |z| > 5.5: two-sided false-alarm rate 4e-8 a comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import moecusp as mc
from moecusp import RouterParameters, simulate
from moecusp._simulation.philox import philox

RELIABLE = 5.5
DECAY, INVERSE_TEMPERATURE = 0.6, 1.7
CASES: list[tuple[int, dict[str, Any]]] = [
    (2, {}),
    (2, {"batch_size": 5}),
    (2, {"batch_size": 300}),
    (2, {"selection": "hard", "margin_noise": 0.7}),
    (2, {"selection": "hard", "margin_noise": 0.7, "batch_size": 100}),
    (2, {"selection": "hard"}),
    (5, {}),
    (5, {"batch_size": 6}),
    (5, {"batch_size": 300}),
    (5, {"selection": "hard", "margin_noise": 0.5, "batch_size": 2}),
    (64, {}),
]


def units(gain: float, asymmetry: float = 0.0, experts: int = 2) -> RouterParameters:
    """Return parameters of a gain and an asymmetry (score/time) at decay 0.6 and inverse temperature 1.7."""
    feedback = gain * experts * DECAY / INVERSE_TEMPERATURE
    return RouterParameters(feedback, DECAY, INVERSE_TEMPERATURE, asymmetry, experts)


def run(experts: int, backend: str, *, steps: int = 203, routers: int = 130, **options: Any) -> mc.Simulation:
    """Run with a ramp, a jump, a passage and every statistic."""
    chosen: dict[str, Any] = {
        "increment": 0.07,
        "burn_in": 51,
        "moments": True,
        "every": 20,
        "trajectory": True,
        "asymmetry_schedule": [(0, 0.1), (100, 0.3)],
        "feedback_schedule": [(0, 0.0), (50, 0.0), (50, 0.2)],
        "seed": 2**40 + 7,
    }
    if experts == 2:
        chosen["first_passage"] = (None, 0.6)
    return simulate(units(0.8, experts=experts), steps=steps, routers=routers, backend=backend, **(chosen | options))


def assert_same(one: mc.Simulation, other: mc.Simulation, tolerance: float) -> None:
    """Compare everything that two runs left behind."""
    for name in ("scores", "load", "mean", "variance", "autocorrelation", "first_passage", "trajectory"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance, err_msg=name)


def uniforms(step: int, router: int, seed: int, one_word: bool) -> Iterator[float]:
    """Yield the uniform numbers of one step of one router."""
    number, block = (step // 4, 0) if one_word else (step, 0)
    while True:
        counter = (np.array([number]), np.array([block]), np.array([router % 2**32]), np.array([router >> 32]))
        words = philox(counter, (seed % 2**32, seed >> 32))
        yield from ((int(word[0]) + 0.5) / 2.0**32 for word in (words[step % 4 :] if one_word else words))
        block += 1


def softly(scores: list[float], beta: float, numbers: Iterator[float]) -> int:
    """Return the first expert whose cumulated probability exceeds the number."""
    weights = [math.exp(beta * s) for s in scores]
    level = next(numbers) * sum(weights)
    for expert in range(len(weights) - 1):
        if sum(weights[: expert + 1]) > level:
            return expert
    return len(weights) - 1


def noisily(scores: list[float], sigma: float, numbers: Iterator[float]) -> int:
    """Return the largest score after noise on each that gives every margin the standard deviation sigma."""
    if len(scores) == 2:
        return 0 if next(numbers) < 0.5 * (1.0 + math.erf((scores[0] - scores[1]) / sigma / math.sqrt(2.0))) else 1
    noisy: list[float] = []
    for _ in range(2 * -(-len(scores) // 4)):
        radius, angle = math.sqrt(-2.0 * math.log(next(numbers))), 2.0 * math.pi * next(numbers)
        noisy += [radius * math.cos(angle), radius * math.sin(angle)]
    values = [s + sigma / math.sqrt(2.0) * noise for s, noise in zip(scores, noisy, strict=False)]
    return values.index(max(values))


def path(
    parameters: RouterParameters,
    increment: float,
    steps: int,
    router: int,
    *,
    seed: int,
    batch_size: int = 1,
    sigma: float | None = None,
    feedback: Callable[[int], float] = lambda n: 0.0,
    asymmetry: Callable[[int], float] = lambda n: 0.0,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the scores, (steps + 1, experts), and the counts, (steps, experts); sigma is the noise of hard selection.

    feedback and asymmetry give the offsets of each step.
    """
    experts = parameters.experts
    scores, counts = [0.0] * experts, []
    states = [scores]
    for n in range(steps):
        numbers = uniforms(n, router, seed, batch_size == 1 and (experts == 2 or sigma is None))
        hits = [0] * experts
        for _ in range(batch_size):
            if sigma is None:
                hits[softly(scores, parameters.inverse_temperature, numbers)] += 1
            else:
                hits[noisily(scores, sigma, numbers)] += 1
        kappa, h = parameters.feedback + feedback(n), parameters.asymmetry + asymmetry(n)
        scores = [
            s + increment * (kappa * hit / batch_size - parameters.decay * s + (h if expert == 0 else 0.0))
            for expert, (s, hit) in enumerate(zip(scores, hits, strict=True))
        ]
        states.append(scores)
        counts.append(hits)
    return np.array(states), np.array(counts)
