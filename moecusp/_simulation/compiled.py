"""The rule compiled by numba, a tile of routers at a time, on any number of threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import Array
from moecusp._simulation import compiled_filter, compiled_many, compiled_two
from moecusp._simulation.compiled_lanes import LANES
from moecusp._simulation.compiled_two import LOG2E
from moecusp._simulation.plan import Plan
from moecusp._simulation.statistics import Sums

TILE = 512
"""Routers of two experts in a tile; a power of two, as numbers of routers mostly are, so that threads share evenly."""
WORTHWHILE = 2**19
"""State updates below which threads cost more than they bring."""
TILE_STATES = 16384
"""States in a tile of more experts, of at most 128 routers."""


class CompiledBackend:
    """Runs a plan; the state is kept in powers of two and converted only where it is read."""

    name = "numba"

    def __init__(self, plan: Plan, threads: int | None = None) -> None:
        self.plan = plan
        self.threads = threads or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else [0])
        self._sign = -LOG2E if plan.two else LOG2E
        self._state = self._sign * plan.start
        self._reference = self._state.copy()
        self._sums = np.zeros((5, *self._state.shape))
        self._passed = np.full(plan.routers, -1, dtype=np.int64)
        self._collected = 0
        scaled = [plan.kick, plan.drive, plan.unit, plan.noise]
        if plan.two:
            scaled = [plan.drive + plan.kick, plan.drive - plan.kick, plan.unit]
        rows = [plan.keep, *(self._sign * row for row in scaled)]
        if plan.two:
            rows += [plan.noise, self._sign * plan.low, self._sign * plan.high]
        self._coefficients = np.stack(rows)
        self._range = LOG2E * plan.largest
        plain = plan.one_word and plan.bounded and not plan.hard
        flags: tuple[int, ...] = (plan.tokens, plan.tokenwise, plan.one_word)
        if plan.two:
            quick = self._range < compiled_filter.RANGE
            flags = (TILE, *flags, plain, quick, plan.hard, plan.moments, plan.passage)
        else:
            tile = min(128, max(LANES, TILE_STATES // plan.experts // LANES * LANES))
            flags = (tile, *flags, plan.bounded, plan.hard, plan.moments, plan.token_words)
        self._shape = tuple(map(int, flags))
        self._decay = np.ones(plan.routers)
        self._filtered = not plan.two and not plan.hard and plan.tokenwise and self._range < compiled_filter.RANGE
        self._filtered &= bool(np.min(plan.keep) >= 0.5)
        self._share = compiled_filter.tolerance(plan.experts, self._range)

    def state(self) -> Array:
        """Return the state, shape (rows, routers)."""
        return np.asarray(self._state * self._decay / self._sign)

    def passed(self) -> NDArray[np.int64]:
        """Return the step of each router's first passage, -1 where there was none."""
        return self._passed.copy()

    def collect(self) -> Array:
        """Start accumulating from here; return the reference state."""
        self._reference = self._state * self._decay
        return self.state()

    def sums(self) -> Sums:
        """Return what was accumulated, in units of the plan."""
        unit = np.array([1.0, self._sign, self._sign**2, self._sign**2, self._sign])
        return Sums(self._collected, *(self._sums / unit[:, None, None]))

    def advance(self, start: int, stop: int, *, collecting: bool) -> None:
        """Take steps start..stop-1."""
        offsets = np.empty((2, 0)) if self.plan.schedule.constant else self.plan.schedule.offsets(start, stop)
        tile, routers = self._shape[0], self.plan.routers
        piece = max(tile, -(-routers // (4 * self.threads * tile)) * tile)

        advance, arrays = self._kernel()
        shared = (self._coefficients, offsets, self.plan.key, self._shape, self._share, start, stop)

        def run(first: int) -> None:
            advance(*arrays, *shared, first, min(first + piece, routers), collecting)

        starts = range(0, routers, piece)
        work = (stop - start) * self._state.size
        if self.threads == 1 or len(starts) == 1 or work < WORTHWHILE:
            for first in starts:
                run(first)
        else:
            self._run_all(run, deque(starts))
        self._collected += (stop - start) if collecting else 0

    def _run_all(self, run: Callable[[int], None], left: deque[int]) -> None:
        """Run what is left on all threads; this one is among them, as it costs time to wake another."""

        def work() -> None:
            while left:
                try:
                    first = left.popleft()
                except IndexError:  # another was faster
                    return
                run(first)

        others = [self._pool.submit(work) for _ in range(self.threads - 1)]
        try:
            work()
        finally:
            left.clear()  # after an interrupt
        for other in others:
            other.result()

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """The other threads; they last as long as the run."""
        return ThreadPoolExecutor(self.threads - 1)

    def _kernel(self) -> tuple[Callable[..., None], tuple[Any, ...]]:
        """Return the compiled function for this plan, and the arrays it works on."""
        if self.plan.two:
            return compiled_two.advance, (self._state[0], self._sums[:, 0], self._reference[0], self._passed)
        arrays = (self._state, self._sums, self._reference)
        return (compiled_filter.advance, (*arrays, self._decay)) if self._filtered else (compiled_many.advance, arrays)
