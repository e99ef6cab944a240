"""Two experts, one token a step: single precision decides only where it is certain; the state is as in double."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moecusp import RouterParameters, simulate
from moecusp._arguments import Array
from tests.simulation.runs import assert_same

pytest.importorskip("numba")

from numba.core import types as nt
from numba.extending import intrinsic

from moecusp._simulation import compiled_filter, compiled_single
from moecusp._simulation.compiled_lanes import DOUBLES, LANES, WORDS, Lanes, Row
from moecusp._simulation.compiled_scalar import kernel

ROUNDING = 2.0**-24


def _put(_typing: Any, x: Any, words: Any, products: Any, i: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rows = [Row(context, builder, *pair) for pair in zip(signature.args[:3], values[:3], strict=True)]
        product: Lanes = compiled_single.product(rows[0].load(DOUBLES, values[3]), rows[1].load(WORDS, values[3]))
        rows[2].store(product, values[3])
        return context.get_dummy_value()

    return nt.none(x, words, products, nt.int64), build


_product: Any = intrinsic(_put)


@kernel
def _fill(x: Any, words: Any, products: Any) -> None:
    for i in range(0, x.size, LANES):
        _product(x, words, products, i)


def errors(x: Array, words: Any) -> Array:
    """Return the relative errors of (word + 1/2)(1 + 2^x)."""
    words = np.broadcast_to(words, x.shape).astype(np.uint32)
    products = np.empty(x.size, np.float32)
    _fill(x, words, products)
    return np.asarray(products / ((words + 0.5) * (1.0 + np.exp2(x))) - 1.0)


class TestProduct:
    @pytest.mark.parametrize("whole", [-60, -1, 0, 5, 60])
    def test_tolerance_covers_every_fraction(self, whole: int) -> None:
        """All 2^23 values of the fraction; what rounding of x, w and the limits may add is left over."""
        x = whole + np.arange(2**23) / 2**23
        worst = np.max(np.abs(errors(x, 2**31)))
        assert worst < compiled_single.TOLERANCE - (0.7 + 2 + 1) * ROUNDING

    @pytest.mark.parametrize("largest", [1.0, 30.0, 90.0])
    def test_tolerance_covers_any_word(self, largest: float) -> None:
        rng = np.random.default_rng(3)
        x = rng.uniform(-largest, largest, 2**18)
        words = rng.integers(0, 2**32, x.size) >> rng.integers(0, 33, x.size)  # small ones too
        words[:4] = [0, 1, 2**32 - 1, 2**24 + 1]
        assert np.max(np.abs(errors(x, words))) < compiled_single.TOLERANCE - ROUNDING

    @pytest.mark.parametrize("x", [110.0, 124.9])
    def test_what_overflows_is_above_every_limit(self, x: float) -> None:
        assert np.all(errors(np.full(LANES, x), 2**32 - 1) == np.inf)


def step(x: Array, words: Any, quick: bool) -> tuple[Array, Any]:
    """Take step 1 with the words given; return the state and who chose expert 1."""
    n = x.size
    table = np.zeros((4, n), np.uint32)
    table[1] = words
    state, hits = x.copy(), np.zeros(n, np.int32)
    keep, up, down = np.full(n, 0.9), np.linspace(-1.0, -0.5, n), np.linspace(0.5, 1.0, n)
    key = np.uint32(0)
    compiled_single.advance_single(state, table, keep, up, down, hits, 0, 1, 2, 0, n, key, key, quick)
    np.testing.assert_allclose(state, 0.9 * x + np.where(hits, up, down), rtol=1e-14, atol=1e-14)
    return state, hits


class TestDecision:
    @pytest.mark.parametrize("spread", [1.0, 12.0, 31.0])
    @pytest.mark.parametrize("distance", [1e-9, 2e-6, 5e-6, 2e-5])
    def test_words_beside_the_edge(self, spread: float, distance: float) -> None:
        """Words within a relative distance of the edge, where single precision alone would often be wrong."""
        rng = np.random.default_rng(4)
        n = 2**15
        x = rng.uniform(-spread, spread, n)
        edge = 2.0**32 / (1.0 + np.exp2(x))
        words = np.clip(np.floor(edge * (1.0 + rng.uniform(-distance, distance, n))), 0, 2**32 - 1)
        state, hits = step(x, words, quick=True)
        exact, decided = step(x, words, quick=False)
        assert np.array_equal(hits, decided)
        assert np.array_equal(state, exact)
        clear = np.abs(words + 0.5 - edge) > 1e-12 * edge
        assert np.array_equal(hits[clear], (words + 0.5 < edge)[clear])
        assert clear.mean() > 0.9

    def test_one_doubtful_router_among_sure_ones(self) -> None:
        """Its whole vector is done again, in the same way, and no other is done twice."""
        x, words = np.zeros(4 * LANES), np.full(4 * LANES, 2**30)
        words[LANES + 5] = 2**31 - 1
        words[2 * LANES] = 2**31
        _, hits = step(x, words, quick=True)
        assert np.flatnonzero(hits == 0).tolist() == [2 * LANES]
        assert hits.max() == 1


CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"feedback": 3.0}, {"increment": 0.01}),
    ({"feedback": 3.0}, {"increment": 1.9}),
    ({"feedback": np.linspace(0.1, 6.0, 300), "asymmetry": np.linspace(-1.0, 1.0, 300)}, {"increment": 0.3}),
    ({"feedback": 3.0, "decay": np.linspace(0.5, 2.0, 300)}, {"increment": np.linspace(0.01, 0.9, 300)}),
    ({"feedback": 30.0, "asymmetry": 3.0}, {"increment": 0.2, "initial": [40.0, 0.0]}),
    ({"feedback": 1.0}, {"increment": 0.1, "asymmetry_schedule": [(0, -2.0), (500, 2.0)]}),
    ({"feedback": 2.5}, {"increment": 0.1, "feedback_schedule": [(0, 0.0), (333, 1.5)], "moments": True}),
    ({"feedback": 2.5}, {"increment": 0.1, "first_passage": (-1.0, 1.0), "every": 7, "trajectory": True}),
]


class TestRuns:
    @pytest.mark.parametrize(("parameters", "options"), CASES)
    def test_are_those_of_double_precision(
        self, parameters: dict[str, Any], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        request: dict[str, Any] = {"steps": 3001, "routers": 300, "seed": 9, "backend": "numba"} | options
        quick = simulate(RouterParameters(**parameters), **request)
        monkeypatch.setattr(compiled_filter, "RANGE", 0.0)  # never within the range of single precision
        assert_same(quick, simulate(RouterParameters(**parameters), **request), 0.0)

    def test_states_beyond_the_range_of_single_precision(self) -> None:
        """log2 of the odds moves between 173 and -173, where 2^x would overflow in float32."""
        request: dict[str, Any] = {"increment": 1.0, "steps": 400, "routers": 64, "initial": [-120.0, 0.0]}
        parameters = RouterParameters(feedback=1e-3, decay=[1.99] * 64)  # changes sign at each step
        one, other = (simulate(parameters, backend=backend, **request) for backend in ("numpy", "numba"))
        np.testing.assert_array_equal(one.load, other.load)
