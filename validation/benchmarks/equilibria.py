"""Equilibria on a grid: this library against scipy and a naive jitted Halley iteration; closed forms; digits; GPU.

Solvers take turns in rounds; shown are medians of their times and of the ratios in a round.

All take the same points, g uniform in [0, 3] and eta in [-1.5, 1.5]. The bracketing methods are handed the brackets
that the closed forms give (the turning points), which is half of their work.
"""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import moecusp as mc
from moecusp import precise
from moecusp._numerics import roots

POINTS = 2**19


def points(count: int) -> tuple[Any, Any]:
    """Return the grid's points, the same every time."""
    rng = np.random.default_rng(0)
    return rng.uniform(0, 3, count), rng.uniform(-1.5, 1.5, count)


def median(work: Callable[[], Any], repeats: int = 5, clock: Callable[[], float] = time.thread_time) -> float:
    """Return the median time of some work in seconds, after one run to warm up."""
    work()
    return float(np.median([timed(work, clock) for _ in range(repeats)]))


def timed(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Return the time that some work takes, in seconds."""
    start = clock()
    work()
    return clock() - start


class Contest:
    """Solvers of the same equations, which take turns in rounds: a processor's speed changes by the second."""

    def __init__(self, rounds: int = 15) -> None:
        self.rounds, self.solvers = rounds, dict[str, tuple[Callable[[], Any], int, Callable[[], float]]]()

    def add(
        self, name: str, work: Callable[[], Any], count: int, clock: Callable[[], float] = time.process_time
    ) -> None:
        """Enter a solver, how many points it solves a turn, and its clock."""
        self.solvers[name] = work, count, clock

    def seconds(self) -> dict[str, Any]:
        """Return the seconds a point of every solver in every round, after one to warm up."""
        for work, _, _ in self.solvers.values():
            work()
        seen: dict[str, list[float]] = {name: [] for name in self.solvers}
        for _ in range(self.rounds):
            for name, (work, count, clock) in self.solvers.items():
                seen[name].append(timed(work, clock) / count)
        return {name: np.array(values) for name, values in seen.items()}


def brentq_loop(g: Any, eta: Any) -> int:
    """Find every root by a Python loop over scipy's brentq; return how many."""
    from scipy.optimize import brentq

    found = 0
    for k, h in zip(g.tolist(), eta.tolist(), strict=True):

        def f(u: float, k: float = k, h: float = h) -> float:
            return k * math.tanh(u) - u + h

        reach = k + abs(h) + 1e-9
        turn = math.asinh(math.sqrt(max(k - 1, 0.0)))
        fold = math.sqrt(max(k * (k - 1), 0.0)) - turn
        ends = [-reach, reach] if k <= 1 else [-reach, -turn, turn, reach]
        wanted = [True] if k <= 1 else [h <= fold, abs(h) < fold, h >= -fold]
        for low, high, there in zip(ends, ends[1:], wanted, strict=False):
            if there:
                brentq(f, low, high, xtol=1e-15, rtol=1e-15)
                found += 1
    return found


def find_root(g: Any, eta: Any) -> None:
    """Find every root by scipy's elementwise find_root."""
    from scipy.optimize import elementwise

    def f(u: Any, k: Any, h: Any) -> Any:
        return k * np.tanh(u) - u + h

    reach = g + abs(eta) + 1e-9
    turn = np.arcsinh(np.sqrt(np.maximum(g - 1, 0)))
    fold = np.sqrt(np.maximum(g * (g - 1), 0)) - turn
    for chosen, low, high in (
        (g <= 1, -reach, reach),
        ((g > 1) & (eta <= fold), -reach, -turn),
        ((g > 1) & (abs(eta) < fold), -turn, turn),
        ((g > 1) & (eta >= -fold), turn, reach),
    ):
        elementwise.find_root(f, (low[chosen], high[chosen]), args=(g[chosen], eta[chosen]))


def portable(g: Any, eta: Any) -> None:
    """Solve by NumPy alone, whatever is installed."""
    u, stability = np.empty((g.size, 3)), np.empty((g.size, 3), dtype=np.int8)
    with np.errstate(all="ignore"):
        for part in roots.blocks(g, roots.SHEET):
            roots.solve_sheet(g[part], eta[part], u[part], stability[part])


BRENTQ, FIND_ROOT = "scipy brentq in a Python loop", "scipy elementwise.find_root"
NUMBA, JAX = "moecusp, numba, one core", "naive jitted Halley in JAX"


def table() -> Iterator[str]:
    """Yield the lines of the table."""
    g, eta = points(POINTS)
    contest = Contest()
    contest.add(BRENTQ, lambda: brentq_loop(g[:2000], eta[:2000]), 2000)
    contest.add(FIND_ROOT, lambda: find_root(g[:50_000], eta[:50_000]), 50_000)
    contest.add("moecusp, NumPy alone", lambda: portable(g, eta), POINTS)
    notes = [*compiled(contest, g, eta), *jax_halley(contest, g, eta), *gpu(contest, g, eta)]
    seconds = contest.seconds()
    yield f"{'equilibria':34}{'ns a point':>12}{'x brentq':>10}{'x find_root':>12}{'x JAX':>8}"
    for name, own in seconds.items():
        ratios = [seconds[peer] / own if peer in seconds else own * np.nan for peer in (BRENTQ, FIND_ROOT, JAX)]
        brentq, elementwise, jax = map(np.median, ratios)
        yield f"{name:34}{np.median(own) * 1e9:12.1f}{brentq:10.1f}{elementwise:12.1f}{jax:8.2f}"
    yield from notes
    yield from threads(g, eta)
    yield from closed_forms()
    yield from digits()


def compiled(contest: Contest, g: Any, eta: Any) -> Iterator[str]:
    """Enter the numba path on one thread, and yield what its first call takes."""
    if importlib.util.find_spec("numba") is None:
        yield "moecusp, numba: skipped, numba is not installed"
        return
    with tempfile.TemporaryDirectory() as empty:
        for state in ("cold", "cached"):
            command = [sys.executable, "-c", FIRST_CALL]
            done = subprocess.run(
                command, env={**os.environ, "NUMBA_CACHE_DIR": empty}, capture_output=True, text=True, check=True
            )
            yield f"numba's first call, {state}: {float(done.stdout):.2f} s with its import"
    from moecusp._numerics import fast

    def work() -> None:
        fast.solve(g, eta, threads=1)

    contest.add(NUMBA, work, POINTS)


FIRST_CALL = """
import time
import numpy as np
from moecusp import equilibria
g, eta = np.linspace(0, 3, 2**18), np.linspace(-1.5, 1.5, 2**18)
start = time.perf_counter()
equilibria(g, eta)
print(time.perf_counter() - start)
"""


def threads(g: Any, eta: Any) -> Iterator[str]:
    """Yield what all cores gain, wall time."""
    if importlib.util.find_spec("numba") is None:
        return
    import numba

    from moecusp._numerics import fast

    cores = numba.get_num_threads()

    def on(count: int) -> Callable[[], Any]:
        return lambda: fast.solve(g, eta, threads=count)

    contest = Contest(31)
    contest.add("one", on(1), POINTS, time.perf_counter)
    contest.add("all", on(cores), POINTS, time.perf_counter)
    seconds = contest.seconds()
    yield f"moecusp, numba, {cores} threads: {np.median(seconds['one'] / seconds['all']):.2f} x one (wall)"


def jax_halley(contest: Contest, g: Any, eta: Any) -> Iterator[str]:
    """Enter a naive jitted four-step Halley iteration in JAX, handed its starting points."""
    if importlib.util.find_spec("jax") is None:
        yield f"{JAX}: skipped, jax is not installed"
        return
    import jax

    jax.config.update("jax_enable_x64", True)

    def step(u: Any, g: Any, eta: Any) -> Any:
        for _ in range(4):
            t = jax.numpy.tanh(u)
            f, d = g * t - u + eta, g * (1 - t * t) - 1
            u = u - f / (d + f * g * t * (1 - t * t) / d)
        return u

    halley = jax.jit(step)
    start = mc.equilibria(g, eta).u * (1 + 1e-3)
    given = [jax.numpy.asarray(x) for x in (start, g[:, None], eta[:, None])]
    contest.add(JAX, lambda: halley(*given).block_until_ready(), POINTS)


def gpu(contest: Contest, g: Any, eta: Any) -> Iterator[str]:
    """Enter torch tensors on a CUDA device."""
    if importlib.util.find_spec("torch") is None:
        yield "moecusp, torch on a GPU: skipped, torch is not installed"
        return
    import torch

    if not torch.cuda.is_available():
        yield "moecusp, torch on a GPU: skipped, no CUDA device"
        return
    many = 16
    on_device = [torch.tensor(np.tile(x, many), device="cuda") for x in (g, eta)]

    def work() -> None:
        mc.equilibria(*on_device)
        torch.cuda.synchronize()

    contest.add(f"moecusp, {torch.cuda.get_device_name()}", work, many * POINTS, time.perf_counter)


def closed_forms() -> Iterator[str]:
    """Yield the cost of the closed forms."""
    gains = np.random.default_rng(1).uniform(1, 3, POINTS)
    yield "closed forms, ns a point: " + ", ".join(
        f"{f.__name__} {median(lambda f=f: f(gains)) / POINTS * 1e9:.1f}"  # type: ignore[misc]
        for f in (mc.fold_asymmetry, mc.fold_curve, mc.fold_imbalance, mc.cusp_set, mc.fold_gain)
    )


def digits() -> Iterator[str]:
    """Yield the cost of a thousand digits by both arithmetics, a hundred points a turn."""
    names = ["mpmath", *(["flint"] if importlib.util.find_spec("flint") else [])]
    gains, drives = [f"1.{k}" for k in range(300, 400)], [f"0.0{k}" for k in range(100, 200)]
    for title, work, arguments in (
        ("three roots", precise.equilibria, list(zip(gains, drives, strict=True))),
        ("fold", precise.fold_asymmetry, [(gain,) for gain in gains]),
        ("gain of a fold", precise.fold_gain, [(drive,) for drive in drives]),
    ):

        def turn(backend: str, work: Any = work, arguments: Any = arguments) -> None:
            for point in arguments:
                work(*point, digits=1000, backend=backend)

        contest = Contest(21)
        for name in names:
            contest.add(name, partial(turn, name), len(arguments))
        seconds = contest.seconds()
        ratio = np.median(seconds["mpmath"] / seconds[names[-1]])
        times = ", ".join(f"{name} {np.median(own) * 1e6:.0f} us" for name, own in seconds.items())
        yield f"1,000 digits, {title}: {times}, ratio {ratio:.2f}"
