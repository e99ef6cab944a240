"""A plan's derived quantities, which backend runs it, its schedule and its sums, each against its definition."""

from __future__ import annotations

import importlib.util
import sys
import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from moecusp import ParameterError, RouterParameters
from moecusp._arguments import Array
from moecusp._simulation import backends
from moecusp._simulation.backends import choose
from moecusp._simulation.plan import BLOCKS_LIMIT, ROUTERS_LIMIT, STEPS_LIMIT, TOKENS_LIMIT
from moecusp._simulation.request import Request
from moecusp._simulation.schedules import Schedule, knots
from moecusp._simulation.statistics import Histogram, Sums, bin_edges
from moecusp._simulation.totals import total

PARAMETERS = RouterParameters([0.4, 0.9], [0.6, 3.0], [1.7, 0.2], [0.1, -0.3])
PLAN = Request(
    PARAMETERS, [0.05, 0.6], 100, 2, 3, "soft", 0.0, [0.3, -0.2], True, (-1.0, 2.0), Schedule(), 2**33 + 5
).plan


class TestPlan:
    def test_in_units_of_the_score(self) -> None:
        """kick = eps beta kappa and so on, for each router."""
        epsilon, beta = np.array([0.05, 0.6]), np.array([1.7, 0.2])
        wanted = {
            "step": epsilon * [0.6, 3.0], "kick": epsilon * beta * [0.4, 0.9], "drive": epsilon * beta * [0.1, -0.3],
            "unit": epsilon * beta, "noise": 0.0 * beta, "start": [0.5 * beta], "low": -beta, "high": 2.0 * beta,
            "keep": 1.0 - epsilon * [0.6, 3.0],
        }  # fmt: skip
        for name, value in wanted.items():
            np.testing.assert_allclose(getattr(PLAN, name), value, rtol=1e-15, err_msg=name)
        assert (PLAN.experts, PLAN.routers, PLAN.steps, PLAN.tokens, PLAN.seed) == (2, 2, 100, 3, 2**33 + 5)
        assert (PLAN.hard, PLAN.passage, PLAN.moments, PLAN.key) == (False, True, True, (5, 2))
        many = Request(
            RouterParameters(1.0, experts=3), 0.1, 9, 2, 1, "hard", 0.7, [1, 2, 3], False, None, Schedule(), 0
        )
        assert many.plan.start.tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
        assert (many.plan.hard, many.plan.passage, many.plan.moments) == (True, False, False)
        assert (many.plan.noise.tolist(), many.plan.low.tolist(), many.plan.high.tolist()) == (
            *([0.7, 0.7], [-np.inf] * 2, [np.inf] * 2),
        )

    @pytest.mark.parametrize(
        ("experts", "tokens", "hard", "one_word", "token_words", "tokenwise"),
        [
            (2, 1, False, True, 1, True),
            (2, 2, False, False, 1, True),
            (2, 64, True, False, 1, True),
            (2, 65, True, False, 1, False),
            (2, 1, True, True, 1, True),
            (3, 1, False, True, 1, True),
            (3, 65, False, False, 1, False),
            (3, 1, True, False, 4, True),
            (4, 1, True, False, 4, True),
            (5, 1, True, False, 8, True),
            (9, 65, True, False, 12, True),
        ],
    )
    def test_words(
        self, experts: int, tokens: int, hard: bool, one_word: bool, token_words: int, tokenwise: bool
    ) -> None:
        plan = replace(PLAN, experts=experts, tokens=tokens, hard=hard)
        assert (plan.one_word, plan.token_words, plan.tokenwise) == (one_word, token_words, tokenwise)
        assert plan.two is (experts == 2)

    def test_bounds(self) -> None:
        """|y| stays within |start| + (kick + |drive|) times the steps it remembers, the offsets added."""
        schedule = Schedule(knots("f", [(0, 0.5), (3, -2.0)]), knots("a", [(1, 3.0), (2, -1.0)]))
        assert (schedule.largest("feedback"), schedule.largest("asymmetry"), Schedule().largest("feedback")) == (
            2,
            3,
            0,
        )
        plan = replace(PLAN, schedule=schedule, steps=7)
        np.testing.assert_allclose(plan.memory, [7.0, 5.0], rtol=1e-12)  # 1/0.03 > 7; the distance of 1.8 from 2 is 0.2
        reach = np.abs(plan.start[0]) + (plan.kick + 2.0 * plan.unit + np.abs(plan.drive) + 3.0 * plan.unit) * [
            7.0,
            5.0,
        ]
        assert plan.largest == pytest.approx(reach.max(), rel=1e-12)
        edge = 600.0 * np.log(2.0)
        for start, bounded in ((0.999 * edge, True), (1.001 * edge, False)):
            still = replace(PLAN, start=np.full((1, 2), -start), kick=np.zeros(2), drive=np.zeros(2))
            assert still.bounded is bounded

    def test_the_numbers_of_blocks_and_words(self) -> None:
        """One word of the counter numbers 2^32 blocks; a step, a token and a router have limits of their own."""
        assert BLOCKS_LIMIT == STEPS_LIMIT == TOKENS_LIMIT == 2**32
        assert ROUTERS_LIMIT == 2**48


