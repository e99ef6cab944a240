"""Equilibria on a grid: this library against scipy and a naive jitted Halley iteration; closed forms; digits; GPU.

All take the same points, g uniform in [0, 3] and eta in [-1.5, 1.5]. The bracketing methods are handed the brackets
that the closed forms give (the turning points), which is half of their work.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable, Iterator
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
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return float(np.median(times))


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
        for part in roots.blocks(g):
            roots.solve_block(g[part], eta[part], u[part], stability[part])


def table() -> Iterator[str]:
    """Yield the lines of the table."""
    g, eta = points(POINTS)
    few = slice(0, 2000)
    brentq = median(lambda: brentq_loop(g[few], eta[few]), 3) / 2000
    some = slice(0, 50_000)
    elementwise = median(lambda: find_root(g[some], eta[some]), 3) / 50_000
    numpy = median(lambda: portable(g, eta), 3) / POINTS
    yield f"{'equilibria':34}{'ns a point':>12}{'x brentq':>10}{'x find_root':>12}"

    def row(name: str, seconds: float) -> str:
        return f"{name:34}{seconds * 1e9:12.1f}{brentq / seconds:10.1f}{elementwise / seconds:12.1f}"

    yield row("scipy brentq in a Python loop", brentq)
    yield row("scipy elementwise.find_root", elementwise)
    yield row("moecusp, NumPy alone", numpy)
    yield from compiled(g, eta, row)
    yield from jax_halley(g, eta, row)
    yield from gpu(g, eta, row)
    yield from closed_forms()
    yield from digits()


def compiled(g: Any, eta: Any, row: Callable[[str, float], str]) -> Iterator[str]:
    """Yield the rows of the numba path, on one thread and on all."""
    if importlib.util.find_spec("numba") is None:
        yield "moecusp, numba: skipped, numba is not installed"
        return
    start = time.perf_counter()
    from moecusp._numerics import fast

    fast.solve(g[:10], eta[:10])
    first = time.perf_counter() - start
    import numba

    cores = numba.get_num_threads()
    numba.set_num_threads(1)
    yield row("moecusp, numba, one core", median(lambda: fast.solve(g, eta)) / POINTS)
    one = median(lambda: fast.solve(g, eta), 9, time.perf_counter)
    numba.set_num_threads(cores)
    every = median(lambda: fast.solve(g, eta), 9, time.perf_counter)
    yield f"  {cores} threads: {one / every:.2f} x one (wall); import and first call, cached or not: {first:.2f} s"


def jax_halley(g: Any, eta: Any, row: Callable[[str, float], str]) -> Iterator[str]:
    """Yield the row of a naive jitted four-step Halley iteration, handed its starting points."""
    if importlib.util.find_spec("jax") is None:
        yield "naive jitted Halley in JAX: skipped, jax is not installed"
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
    yield row("naive jitted Halley in JAX", median(lambda: halley(*given).block_until_ready(), 9) / POINTS)


def gpu(g: Any, eta: Any, row: Callable[[str, float], str]) -> Iterator[str]:
    """Yield the row of torch tensors on a CUDA device."""
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

    seconds = median(work, 9, time.perf_counter) / (many * POINTS)
    yield row(f"moecusp, {torch.cuda.get_device_name()}", seconds)


def closed_forms() -> Iterator[str]:
    """Yield the cost of the closed forms."""
    gains = np.random.default_rng(1).uniform(1, 3, POINTS)
    yield "closed forms, ns a point: " + ", ".join(
        f"{f.__name__} {median(lambda f=f: f(gains)) / POINTS * 1e9:.1f}"  # type: ignore[misc]
        for f in (mc.fold_asymmetry, mc.fold_curve, mc.fold_imbalance, mc.cusp_set, mc.fold_gain)
    )


def digits() -> Iterator[str]:
    """Yield the cost of a thousand digits by both arithmetics."""
    names = ["mpmath", *(["flint"] if importlib.util.find_spec("flint") else [])]
    for name, work in (("three roots", precise.equilibria), ("fold", precise.fold_asymmetry)):
        arguments = ("1.3", "0.05") if name == "three roots" else ("1.3",)
        times = {
            n: median(lambda n=n, w=work, a=arguments: w(*a, digits=1000, backend=n), 15)  # type: ignore[misc]
            for n in names
        }
        yield f"1,000 digits, {name}: " + ", ".join(f"{n} {t * 1e3:.2f} ms" for n, t in times.items())
