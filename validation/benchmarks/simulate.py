"""How fast the engine is, as ratios measured in one run: ``python -m validation.benchmarks.simulate``.

Every figure is the least of several rounds that take turns, in processor time of one thread (wall time for two threads
and for devices), so that other work on the machine disturbs it little. Reported are nanoseconds per step of a router
and these ratios:

- against the portable NumPy backend, which makes the same selections from the same random words;
- against plain NumPy, the shortest vectorised loop with NumPy's own generator, which is another stream;
- of the floor: one word of the compiled generator plus one compiled exponential, in double or in single precision,
  each streamed through the cache;
- two threads against one, and the same of a loop on registers alone; with ``--jax``, a jitted scan; with
  ``--device cuda``, the fused kernel.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import numpy as np

from moecusp import RouterParameters, simulate
from moecusp.report.provenance import collect

INCREMENT = 0.01
SIZES = {2: (16384, 4096), 8: (4096, 1024), 64: (1024, 512)}
"""Routers and steps of a round, by number of experts."""


def engine(experts: int, backend: str, times: float = 1.0, **options: Any) -> tuple[Callable[[], object], int]:
    """Return a run of `simulate` at gain 1.5 (two experts) or 0.6, and its router-steps."""
    routers, steps = SIZES[experts]
    steps = max(int(steps * times), 8)
    parameters = RouterParameters(feedback=(3.0 if experts == 2 else 0.6 * experts), experts=experts)
    return (
        lambda: simulate(
            parameters, increment=INCREMENT, steps=steps, routers=routers, backend=backend, seed=1, **options
        )
    ), routers * steps


def plain_two() -> tuple[Callable[[], object], int]:
    """Return the rule for two experts as one would write it in NumPy."""
    routers, steps = SIZES[2][0], 32
    generator = np.random.Generator(np.random.Philox(1))

    def loop() -> None:
        u = np.zeros(routers)
        for _ in range(steps):
            chance = 1.0 / (1.0 + np.exp(-2.0 * u))
            u = (1.0 - INCREMENT) * u + INCREMENT * 1.5 * np.where(generator.random(routers) < chance, 1.0, -1.0)

    return loop, routers * steps


def plain_many(experts: int) -> tuple[Callable[[], object], int]:
    """Return the rule for more experts as one would write it in NumPy, with the faster of the two memory layouts."""
    routers, steps = SIZES[experts][0], 8
    generator = np.random.Generator(np.random.Philox(1))
    index = np.arange(routers)

    def loop() -> None:
        v = np.zeros((experts, routers))
        for _ in range(steps):
            cumulated = np.cumsum(np.exp(v - v.max(axis=0)), axis=0)
            chosen = (cumulated <= generator.random(routers) * cumulated[-1]).sum(axis=0)
            v *= 1.0 - INCREMENT
            v[chosen, index] += INCREMENT * 0.6 * experts

    return loop, routers * steps


def floor() -> dict[str, tuple[Callable[[], object], int]]:
    """Return the compiled generator and the compiled exponentials, alone, on a tile."""
    from moecusp._numerics.traced import widest
    from moecusp._simulation.compiled_filter import exp2_single
    from moecusp._simulation.compiled_scalar import exp2, kernel
    from moecusp._simulation.compiled_words import fill

    tile, rounds = 512, 4000
    words, x, y = np.empty((4, tile), np.uint32), np.zeros(tile), np.zeros(tile, np.float32)

    @kernel
    def generate(words: Any, rounds: int) -> None:
        for number in range(rounds):
            fill(words, number, 0, 0, words.shape[1], np.uint32(1), np.uint32(0))

    @kernel
    def exponentials(x: Any, rounds: int) -> None:
        for _ in range(rounds):
            for i in range(x.size):
                x[i] = exp2(x[i] - 1.0)

    @kernel
    def singles(x: Any, rounds: int) -> None:
        widest()
        for _ in range(rounds):
            for i in range(x.size):
                x[i] = exp2_single(np.float32(x[i] - np.float32(1.0)))

    return {
        "generator": (lambda: generate(words, rounds), 4 * tile * rounds),
        "exponential": (lambda: exponentials(x, rounds), tile * rounds),
        "exponential, single": (lambda: singles(y, rounds), tile * rounds),
    }


def spin(threads: int) -> tuple[Callable[[], object], int]:
    """Return two loops on registers alone, shared out to threads: what the machine gives at best."""
    from moecusp._simulation.compiled_scalar import kernel

    length = 20_000_000

    @kernel
    def loop(length: int, x: int) -> int:
        for _ in range(length):
            x = (x * x) ^ length
        return x

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda x: loop(length, x), (3, 5)))

    return run, 2 * length


def jax_scan(experts: int) -> tuple[Callable[[], object], int]:
    """Return the rule as a jitted JAX scan in float64."""
    import jax  # type: ignore[import-not-found, unused-ignore]
    import jax.numpy as jnp  # type: ignore[import-not-found, unused-ignore]

    jax.config.update("jax_enable_x64", True)
    routers, steps = SIZES[experts][0], 64
    index = jnp.arange(routers)

    def step(v: Any, key: Any) -> tuple[Any, None]:
        chosen = jax.random.categorical(key, v)
        return ((1.0 - INCREMENT) * v).at[index, chosen].add(INCREMENT * 0.6 * experts), None

    run = jax.jit(lambda v, keys: jax.lax.scan(step, v, keys)[0])
    start, keys = jnp.zeros((routers, experts)), jax.random.split(jax.random.key(0), steps)
    return (lambda: run(start, keys).block_until_ready()), routers * steps


def measure(tasks: dict[str, tuple[Callable[[], object], int]], rounds: int, clock: Callable[[], float]) -> Any:
    """Return nanoseconds per router-step of each task: the least of rounds that take turns, after one to warm up."""
    best = dict.fromkeys(tasks, np.inf)
    for number in range(rounds + 1):
        for name, (task, size) in tasks.items():
            start = clock()
            task()
            if number:
                best[name] = min(best[name], (clock() - start) / size * 1e9)
    return best


def flat_memory() -> float:
    """Return by how many MiB the process grew when the same run had 64 times the steps."""
    parameters, peak = RouterParameters(feedback=3.0), []
    for steps in (1_000, 64_000):
        simulate(parameters, increment=INCREMENT, steps=steps, routers=2048)
        peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return (peak[1] - peak[0]) / 1024.0


def main() -> None:
    """Print the figures, and with --json all of them with their provenance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jax", action="store_true", help="also time a jitted JAX scan")
    parser.add_argument("--device", help="also time the fused kernel there, such as cuda")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    started = datetime.now(UTC)

    one = {"threads": 1}
    tasks = floor() | {"plain 2": plain_two()}
    for experts in SIZES:
        tasks[f"numba {experts}"] = engine(experts, "numba", **one)
        tasks[f"numba {experts}, no load"] = engine(experts, "numba", burn_in=SIZES[experts][1] - 1, **one)
        tasks[f"numpy {experts}"] = engine(experts, "numpy", 1 / 32)
        if experts > 2:
            tasks[f"plain {experts}"] = plain_many(experts)
    ns = measure(tasks, options.rounds, time.thread_time)
    pair = {f"{n} threads": engine(2, "numba", 4, threads=n) for n in (1, 2)}
    pair |= {f"empty loop, {n} threads": spin(n) for n in (1, 2)}
    wall = measure(pair, 2 * options.rounds, time.perf_counter)
    two = min(ns["numba 2"], ns["numba 2, no load"])
    figures = {
        "share of the floor": (ns["generator"] + ns["exponential"]) / two,
        "share of the floor, single": (ns["generator"] + ns["exponential, single"]) / two,
    }
    for experts in SIZES:
        for name in ("numpy", "plain"):
            figures[f"K = {experts}: against {name}"] = ns[f"{name} {experts}"] / ns[f"numba {experts}"]
    figures["two threads"] = wall["1 threads"] / wall["2 threads"]
    figures["two threads, empty loop"] = wall["empty loop, 1 threads"] / wall["empty loop, 2 threads"]
    figures["memory growth (MiB)"] = flat_memory()
    if options.jax:
        scan = measure({"jax 8": jax_scan(8)}, options.rounds, time.process_time)
        figures["K = 8: against jax"] = scan["jax 8"] / ns["numba 8"]
    if options.device:
        figures |= on_device(options.device, options.rounds)
    if options.json:
        provenance = vars(collect("python -m validation.benchmarks.simulate", 1, started))
        print(json.dumps({"ns": ns, "figures": figures, "provenance": provenance}, indent=1, default=str))
        return
    print(f"{platform.processor() or platform.machine()}, ns per router-step")
    for name, value in (ns | wall | figures).items():
        print(f"{name:<28}{value:8.3g}")


def on_device(device: str, rounds: int) -> dict[str, float]:
    """Return router-steps per second of the fused kernel for eight experts in float32."""
    routers, steps = 2**22, 4096
    parameters = RouterParameters(feedback=4.8, experts=8)
    fused: dict[str, Any] = {"backend": "triton", "device": device, "dtype": "float32"}

    def run(length: int) -> Callable[[], object]:
        return lambda: simulate(parameters, increment=INCREMENT, steps=length, routers=routers, **fused)

    # the difference of two lengths leaves out the setting up and the copies
    size = routers * steps
    ns = measure({"long": (run(3 * steps), size), "short": (run(steps), size)}, rounds, time.perf_counter)
    return {"device router-steps per s, K = 8": 2e9 / (ns["long"] - ns["short"])}


if __name__ == "__main__":
    main()