class TestBackToScores:
    def test_of_two(self) -> None:
        asked = Request(PARAMETERS, [0.05, 0.6], 0 + 1, 2, 1, "soft", 0.0, [0.3, -0.2], False, None, Schedule(), 0)
        state = np.array([[3.4, 0.5]])
        np.testing.assert_allclose(asked.scores(state), [2.0, 2.5], rtol=1e-15)
        np.testing.assert_allclose(asked.scores(state, power=2), [2.0 / 1.7, 12.5], rtol=1e-15)
        assert asked.per_router(state).tolist() == [3.4, 0.5]
        both = np.array([0.1 * 0.97 + 0.05 * 0.5, 0.1 * -0.8 + 0.6 * 0.6])
        margin = np.array([2.0, 2.5])
        expected = np.stack([both + margin, both - margin], axis=1) / 2
        np.testing.assert_allclose(asked.all_scores(state), expected, rtol=1e-13)

    def test_of_more(self) -> None:
        asked = Request(
            RouterParameters(1.0, 1.0, [2.0, 4.0], experts=3),
            0.1,
            1,
            2,
            1,
            "soft",
            0.0,
            0.0,
            False,
            None,
            Schedule(),
            0,
        )
        state = np.array([[2.0, 4.0], [6.0, 8.0], [1.0, 2.0]])
        assert asked.all_scores(state).tolist() == asked.scores(state).tolist() == [[1.0, 3.0, 0.5], [1.0, 2.0, 0.5]]
        assert asked.scores(state, power=2).tolist() == [[0.5, 1.5, 0.25], [0.25, 0.5, 0.125]]
        with np.errstate(all="raise"):
            assert asked.scores(np.full((3, 2), 5e-324)).tolist() == [[0.0] * 3] * 2


class Stub:
    """Stands for a backend: notes what it was made with."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments


class TestChoice:
    @pytest.fixture(autouse=True)
    def stubs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, kind in (("compiled", "CompiledBackend"), ("fused", "FusedBackend"), ("arrays", "ArrayBackend")):
            module = types.ModuleType(name)
            setattr(module, kind, type(kind, (Stub,), {}))
            monkeypatch.setitem(sys.modules, f"moecusp._simulation.{name}", module)

    def made(self, name: str, threads: Any = None, device: Any = None, dtype: str = "float64") -> tuple[str, Any]:
        made: Any = choose(PLAN, name, threads, device, dtype)
        assert made.arguments[0] is PLAN
        return type(made).__name__, made.arguments[1:]

    def test_by_name(self) -> None:
        torch = pytest.importorskip("torch")
        assert self.made("numpy") == ("ArrayBackend", (np, None, "float64"))
        assert self.made("numpy", dtype="float32") == ("ArrayBackend", (np, None, "float32"))
        assert self.made("numba") == ("CompiledBackend", (None,))
        assert self.made("numba", 3) == ("CompiledBackend", (3,))
        assert self.made("torch") == ("ArrayBackend", (torch, None, "float64"))
        assert self.made("torch", 4096, "cpu", "float32") == ("ArrayBackend", (torch, "cpu", "float32"))
        assert self.made("triton", None, "cpu", "float32") == ("FusedBackend", ("cpu", "float32"))

    @pytest.mark.parametrize("there", [True, False])
    def test_on_its_own(self, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
        """numba where it is installed and can do what is asked."""
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: {"numba": there}[name] or None)
        assert self.made("auto") == (("CompiledBackend", (None,)) if there else ("ArrayBackend", (np, None, "float64")))
        assert self.made("auto", dtype="float32") == ("ArrayBackend", (np, None, "float32"))
        with pytest.raises(ParameterError, match="left out unless the backend is torch or triton"):
            self.made("auto", device="cpu")

    @pytest.mark.parametrize(
        ("name", "module", "said"),
        [
            ("numba", "moecusp._simulation.compiled", "backend = \"numba\" needs numba: pip install 'moecusp[fast]'"),
            ("torch", "torch", "backend = \"torch\" needs torch: pip install 'moecusp[torch]'"),
            (
                *("triton", "moecusp._simulation.fused"),
                "backend = \"triton\" needs triton: pip install 'moecusp[torch]' 'triton'",
            ),
        ],
    )
    def test_what_is_missing(self, monkeypatch: pytest.MonkeyPatch, name: str, module: str, said: str) -> None:
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ImportError) as error:
            self.made(name)
        assert str(error.value) == said

    @pytest.mark.parametrize(
        ("more", "refused"),
        [
            ({"steps": 2**15, "step": np.array([1e-9, 1.0])}, False),
            ({"steps": 2**15 + 1, "step": np.array([1e-9, 1.0])}, True),
            ({"tokens": 2**16}, False),
            ({"tokens": 2**16 + 1}, True),
        ],
    )
    def test_single_precision(self, more: dict[str, Any], refused: bool) -> None:
        plan = replace(PLAN, **more)
        choose(plan, "numpy", None, None, "float64")
        if not refused:
            choose(plan, "numpy", None, None, "float32")
            return
        with pytest.raises(ParameterError, match="dtype"):
            choose(plan, "numpy", None, None, "float32")

    def test_errors_of_devices(self) -> None:
        class Torch:
            def zeros(self, count: int, device: Any) -> Any:
                assert count == 1
                raise device

        backends._check_device(Torch(), None)
        for kind in (RuntimeError, AssertionError, NotImplementedError, TypeError):
            with pytest.raises(ParameterError) as error:
                backends._check_device(Torch(), kind("first\nsecond"))
            assert error.value.allowed == "one that torch finds here (first)"


class TestSchedules:
    def test_constant(self) -> None:
        rows = np.array([[0.0, 1.0]])
        assert Schedule().constant
        assert not Schedule(rows).constant
        assert not Schedule(asymmetry=rows).constant
        assert knots("f", None).shape == (0, 2)
        assert knots("f", ((k, 2 * k) for k in range(3))).tolist() == [[0, 0], [1, 2], [2, 4]]

    def test_the_sum_with_offsets_is_the_recursion(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In blocks of any size: routers of one kind share the work, and each keeps its own start."""
        schedule = Schedule(knots("f", [(0, 0.5), (9, -2.0)]), knots("a", [(4, 3.0), (4, -1.0)]))
        start, push = np.array([0.3, -0.2, 1.0, 2.0]), np.array([0.1, 0.2, 0.3, 0.4])
        step, increment = np.array([0.3, 1.7, 0.3, 0.3]), np.array([0.5, 0.2, 0.5, 0.1])
        offsets = schedule.offsets(0, 23).sum(axis=0)
        exact: Array = start
        for n in range(23):
            exact = (1.0 - step) * exact + push + increment * offsets[n]
        for block in (1, 3, 15, 2**20):
            monkeypatch.setattr("moecusp._simulation.totals.BLOCK", block)
            np.testing.assert_allclose(total(start, push, step, increment, 23, schedule), exact, rtol=1e-12)


