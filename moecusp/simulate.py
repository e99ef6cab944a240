"""The discrete rule of docs/theory.md, section 1 for many routers at once, with statistics gathered on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import Array, ParameterError, integer
from moecusp._simulation.arguments import bounded, flag, function
from moecusp._simulation.backends import choose
from moecusp._simulation.plan import STEPS_LIMIT
from moecusp._simulation.request import Request
from moecusp._simulation.schedules import Knots, Schedule, knots
from moecusp._simulation.statistics import Histogram, bin_edges
from moecusp.parameters import RouterParameters

CHUNK = 4096
"""Steps between two reports of progress, at most; it changes no result."""

Observer = Callable[[int, Array], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Simulation:
    """What a run left behind. Scores are in the unit of the rule; for two experts "score" below is s1 - s2.

    Attributes
    ----------
    scores : ndarray, shape (routers, experts)
        Scores after the last step.
    load : ndarray, shape (routers, experts)
        Share of tokens of each expert, averaged over the steps after burn-in.
    mean, variance, autocorrelation : ndarray, shape (routers,) or (routers, experts), or None
        Of the score over the steps after burn-in; the autocorrelation is that of neighbouring steps.
    first_passage : ndarray of int, shape (routers,), or None
        Steps until the score first left (low, high); -1 where it did not.
    trajectory : ndarray, shape (observations, routers) or (observations, routers, experts), or None
        Observed scores.
    observed : ndarray of int, shape (observations,), or None
        Steps done at each observation.
    histogram : ndarray of int, shape (bins,), or None
        Observed scores after burn-in, by bin.
    outside : int
        Observed scores outside the bins.
    backend : str
        What ran.
    """

    scores: Array
    load: Array
    mean: Array | None
    variance: Array | None
    autocorrelation: Array | None
    first_passage: NDArray[np.int64] | None
    trajectory: Array | None
    observed: NDArray[np.int64] | None
    histogram: NDArray[np.int64] | None
    outside: int
    backend: str


def simulate(
    parameters: RouterParameters,
    *,
    increment: Any,
    steps: int,
    routers: int,
    batch_size: int = 1,
    selection: str = "soft",
    margin_noise: Any = 0.0,
    initial: Any = 0.0,
    burn_in: int = 0,
    moments: bool = False,
    first_passage: tuple[Any, Any] | None = None,
    every: int | None = None,
    trajectory: bool = False,
    histogram: Any = None,
    observer: Observer | None = None,
    feedback_schedule: Knots | None = None,
    asymmetry_schedule: Knots | None = None,
    seed: int = 0,
    backend: str = "auto",
    threads: int | None = None,
    device: str | None = None,
    dtype: str = "float64",
    progress: Progress | None = None,
) -> Simulation:
    """Run s_i <- s_i + eps (kappa f_i - mu s_i + h_i) for many routers, f_i being the share of tokens on expert i.

    Parameters
    ----------
    parameters : RouterParameters
        Of shape () or (routers,). The asymmetry drives expert 1.
    increment : array_like
        Increment eps (time), 0 < eps < 2/mu; scalar or (routers,). One step moves time on by it.
    steps, routers : int
        Number of steps (at most 2^32) and of routers (as many as fit in memory), each >= 1.
    batch_size : int
        Tokens B, 1 <= B <= 2^32, that are drawn with the same scores in one step.
    selection : {"soft", "hard"}
        Sample from softmax(beta s), or take the largest score after adding Gaussian noise to it.
    margin_noise : array_like
        For hard selection: standard deviation sigma >= 0 (score) of the noise on the margin s_i - s_j of any two
        experts. Load response for two experts: (1 + erf(z/(sigma sqrt 2)))/2; without noise the first maximum wins.
    initial : array_like
        Scores at the start, broadcast to (routers, experts); at most 1e150 in size.
    burn_in : int
        Steps left out of load, moments and histogram, < steps.
    moments : bool
        Gather mean, variance and lag-1 autocorrelation of the score.
    first_passage : (low, high), optional
        Two experts: record when s1 - s2 first is <= low or >= high; each is None, a scalar or (routers,).
    every : int, optional
        Observe the scores each so many steps, from step 0 on: for trajectory, histogram and observer.
    trajectory : bool
        Keep the observed scores.
    histogram : array_like, optional
        Ascending edges of the bins in which to count the observed scores.
    observer : callable, optional
        Called at each observation with the number of steps done and the scores, (routers,) or (routers, experts).
    feedback_schedule, asymmetry_schedule : pairs (step, offset), optional
        Offsets added to feedback and asymmetry: linear between the steps given, constant outside; two pairs at one
        step make a jump.
    seed : int
        0 <= seed < 2^64.
    backend : {"auto", "numpy", "numba", "torch", "triton"}
        "auto" takes numba where it is installed and NumPy otherwise.
    threads : int, optional
        For numba, at most 4096; default: as many as there are processors to use.
    device : str, optional
        For torch and Triton, such as "cpu" or "cuda".
    dtype : {"float64", "float32"}
        Of the state. "float32" for NumPy, torch and Triton only, batches up to 65536, and where the lesser of steps and
        1/(eps mu) is at most 32768: its rounding would change the decay.
    progress : callable, optional
        Called with (steps done, steps) now and then.

    Returns
    -------
    Simulation
        Final scores, time-averaged load and the statistics asked for.

    Raises
    ------
    ParameterError
        Before any work, if an argument is of a wrong type or out of range, if the result would not fit in memory, or if
        scores (also times beta) could pass 1e150 or an increment of them fall below 1e-290.
    ImportError
        If what the backend asked for needs is not installed; it says what to install.

    Notes
    -----
    Random numbers come from Philox 4x32-10 with the seed as key and (step, router) as counter: the result does not
    depend on chunks or threads, and in float64 all backends make the same selections except where a probability and
    its random number differ by rounding (relative 1e-12). Probabilities are resolved to 2^-32. Batches above 64
    tokens are drawn by exact inversion of the binomial distribution. In float64 the state is rounded once a step, to
    2^-53 of its size, and forgets it at the rate of the decay; the sum of two scores, which no selection changes, comes
    from its geometric series and is right to a few units of the last place for any decay > 0.

    References
    ----------
    Statement ``discrete.mean_drift``; docs/theory.md, sections 1 and 7. Salmon et al., SC 2011 (Philox).

    Examples
    --------
    >>> from moecusp import RouterParameters, simulate
    >>> run = simulate(RouterParameters(feedback=3.0), increment=0.05, steps=2000, routers=4, burn_in=1000, seed=1)
    >>> run.load.shape, bool((run.load.max(axis=1) > 0.75).all())  # gain 1.5: collapsed
    ((4, 2), True)
    """
    if integer("burn_in", burn_in, 0) >= bounded("steps", steps, 1, STEPS_LIMIT):
        raise ParameterError("burn_in", burn_in, f"an integer >= 0 and < steps = {steps}")
    if every is None and (flag("trajectory", trajectory) or histogram is not None or observer is not None):
        raise ParameterError("every", every, "given where scores are to be observed")
    function("observer", observer)
    function("progress", progress)
    steps, burn_in = int(steps), int(burn_in)
    interval = min(steps + 1, steps if every is None else integer("every", every, 1))
    observations = 0 if every is None else steps // interval + 1
    bins = None if histogram is None else Histogram(bin_edges(histogram))
    schedule = Schedule(knots("feedback_schedule", feedback_schedule), knots("asymmetry_schedule", asymmetry_schedule))
    request = Request(
        parameters, increment, steps, routers, batch_size, selection, margin_noise, initial, moments, first_passage,
        schedule, seed, observations, flag("trajectory", trajectory),
    )  # fmt: skip
    plan = request.plan
    engine = choose(plan, backend, threads, device, dtype)
    shape = (plan.routers,) if plan.two else (plan.routers, plan.experts)
    path = np.empty((observations, *shape)) if trajectory else None

    def observe(done: int) -> None:
        if every is None or done % interval:
            return
        scores = request.scores(engine.state())
        if path is not None:
            path[done // interval] = scores
        if bins is not None and done > burn_in:
            bins(scores)
        if observer is not None:
            observer(done, scores)

    reference = engine.collect()
    observe(0)
    done = 0
    while done < steps:
        start, until = done, burn_in if done < burn_in else steps
        done = min(start + CHUNK, (start // interval + 1) * interval, until)
        engine.advance(start, done, collecting=start >= burn_in)
        reference = engine.collect() if done == burn_in else reference
        observe(done)
        if progress is not None:
            progress(done, steps)

    sums = engine.sums()
    mean, variance, correlation = sums.estimates(reference) if moments else (None, None, None)
    return Simulation(
        scores=request.all_scores(engine.state()),
        load=sums.load(plan.tokens, plan.experts),
        mean=None if mean is None else request.scores(mean),
        variance=None if variance is None else request.scores(variance, power=2),
        autocorrelation=None if correlation is None else request.per_router(correlation),
        first_passage=engine.passed() if plan.passage else None,
        trajectory=path,
        observed=None if every is None else np.arange(observations, dtype=np.int64) * interval,
        histogram=None if bins is None else bins.counts,
        outside=0 if bins is None else bins.outside,
        backend=engine.name,
    )
