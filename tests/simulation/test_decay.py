"""Small decay: powers and series against fractions and mpmath, scores of every backend against the recursion."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from moecusp import ParameterError, RouterParameters, simulate
from moecusp._simulation.arrays import ArrayBackend
from moecusp._simulation.request import Request
from moecusp._simulation.schedules import Schedule
from moecusp._simulation.totals import remains, series, total

ULP = 2.0**-52
STEPS = [5e-324, 1e-300, 1e-17, 1e-9, 1e-3, 0.3, 0.5, 1.0 - 2.0**-30, 1.0, 1.0 + 2.0**-30, 1.5, 1.99, 2.0 - 2.0**-40]
DECAYS = [1e-300, 1e-15, 1e-14, 1e-12, 1e-9, 1e-3, 1.0, 37.0]


def usable(backend: str) -> None:
    pytest.importorskip(backend)
    if backend == "triton":
        import torch

        if not (torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1"):
            pytest.skip("no CUDA device and no interpreter")


BACKENDS = ["numpy", "numba", "torch", "triton"]


class TestSeries:
    @pytest.mark.parametrize("step", STEPS)
    def test_short_ones_against_fractions(self, step: float) -> None:
        keep = 1 - Fraction(step)
        for count in range(1, 12):
            power, both = keep**count, sum((keep**k for k in range(count)), Fraction(0))
            found = Fraction(float(remains(np.array(step), count)))
            assert abs(found - power) <= 8 * count * ULP * abs(power)
            found = Fraction(float(series(np.array(step), count)))
            assert abs(found - both) <= 8 * ULP * abs(both)

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("count", [200, 201, 10**6, 2**32])
    def test_long_ones_against_mpmath(self, step: float, count: int) -> None:
        with mp.workdps(400):
            keep = 1 - mp.mpf(step)
            power = keep**count
            both = (1 - power) / mp.mpf(step)
            scale = 4 * ULP * (1 + count * abs(mp.log(abs(keep)))) if keep else mp.mpf(0)
            assert abs(mp.mpf(float(remains(np.array(step), count))) - power) <= scale * abs(power) + mp.mpf(5e-324)
            assert abs(mp.mpf(float(series(np.array(step), count))) / both - 1) <= 8 * ULP

    def test_caller_may_forbid_floating_point_errors(self) -> None:
        steps = np.array(STEPS)
        with np.errstate(all="raise"):
            found = total(steps, steps, steps, steps, 2**31, Schedule())
        assert np.all(np.isfinite(found))


def recursion(choices: Any, decay: float, experts: int, drive: Callable[[int], tuple[float, float]]) -> list[Fraction]:
    """Return the scores after the selections given, exactly: increment 0.05, start (.3, 0, …); drive gives kappa, h."""
    epsilon, mu = Fraction(0.05), Fraction(decay)
    scores = [Fraction(0.3)] + [Fraction(0)] * (experts - 1)
    for n, chosen in enumerate(choices):
        kappa, h = map(Fraction, drive(n))
        scores = [s + epsilon * (kappa * (i == chosen) - mu * s + h * (i == 0)) for i, s in enumerate(scores)]
        scores = [Fraction(round(s * 2**1200), 2**1200) for s in scores]  # or the fractions would grow without end
    return scores


class TestScores:
    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize(
        ("decay", "right"), [(1e-9, 29.99999985075), (1e-12, 29.99999999985075), (1e-15, 30.0), (1e-300, 30.0)]
    )
    def test_the_sum_of_two_scores_without_asymmetry(self, backend: str, decay: float, right: float) -> None:
        usable(backend)
        found = simulate(
            RouterParameters(feedback=3.0, decay=decay), increment=0.05, steps=200, routers=3, backend=backend
        ).scores.sum(axis=1)  # fmt: skip
        exact = recursion_of_the_sum(decay)
        np.testing.assert_allclose(found, exact, rtol=4 * ULP)
        assert abs(exact - right) < 1e-12

    @pytest.mark.parametrize("experts", [2, 5])
    @pytest.mark.parametrize(
        ("backend", "decay"), [*itertools.product(["numpy", "numba", "torch"], DECAYS), ("triton", 1e-15)]
    )
    def test_each_score_and_the_load(self, backend: str, decay: float, experts: int) -> None:
        """The selections are read off the path; what follows from them is then known exactly."""
        usable(backend)
        steps = 200
        found = simulate(
            RouterParameters(0.4, decay, 1.7, 0.1, experts), increment=0.05, steps=steps, routers=4, every=1,
            trajectory=True, initial=[0.3] + [0.0] * (experts - 1), backend=backend,
            feedback_schedule=[(0, 0.0), (90, 0.0), (90, 0.25)], asymmetry_schedule=[(0, 0.0), (200, 0.5)],
        )  # fmt: skip
        assert found.trajectory is not None
        h = 0.1 + 0.5 * np.arange(steps) / steps
        for router in range(4):
            now = found.trajectory[:, router]
            change = now[1:] - (1.0 - 0.05 * decay) * now[:-1]
            if experts == 2:
                choices = (change - 0.05 * h < 0.0).astype(int)
            else:
                change[:, 0] -= 0.05 * h
                choices = change.argmax(axis=1)
            exact = recursion(
                choices.tolist(), decay, experts, lambda n: (0.65 if n >= 90 else 0.4, 0.1 + 0.5 * n / 200)
            )
            size = max(abs(float(s)) for s in exact)
            np.testing.assert_allclose(
                found.scores[router], [float(s) for s in exact], rtol=0, atol=2 * steps * ULP * max(size, 0.3)
            )
            np.testing.assert_array_equal(found.load[router], np.bincount(choices, minlength=experts) / steps)

    @pytest.mark.parametrize("backend", ["numpy", "numba", "torch"])
    def test_statistics(self, backend: str) -> None:
        usable(backend)
        found = simulate(
            RouterParameters(feedback=0.4, decay=1e-15, inverse_temperature=1.7), increment=0.05, steps=200, routers=4,
            burn_in=50, moments=True, every=1, trajectory=True, first_passage=(-0.1, 0.3), backend=backend,
        )  # fmt: skip
        assert found.trajectory is not None
        assert found.mean is not None
        assert found.variance is not None
        late = found.trajectory[50:]
        np.testing.assert_allclose(found.mean, late.mean(axis=0), rtol=0, atol=1e-13)
        np.testing.assert_allclose(found.variance, late.var(axis=0), rtol=1e-10)

    def test_the_bound_on_the_state_needs_no_decay(self) -> None:
        """Without it the state would be taken to be unbounded, and every step be done the long way."""
        for decay, most in ((1e-300, 100 * 0.05 * 0.4 * 1.7), (2.0, 0.4 * 1.7 / 2.0), (39.0, 0.4 * 1.7 * 0.05 / 0.05)):
            parameters = RouterParameters(feedback=0.4, decay=decay, inverse_temperature=1.7)
            request = Request(parameters, 0.05, 100, 4, 1, "soft", 0.0, 0.0, False, None, Schedule(), 1)
            assert request.plan.largest == pytest.approx(most, rel=1e-9)


def recursion_of_the_sum(decay: float) -> float:
    """Return s1 + s2 after 200 steps from 0 at increment 0.05, feedback 3, by the recursion in 60 digits."""
    with mp.workdps(60):
        both = mp.mpf(0)
        for _ in range(200):
            both += mp.mpf(0.05) * (3 - mp.mpf(decay) * both)
        return float(both)


class TestSinglePrecision:
    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_where_the_decay_would_be_rounded_it_is_refused(self, backend: str) -> None:
        """1 - 1e-6 is 1.3 percent off in float32."""
        pytest.importorskip(backend)
        wanted: dict[str, Any] = {"increment": 1e-6, "routers": 2, "dtype": "float32", "backend": backend}
        with pytest.raises(ParameterError, match="dtype"):
            simulate(RouterParameters(feedback=1.0), steps=40_000, **wanted)
        short = simulate(RouterParameters(feedback=1.0), steps=100, **wanted)
        exact = simulate(RouterParameters(feedback=1.0), steps=100, **(wanted | {"dtype": "float64"}))
        np.testing.assert_allclose(short.scores, exact.scores, rtol=0, atol=1e-4 * 100 * 2e-6)

    def test_large_batches_are_refused(self) -> None:
        with pytest.raises(ParameterError, match="dtype"):
            simulate(
                RouterParameters(feedback=1.0), increment=0.1, steps=1, routers=1, dtype="float32", batch_size=2**17
            )

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_counts_go_on_beyond_two_to_the_24(self, backend: str) -> None:
        xp = pytest.importorskip(backend)
        request = Request(
            RouterParameters(feedback=1.0), 0.1, 9, 1, 1, "soft", 0.0, [50.0, 0.0], False, None, Schedule(), 1
        )
        engine = ArrayBackend(request.plan, xp, None, "float32")
        engine._hits = engine._hits + 2.0**24
        engine.advance(0, 9, collecting=True)
        assert engine.sums().hits[0, 0] == 2**24 + 9

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_the_state_keeps_the_type_asked_for(self, backend: str, dtype: str) -> None:
        xp = pytest.importorskip(backend)
        request = Request(RouterParameters(1.0), 0.1, 3, 2, 1, "soft", 0.0, 0.0, False, None, Schedule(), 1)
        engine = ArrayBackend(request.plan, xp, None, dtype)
        engine.advance(0, 3, collecting=True)
        assert engine._state.dtype == getattr(xp, dtype)