class TestSums:
    def test_estimates(self) -> None:
        """Of n + 1 states, the reference first: mean, variance, and covariance of neighbours over n pairs."""
        states = np.array([[[1.0, 2.0, 5.0]], [[1.5, 1.0, 5.0]], [[0.5, 4.0, 5.0]], [[3.0, 2.5, 5.0]]])
        d = states - states[0]
        sums = Sums(3, np.zeros((1, 3)), d.sum(axis=0), (d * d).sum(axis=0), (d[1:] * d[:-1]).sum(axis=0), d[-1])
        mean, variance, correlation = sums.estimates(states[0])
        np.testing.assert_allclose(mean, states.mean(axis=0), rtol=1e-15)
        np.testing.assert_allclose(variance, states.var(axis=0), rtol=1e-14)
        e = states - states.mean(axis=0)
        expected = (e[1:] * e[:-1]).mean(axis=0)[0, :2] / states.var(axis=0)[0, :2]
        np.testing.assert_allclose(correlation[0, :2], expected, rtol=1e-13)
        assert np.isnan(correlation[0, 2])
        assert variance[0, 2] == 0.0

    def test_a_variance_is_never_negative(self) -> None:
        sums = Sums(1, *(np.full((1, 1), value) for value in (0.0, 0.2, 0.02 - 1e-18, 0.0, 0.2)))
        assert sums.estimates(np.zeros((1, 1)))[1][0, 0] >= 0.0

    def test_load(self) -> None:
        zeros = np.zeros((1, 2))
        two = Sums(4, np.array([[3.0, 8.0]]), zeros, zeros, zeros, zeros)
        assert two.load(2, 2).tolist() == [[3 / 8, 5 / 8], [1.0, 0.0]]
        three = Sums(4, np.array([[1.0], [3.0], [4.0]]), zeros, zeros, zeros, zeros)
        assert three.load(2, 3).tolist() == [[1 / 8, 3 / 8, 4 / 8]]

    def test_histogram(self) -> None:
        found = Histogram(bin_edges([0.0, 1.0, 3.0]))
        for scores in ([-1.0, 0.0, 0.5], [1.0, 3.0, 3.1]):
            found(np.array(scores))
        assert (found.counts.tolist(), found.outside) == ([2, 2], 2)
        assert found.counts.dtype == np.int64
