"""Backends against each other: the same selections whatever runs them, however it is cut up."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import pytest

from moecusp import ParameterError, RouterParameters, simulate
from tests.simulation.runs import CASES, assert_same, run


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
