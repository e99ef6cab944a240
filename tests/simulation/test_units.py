"""Every backend against the rule written down once more in units of the score: no unit is 1, none equals another."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from moecusp import simulate
from moecusp._simulation.schedules import Schedule, knots
from tests.simulation.runs import DECAY, path, units

BACKENDS = ["numpy", "numba", "torch"]
CASES: list[tuple[int, int, float | None]] = [
    (2, 1, None),
    (2, 5, None),
    (2, 1, 0.7),
    (2, 3, 0.7),
    (5, 1, None),
    (5, 6, None),
    (5, 2, 0.7),
]
INCREMENT, STEPS, ROUTERS, BURN_IN, JUMP, SEED = 0.23, 90, 7, 30, 41, 2**33 + 5
SCHEDULES: dict[str, Any] = {
    "asymmetry_schedule": [(10, 0.1), (60, 0.3)],
    "feedback_schedule": [(0, 0.0), (JUMP, 0.0), (JUMP, 0.9)],
}


def ramp(n: int) -> float:
    return 0.1 + 0.2 * min(max(n - 10, 0), 50) / 50


def jump(n: int) -> float:
    return 0.9 if n >= JUMP else 0.0


def expected(experts: int, batch_size: int, sigma: float | None) -> tuple[Any, Any]:
    """Return scores (steps + 1, routers, experts) and counts (steps, routers, experts)."""
    paths = [
        path(
            units(0.9, 0.05, experts), INCREMENT, STEPS, router, seed=SEED, batch_size=batch_size, sigma=sigma,
            feedback=jump, asymmetry=ramp,
        )
        for router in range(ROUTERS)
    ]  # fmt: skip
    scores, counts = (np.stack(part, axis=1) for part in zip(*paths, strict=True))
    return scores, counts


def seen(experts: int, backend: str, batch_size: int, sigma: float | None, **options: Any) -> Any:
    hard = {} if sigma is None else {"selection": "hard", "margin_noise": sigma}
    return simulate(
        units(0.9, 0.05, experts), increment=INCREMENT, steps=STEPS, routers=ROUTERS, batch_size=batch_size, seed=SEED,
        burn_in=BURN_IN, backend=backend, **(SCHEDULES | hard | options),
    )  # fmt: skip


@pytest.mark.parametrize(("experts", "batch_size", "sigma"), CASES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_path_load_and_moments(backend: str, experts: int, batch_size: int, sigma: float | None) -> None:
    pytest.importorskip(backend)
    scores, counts = expected(experts, batch_size, sigma)
    found = seen(experts, backend, batch_size, sigma, every=1, trajectory=True, moments=True)
    np.testing.assert_allclose(found.scores, scores[-1], rtol=0, atol=1e-12)
    path = scores[:, :, 0] - scores[:, :, 1] if experts == 2 else scores
    np.testing.assert_allclose(found.trajectory, path, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.load, counts[BURN_IN:].mean(axis=0) / batch_size, rtol=0, atol=1e-15)
    late = path[BURN_IN:]
    d = late - late.mean(axis=0)
    np.testing.assert_allclose(found.mean, late.mean(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.variance, late.var(axis=0), rtol=0, atol=1e-12)
    with np.errstate(invalid="ignore"):  # NaN for a score that never moved
        expectation = (d[1:] * d[:-1]).mean(axis=0) / late.var(axis=0)
    np.testing.assert_allclose(found.autocorrelation, expectation, rtol=0, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_first_passages_are_of_the_score(backend: str) -> None:
    """Each bound lies inside the path by design, so that the steps differ between routers and from -1."""
    pytest.importorskip(backend)
    scores, _ = expected(2, 1, None)
    margin = scores[:, :, 0] - scores[:, :, 1]
    low, high = 0.5 * margin.min(axis=0) - 0.01, 0.7 * margin.max(axis=0) + 0.01
    out = (margin[1:] <= low) | (margin[1:] >= high)
    steps = np.where(out.any(axis=0), out.argmax(axis=0) + 1, -1)
    assert len(set(steps.tolist())) > 3
    found = seen(2, backend, 1, None, first_passage=(low, high))
    np.testing.assert_array_equal(found.first_passage, steps)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("experts", [2, 5])
def test_histogram_and_observer_are_of_the_score(backend: str, experts: int) -> None:
    pytest.importorskip(backend)
    scores, _ = expected(experts, 1, None)
    path = scores[:, :, 0] - scores[:, :, 1] if experts == 2 else scores
    edges, states = np.linspace(-0.4, 0.4, 9), []
    found = seen(
        experts, backend, 1, None, histogram=edges, every=7, observer=lambda done, now: states.append((done, now))
    )
    late = path[np.arange(35, STEPS + 1, 7)]
    np.testing.assert_array_equal(found.histogram, np.histogram(late, edges)[0])
    assert found.outside == late.size - found.histogram.sum()
    assert found.outside > 0
    for done, now in states:
        np.testing.assert_allclose(now, path[done], rtol=0, atol=1e-12)
    assert [done for done, _ in states] == found.observed.tolist() == list(range(0, STEPS + 1, 7))


def test_large_batches_have_the_load_and_spread_of_the_units() -> None:
    """Above 64 tokens: counts by inversion; mean and variance of one step from the physical probability."""
    n, start, tokens = 40_000, np.array([0.4, -0.1, 0.2]), 300
    parameters = units(0.9, experts=3)
    load = simulate(parameters, increment=0.1, steps=1, routers=n, initial=start, batch_size=tokens).load
    w = np.exp(1.7 * start)
    p = w / w.sum()
    variance = p * (1 - p) / tokens
    assert np.all(np.abs(load.mean(axis=0) - p) < 5.5 * np.sqrt(variance / n))
    assert np.all(np.abs(load.var(axis=0) / variance - 1) < 5.5 * np.sqrt(2.0 / n))


@pytest.mark.parametrize("experts", [2, 5])
def test_fused_kernel(experts: int) -> None:
    pytest.importorskip("triton")
    import torch

    if not (torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1"):
        pytest.skip("no CUDA device and no interpreter")
    scores, counts = expected(experts, 1, None)
    found = seen(experts, "triton", 1, None, every=30, trajectory=True)
    np.testing.assert_allclose(found.scores, scores[-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.load, counts[BURN_IN:].mean(axis=0), rtol=0, atol=1e-15)


class TestSchedule:
    def test_a_jump_holds_from_its_step_on(self) -> None:
        offsets = Schedule(knots("feedback_schedule", [(3, 1.0), (5, 2.0), (5, 7.0), (6, 8.0)])).offsets(0, 9)
        assert offsets[0].tolist() == [1.0, 1.0, 1.0, 1.0, 1.5, 7.0, 8.0, 8.0, 8.0]
        assert offsets[1].tolist() == [0.0] * 9

    def test_offsets_do_not_depend_on_where_a_chunk_starts(self) -> None:
        schedule = Schedule(asymmetry=knots("asymmetry_schedule", [(2, 0.5), (7, -1.0), (7, 3.0)]))
        whole = schedule.offsets(0, 12)
        for start in range(12):
            np.testing.assert_array_equal(schedule.offsets(start, 12), whole[:, start:])


def test_offsets_are_in_units_of_feedback_and_asymmetry() -> None:
    """Constant offsets are the parameters themselves."""
    one = simulate(units(0.9, 0.05), increment=INCREMENT, steps=60, routers=50, backend="numpy")
    other = simulate(
        units(0.45, -0.15), increment=INCREMENT, steps=60, routers=50, backend="numpy",
        feedback_schedule=[(0, 0.9 * DECAY / 1.7)], asymmetry_schedule=[(0, 0.2)],
    )  # fmt: skip
    np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=1e-13)
