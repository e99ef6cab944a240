"""The discrete rule: generator, backends against each other, statistics against theory, bad requests.

Statistical tests use fixed seeds and reject at |z| > 5.5: two-sided false-alarm rate 4e-8 a comparison.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import pytest

import moecusp as mc
from moecusp import ParameterError, RouterParameters, simulate
from moecusp._simulation import request
from moecusp._simulation.binomial import binomial
from moecusp._simulation.philox import philox

RELIABLE = 5.5
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


def words(counter: tuple[int, ...], key: tuple[int, int]) -> list[int]:
    c = [np.array([word], dtype=np.int64) for word in counter]
    return [int(word[0]) for word in philox((c[0], c[1], c[2], c[3]), key)]


class TestPhilox:
    @pytest.mark.parametrize(
        ("counter", "key", "expected"),
        [
            ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
            ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
            (
                (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
                (0xA4093822, 0x299F31D0),
                (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
            ),
        ],
    )
    def test_known_answers_of_random123(
        self, counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]
    ) -> None:
        assert words(counter, key) == list(expected)

    def test_compiled_generator_agrees(self) -> None:
        pytest.importorskip("numba")
        from moecusp._simulation.compiled_words import fill

        first, count = 2**33 - 64, 100  # the high word of the router changes on the way
        block = np.empty((4, 128), np.uint32)
        fill(block, 7, 2**32 - 1, first, count, np.uint32(11), np.uint32(2**31))
        for i in range(count):
            router = first + i
            assert block[:, i].tolist() == words((7, 2**32 - 1, router & 0xFFFFFFFF, router >> 32), (11, 2**31))


class TestBinomial:
    @pytest.mark.parametrize(("n", "p"), [(1, 0.5), (2, 0.55), (7, 0.2), (100, 0.553), (5000, 0.003), (100000, 0.9)])
    def test_inversion_reproduces_the_distribution(self, n: int, p: float) -> None:
        """Equidistant uniform numbers must give every outcome its probability, to the resolution of the grid."""
        from scipy.stats import binom

        size = 20000
        counts = binomial(np, np.full(size, float(n)), np.full(size, p), (np.arange(size) + 0.5) / size)
        k, seen = np.unique(counts, return_counts=True)
        assert np.max(np.abs(seen / size - binom.pmf(k, n, p))) < 1.01 / size
        assert k.min() >= 0
        assert k.max() <= n

    def test_edges(self) -> None:
        n, p = np.array([0.0, 5.0, 5.0, 1.0]), np.array([0.5, 0.0, 1.0, 0.5])
        assert binomial(np, n, p, np.full(4, 1 - 1e-16)).tolist()[:3] == [0.0, 0.0, 5.0]

    def test_compiled_counts_agree(self) -> None:
        pytest.importorskip("numba")
        from moecusp._simulation.compiled_scalar import binomial as compiled

        rng = np.random.default_rng(1)
        n, p, u = rng.integers(0, 900, 3000).astype(float), rng.random(3000), rng.random(3000)
        assert binomial(np, n, p, u).tolist() == [compiled(*draw) for draw in zip(n, p, u, strict=True)]


def run(experts: int, backend: str, *, steps: int = 203, routers: int = 130, **options: Any) -> mc.Simulation:
    chosen: dict[str, Any] = {
        "increment": 0.05,
        "burn_in": 51,
        "moments": True,
        "every": 20,
        "trajectory": True,
        "asymmetry_schedule": [(0, 0.1), (100, 0.3)],
        "feedback_schedule": [(0, 0.0), (50, 0.0), (50, 0.2)],
        "seed": 2**40 + 7,
    }
    if experts == 2:
        chosen["first_passage"] = (None, 1.0)
    return simulate(
        RouterParameters(feedback=0.8 * experts, experts=experts),
        steps=steps,
        routers=routers,
        backend=backend,
        **(chosen | options),
    )


def assert_same(one: mc.Simulation, other: mc.Simulation, tolerance: float) -> None:
    for name in ("scores", "load", "mean", "variance", "autocorrelation", "first_passage", "trajectory"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance, err_msg=name)


class TestBackends:
    @pytest.mark.parametrize(("experts", "options"), CASES)
    @pytest.mark.parametrize("backend", ["numba", "torch"])
    def test_every_backend_makes_the_same_selections(self, backend: str, experts: int, options: dict[str, Any]) -> None:
        pytest.importorskip(backend)
        assert_same(run(experts, "numpy", **options), run(experts, backend, **options), 1e-10)

    @pytest.mark.parametrize("experts", [2, 8])
    def test_selections_agree_over_ten_thousand_steps(self, experts: int) -> None:
        pytest.importorskip("numba")
        runs = [
            simulate(
                RouterParameters(feedback=0.9 * experts, experts=experts),
                increment=0.02,
                steps=10_000,
                routers=20,
                seed=5,
                backend=backend,
            )
            for backend in ("numpy", "numba", "torch")
        ]
        assert np.array_equal(runs[0].load, runs[1].load)
        assert np.array_equal(runs[0].load, runs[2].load)

    @pytest.mark.parametrize(("experts", "options"), CASES[:8])
    def test_threads_do_not_matter(
        self, experts: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("numba")
        from moecusp._simulation import compiled

        monkeypatch.setattr(compiled, "WORTHWHILE", 0)  # or this little work would be left to one
        one, two = (run(experts, "numba", routers=1100, steps=60, threads=n, **options) for n in (1, 3))
        assert_same(one, two, 0.0)

    @pytest.mark.parametrize("backend", ["numpy", "numba"])
    @pytest.mark.parametrize(("experts", "options"), CASES[:7])
    def test_chunks_do_not_matter(
        self, backend: str, experts: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip(backend)
        whole = run(experts, backend, **options)
        monkeypatch.setattr(sys.modules["moecusp.simulate"], "CHUNK", 7)
        assert_same(whole, run(experts, backend, **options), 0.0)

    @pytest.mark.parametrize("backend", ["numpy", "numba"])
    def test_a_router_does_not_depend_on_how_many_others_run(self, backend: str) -> None:
        pytest.importorskip(backend)
        many, few = run(2, backend, routers=700), run(2, backend, routers=20)
        assert np.array_equal(many.scores[:20], few.scores)

    def test_seeds_differ(self) -> None:
        one, two = run(2, "numpy", seed=1), run(2, "numpy", seed=2**32 + 1)
        assert not np.array_equal(one.scores, two.scores)

    @pytest.mark.parametrize("backend", ["numpy", "numba"])
    @pytest.mark.parametrize("experts", [2, 4])
    def test_huge_scores_neither_overflow_nor_lose_the_winner(self, backend: str, experts: int) -> None:
        pytest.importorskip(backend)
        start = np.zeros(experts)
        start[1] = 5000.0
        result = simulate(
            RouterParameters(feedback=2e4, experts=experts), increment=0.5, steps=40, routers=3, initial=start,
            backend=backend,
        )  # fmt: skip
        assert np.all(result.load[:, 1] == 1.0)


class TestRule:
    def test_one_step_by_hand(self) -> None:
        parameters = RouterParameters(feedback=3.0, decay=0.5, inverse_temperature=2.0, asymmetry=0.4, experts=3)
        start = np.array([0.1, -0.2, 0.3])
        result = simulate(parameters, increment=0.1, steps=1, routers=50, initial=start, batch_size=4)
        expected = start + 0.1 * (3.0 * result.load - 0.5 * start + 0.4 * np.array([1, 0, 0]))
        np.testing.assert_allclose(result.scores, expected, rtol=1e-14)

    def test_the_sum_of_two_scores_follows_the_rule(self) -> None:
        parameters = RouterParameters(feedback=[1.0, 3.0], decay=[0.5, 2.0], asymmetry=0.4)
        ramp, start = [(0, 0.0), (300, 1.0)], [0.3, 0.5]
        result = simulate(
            parameters, increment=0.1, steps=300, routers=2, initial=start, feedback_schedule=ramp, backend="numpy"
        )
        total = np.full(2, 0.8)
        for n in range(300):
            total += 0.1 * (np.array([1.0, 3.0]) + n / 300 + 0.4 - np.array([0.5, 2.0]) * total)
        np.testing.assert_allclose(result.scores.sum(axis=1), total, rtol=1e-12)

    def test_routers_may_differ(self) -> None:
        parameters = RouterParameters(feedback=[1.0, 4.0], decay=[1.0, 0.8])
        both = simulate(parameters, increment=[0.1, 0.2], steps=50, routers=2, backend="numpy")
        first = simulate(RouterParameters(feedback=1.0), increment=0.1, steps=50, routers=1, backend="numpy")
        np.testing.assert_array_equal(both.scores[0], first.scores[0])

    def test_a_selection_has_the_softmax_probability(self) -> None:
        start = np.array([0.3, -0.5, 0.9, 0.0])
        n = 200_000
        load = simulate(
            RouterParameters(feedback=1.0, inverse_temperature=1.5, experts=4), increment=0.1, steps=1, routers=n,
            initial=start,
        ).load.mean(axis=0)  # fmt: skip
        p = np.exp(1.5 * start) / np.exp(1.5 * start).sum()
        assert np.all(np.abs(load - p) < RELIABLE * np.sqrt(p * (1 - p) / n))

    @pytest.mark.parametrize("experts", [2, 3])
    def test_margin_noise_gives_the_error_function(self, experts: int) -> None:
        from scipy.special import ndtr

        start = np.array([0.4, 0.0, -50.0])[:experts]
        n = 200_000
        load = simulate(
            RouterParameters(feedback=1.0, experts=experts), increment=0.1, steps=1, routers=n, initial=start,
            selection="hard", margin_noise=0.8,
        ).load[:, 0].mean()  # fmt: skip
        p = float(ndtr(0.5))
        assert abs(load - p) < RELIABLE * np.sqrt(p * (1 - p) / n)

    @pytest.mark.parametrize("batch", [4, 200])
    def test_counts_have_the_binomial_variance(self, batch: int) -> None:
        n = 50_000
        load = simulate(
            RouterParameters(feedback=1.0, experts=3), increment=0.1, steps=1, routers=n, initial=[1.0, 0.0, 0.5],
            batch_size=batch,
        ).load  # fmt: skip
        w = np.exp([1.0, 0.0, 0.5])
        p = w / w.sum()
        covariance = (np.diag(p) - np.outer(p, p)) / batch
        seen = np.cov(load.T)
        assert np.all(np.abs(seen - covariance) < RELIABLE * np.sqrt(3.0 / n) * covariance.max())


class TestStatistics:
    def test_sums_are_those_of_the_trajectory(self) -> None:
        result = run(2, "numpy", every=1, first_passage=(-0.2, 1.0), histogram=np.linspace(-1, 1, 21))
        assert result.trajectory is not None
        assert result.first_passage is not None
        assert result.mean is not None
        assert result.variance is not None
        assert result.autocorrelation is not None
        path = result.trajectory[51:]
        np.testing.assert_allclose(result.mean, path.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(result.variance, path.var(axis=0), rtol=1e-10)
        d = path - path.mean(axis=0)
        np.testing.assert_allclose(
            result.autocorrelation, (d[1:] * d[:-1]).mean(axis=0) / path.var(axis=0), rtol=0, atol=1e-10
        )
        out = (result.trajectory[1:] <= -0.2) | (result.trajectory[1:] >= 1.0)
        np.testing.assert_array_equal(result.first_passage, np.where(out.any(axis=0), out.argmax(axis=0) + 1, -1))
        assert result.histogram is not None
        np.testing.assert_array_equal(result.histogram, np.histogram(path[1:], np.linspace(-1, 1, 21))[0])
        assert result.outside == path[1:].size - result.histogram.sum()

    def test_stationary_spread_is_the_linear_noise_formula(self) -> None:
        """Exact for the linearised chain; gain 0.5, increment 0.01: nonlinear corrections below 1 percent."""
        delta, gain, steps, routers = 0.01, 0.5, 20_000, 200
        result = simulate(
            RouterParameters(feedback=2 * gain),
            increment=delta,
            steps=steps,
            routers=routers,
            burn_in=2000,
            moments=True,
        )
        assert result.variance is not None
        assert result.autocorrelation is not None
        ratio = 1 - delta * (1 - gain)
        expected = (2 * delta * gain) ** 2 / (1 - ratio**2)  # of s1 - s2 = 2u
        samples = routers * (steps - 2000) * (1 - ratio) / (1 + ratio)
        error = RELIABLE * np.sqrt(2 / samples) + 0.01 + 1 / (samples / routers)
        assert abs(result.variance.mean() / expected - 1) < error
        assert abs(result.autocorrelation.mean() - ratio) < 0.002

    def test_observer_sees_every_observation(self) -> None:
        seen: list[int] = []
        simulate(
            RouterParameters(feedback=1.0), increment=0.1, steps=25, routers=2, every=10,
            observer=lambda done, scores: seen.append(done),
        )  # fmt: skip
        assert seen == [0, 10, 20]

    def test_progress_ends_at_the_last_step(self) -> None:
        seen: list[tuple[int, int]] = []
        simulate(
            RouterParameters(feedback=1.0), increment=0.1, steps=5000, routers=1,
            progress=lambda done, steps: seen.append((done, steps)),
        )  # fmt: skip
        assert seen == [(4096, 5000), (5000, 5000)]


class TestBadRequests:
    @pytest.mark.parametrize(
        ("options", "name"),
        [
            ({"increment": 2.0}, "increment"),
            ({"increment": 0.0}, "increment"),
            ({"increment": float("nan")}, "increment"),
            ({"increment": [0.1, 0.2, 0.3]}, "increment"),
            ({"steps": 0}, "steps"),
            ({"steps": -1}, "steps"),
            ({"steps": 2**32 + 1}, "steps"),
            ({"steps": 1.5}, "steps"),
            ({"routers": 0}, "routers"),
            ({"batch_size": 0}, "batch_size"),
            ({"selection": "medium"}, "selection"),
            ({"margin_noise": 0.1}, "margin_noise"),
            ({"margin_noise": -0.1, "selection": "hard"}, "margin_noise"),
            ({"initial": [1.0, 2.0, 3.0]}, "initial"),
            ({"burn_in": 10}, "burn_in"),
            ({"first_passage": (1.0, -1.0)}, "first_passage"),
            ({"first_passage": 1.0}, "first_passage"),
            ({"every": 0}, "every"),
            ({"trajectory": True}, "every"),
            ({"histogram": [0.0], "every": 1}, "histogram"),
            ({"histogram": [1.0, 0.0], "every": 1}, "histogram"),
            ({"feedback_schedule": [(0, 1.0, 2.0)]}, "feedback_schedule"),
            ({"asymmetry_schedule": [(5, 1.0), (0, 2.0)]}, "asymmetry_schedule"),
            ({"seed": -1}, "seed"),
            ({"seed": 2**64}, "seed"),
            ({"backend": "fortran"}, "backend"),
            ({"dtype": "float16"}, "dtype"),
            ({"threads": 0}, "threads"),
            ({"device": "cpu", "backend": "numpy"}, "device"),
        ],
    )
    def test_names_the_argument(self, options: dict[str, Any], name: str) -> None:
        good: dict[str, Any] = {"increment": 0.1, "steps": 10, "routers": 2}
        with pytest.raises(ParameterError) as error:
            simulate(RouterParameters(feedback=1.0), **(good | options))
        assert error.value.name == name

    def test_one_expert_is_refused(self) -> None:
        with pytest.raises(ParameterError, match="experts"):
            RouterParameters(feedback=1.0, experts=1)

    def test_what_does_not_fit_in_memory_is_refused_before_any_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(request, "free_memory", lambda: 2**20)
        with pytest.raises(ParameterError, match=r"trajectory.*GiB"):
            simulate(RouterParameters(feedback=1.0), increment=0.1, steps=10**6, routers=100, every=1, trajectory=True)
        with pytest.raises(ParameterError, match=r"routers.*GiB"):
            simulate(RouterParameters(feedback=1.0), increment=0.1, steps=10, routers=10**6)

    def test_shape_of_the_parameters(self) -> None:
        with pytest.raises(ParameterError, match="parameters"):
            simulate(RouterParameters(feedback=[1.0, 2.0]), increment=0.1, steps=10, routers=3)


class TestFusedKernel:
    """Needs Triton; without a CUDA device run with TRITON_INTERPRET=1."""

    @pytest.mark.parametrize("experts", [2, 5])
    def test_makes_the_same_selections(self, experts: int) -> None:
        pytest.importorskip("triton")
        import torch

        if not (torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1"):
            pytest.skip("no CUDA device and no interpreter")
        options: dict[str, Any] = {"moments": False, "first_passage": None, "steps": 63, "every": 25, "burn_in": 10}
        one, other = (run(experts, backend, **options) for backend in ("numpy", "triton"))
        np.testing.assert_array_equal(one.load, other.load)
        np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=1e-10)

    def test_refuses_what_it_does_not_cover(self) -> None:
        pytest.importorskip("triton")
        with pytest.raises(ParameterError, match="fused kernel"):
            run(2, "triton")


class TestFilter:
    """Single precision decides among many experts only where it is certain."""

    def test_selections_are_those_of_double_precision(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("numba")
        from moecusp._simulation import compiled_filter

        quick = run(20, "numba", steps=500, routers=300)
        monkeypatch.setattr(compiled_filter, "tolerance", lambda experts, largest: 2.0)  # never certain
        assert_same(quick, run(20, "numba", steps=500, routers=300), 0.0)

    def test_tolerance_covers_the_errors_seen(self) -> None:
        pytest.importorskip("numba")
        from moecusp._simulation import compiled_filter

        rng = np.random.default_rng(2)
        for experts, largest in ((3, 5.0), (8, 40.0), (64, 100.0), (256, 100.0)):
            n = 500
            z = rng.uniform(-1.0, 1.0, (experts, n)) * largest / 0.7
            decay = np.full(n, 0.7)
            cumulated, total = np.empty((experts, n), np.float32), np.empty(n, np.float32)
            compiled_filter.cumulate(z.astype(np.float32), decay.astype(np.float32), cumulated, total, n)
            exact = np.cumsum(np.exp2(decay * z), axis=0)
            assert np.max(np.abs(cumulated - exact) / exact[-1]) < compiled_filter.tolerance(experts, largest) / 2
