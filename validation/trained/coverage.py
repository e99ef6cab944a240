"""P11: the intervals of `moecusp.diagnosis.estimate_trajectory` hold the planted truth as often as they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import ndtr

from moecusp import RouterParameters, simulate
from moecusp.diagnosis import estimate_trajectory
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, INK, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.intervals import over
from validation.storage import Arrays
from validation.streams import Stream
from validation.studies import Measured, Part, Picture, Plan, Tick
from validation.trained.profiles import Coverage, Profile

Array = NDArray[np.float64]
SYMBOLS = ("feedback", "decay", "gain", "increment", "batch_size")
NOTES = (
    "coverage.*: the discrete rule by moecusp.simulate; loads of other tokens are drawn anew at the recorded scores. "
    "The coverage of a trace is the share of its intervals (feedback, decay, gain, and what changes) that hold the "
    "truth; one that is not identifiable does not count. A coverage takes a thousand traces to tell: where a case has "
    "fewer, only that of all cases together is judged.",
)
LABELS = {"held": "intervals", "half": "of half the width"}
CHUNK = 100
SIMULATED = 200  # tokens simulated in the time in which a model reads one
"""Traces simulated at once."""


@dataclass(frozen=True)
class Case:
    """A planted rule and what is recorded of it: selection.experts.loads.ramp."""

    name: str

    @property
    def words(self) -> tuple[str, int, str, str]:
        """Selection, experts, loads, ramp."""
        selection, experts, loads, ramp = self.name.split(".")
        return selection, int(experts), loads, ramp

    def response(self, p: Coverage) -> float:
        """Return lambda (1/score): 1/K, or K times the density of the tie of two best of K normal logits."""
        selection, experts, *_ = self.words
        if selection == "soft":
            return 1.0 / experts

        def integrand(y: float) -> float:
            return float(np.exp(-y * y) / (2.0 * np.pi) * ndtr(y) ** (experts - 2))

        return float(experts) * float(quad(integrand, -9.0, 9.0)[0]) / float(p.sigma / 2.0**0.5)

    def truth(self, p: Coverage) -> dict[str, float]:
        """Return the planted numbers at the last record."""
        ramp = self.words[3]
        top, steps = self.response(p), self.steps(p)
        gain = p.risen if ramp == "feedback" else p.gain
        found = {"feedback": gain / top, "decay": 1.0, "gain": gain}
        if ramp == "feedback":
            found["feedback_slope"] = (p.risen - p.gain) / top / steps
            found["distance.steps_to_critical"] = (1.0 - p.risen) / (p.risen - p.gain) * steps
        if ramp == "drive":
            found["drive_slope"] = self.drive(p) / steps
        return found

    def batch(self, p: Coverage) -> int:
        """Return the tokens of a step: with fewer an expert, noise takes many experts out of balance for good."""
        return max(p.batch_size, p.tokens * self.words[1])

    def steps(self, p: Coverage) -> int:
        """Return the steps of a run: records averaged over several need as many more."""
        return p.steps * (p.every // 2 if self.words[2] == "averaged" else 1)

    def work(self, p: Coverage) -> int:
        """Return the work of a trace, in tokens that a model reads in the time."""
        return max(1, self.steps(p) * self.batch(p) // SIMULATED)

    def drive(self, p: Coverage) -> float:
        """Return by how much the drive of the first expert changes along a run (score/time)."""
        return 0.5 * p.gain / self.response(p) / self.words[1]


def predict(profile: Profile, seed: int) -> Arrays:
    """Return the planted truth of each case: coverage.case.name."""
    p = profile.coverage
    return {
        f"coverage.{name}.{what}": np.asarray(value) for name in p.cases for what, value in Case(name).truth(p).items()
    }


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each case."""
    p = profile.coverage
    return [
        Part(f"coverage/{name}", p.traces * each.work(p), partial(measure, p, plan, each))
        for name, each in ((name, Case(name)) for name in p.cases)
    ]


def measure(p: Coverage, plan: Plan, case: Case, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Simulate traces and estimate.

    held, half : shape (quantities, traces)
        1 where the interval, or one of half its width, holds the truth; NaN where it is not identifiable.
    """
    truth = {what: plan.number(f"coverage.{case.name}.{what}") for what in case.truth(p)}
    source, held, half = stream.numpy(), list[list[float]](), list[list[float]]()
    options: dict[str, Any] = {"increment": p.increment, "susceptibility": case.response(p)}
    *_, loads, ramp = case.words
    options |= {"varying": ramp} if ramp != "none" else {}
    options |= {"batch_size": case.batch(p)} if loads == "other" else {"every": p.every, "source": "same"}
    done = 0
    while done < p.traces:
        some = min(CHUNK, p.traces - done)
        for scores, shares in simulated(p, case, some, int(source.integers(2**62)), source):
            found = estimate_trajectory(scores, shares, **options)
            every = [_read(found, what) for what in truth]
            for into, width in ((held, 1.0), (half, 0.5)):
                into.append([
                    float(abs(each.value - value) <= width * max(each.high - each.value, each.value - each.low))
                    if width < 1.0 and each.known else float(each.holds(value)) if each.known else np.nan
                    for each, value in zip(every, truth.values(), strict=True)
                ])  # fmt: skip
        done += some
        tick(some * case.work(p))
    return {"held": np.array(held).T, "half": np.array(half).T}


def simulated(p: Coverage, case: Case, traces: int, seed: int, source: np.random.Generator) -> Any:
    """Yield scores and loads of traces, as they are recorded."""
    selection, experts, loads, ramp = case.words
    steps, feedback = case.steps(p), p.gain / case.response(p)
    ramps: dict[str, Any] = {}
    if ramp == "feedback":
        ramps["feedback_schedule"] = [(0, 0.0), (steps, (p.risen - p.gain) / case.response(p))]
    elif ramp == "drive":
        ramps["asymmetry_schedule"] = [(0, 0.0), (steps, case.drive(p))]
    run = simulate(
        RouterParameters(feedback=feedback, experts=experts), increment=p.increment, steps=steps, routers=traces,
        batch_size=case.batch(p), selection=selection, margin_noise=p.sigma if selection == "hard" else 0.0, every=1,
        trajectory=True, seed=seed, threads=1, **ramps,
    )  # fmt: skip
    path = np.asarray(run.trajectory)
    scores = np.stack([0.5 * path, -0.5 * path], axis=-1) if experts == 2 else path - path.mean(axis=-1, keepdims=True)
    time = np.arange(steps)[:, None]
    kappa = feedback + ((p.risen - p.gain) / case.response(p) * time / steps if ramp == "feedback" else 0.0)
    drive = np.where(np.arange(experts) == 0, 1.0, 0.0) - 1.0 / experts
    drive = drive * (case.drive(p) * time / steps if ramp == "drive" else 0.0)
    for s in scores.swapaxes(0, 1):
        if loads == "other":
            yield s, drawn(p, case, s, source)
        else:  # those that moved the scores, by the rule itself
            f = ((s[1:] - s[:-1]) / p.increment + s[:-1] - drive) / kappa + 1.0 / experts
            rows = steps // p.every
            yield s[:: p.every][: rows + 1], f[: rows * p.every].reshape(rows, p.every, -1).mean(axis=1)


def drawn(p: Coverage, case: Case, scores: Array, source: np.random.Generator) -> Array:
    """Return loads of other tokens at scores (steps, experts)."""
    (selection, experts, *_), tokens = case.words, case.batch(p)
    if selection == "soft":
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(source.multinomial(tokens, raised / raised.sum(axis=1, keepdims=True)) / tokens)
    noise = source.normal(size=(len(scores), tokens, experts)) * (p.sigma / 2.0**0.5)
    best = (scores[:, None] + noise).argmax(axis=2)
    return np.stack([(best == e).mean(axis=1) for e in range(experts)], axis=1)


def _read(found: Any, what: str) -> Any:
    for word in what.split("."):
        found = getattr(found, word)
    return found


def of_traces(values: Array) -> Array:
    """Return the share of the intervals of each trace that hold; of those that hold none, nothing."""
    known = ~np.isnan(values)
    return np.asarray(np.nansum(values, axis=0)[known.any(axis=0)] / known.sum(axis=0)[known.any(axis=0)])


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, effect = profile.coverage, "share of the intervals at 95 % that hold the truth"
    of = partial(over, confidence=profile.confidence, unit="traces")
    held, half = (
        {name: of_traces(measured[f"coverage/{name}"][what]) for name in p.cases} for what in ("held", "half")
    )

    def judged(id: str, where: str, values: Array) -> Finding:
        says, few = f"Intervals from a trajectory hold the truth as often as they say: {where}.", len(values) < p.fewest
        remedy = f"{p.fewest} traces." if few else ""
        return judge(id, says, effect, of(values), p.coverage_band, able=not few, remedy=remedy)

    found = [judged("coverage.all", "all cases together", np.concatenate(list(held.values())))]
    for name in p.cases if p.traces >= p.fewest else ():
        selection, experts, loads, ramp = Case(name).words
        changing = "constant rule" if ramp == "none" else f"{ramp} that changes"
        tokens = "loads of other tokens" if loads == "other" else f"loads averaged over {p.every} steps"
        where = f"{selection} selection, {experts} experts, {tokens}, {changing}"
        found.append(judged(f"coverage.{name}", where, held[name]))
    found.append(
        judge("control.coverage_half", "Planted: intervals of half the width do.", effect,
              of(np.concatenate(list(half.values()))), p.coverage_band, expected=Verdict.REFUTED)
    )  # fmt: skip
    return tuple(found)


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw the coverage of each case."""
    p = profile.coverage
    with style():
        figure, axes = canvas(height=4.4)
        for place, name in enumerate(p.cases):
            for what, shift, colour, mark in (("held", -0.1, BLUE, "o"), ("half", 0.1, RED, "x")):
                each = of_traces(measured[f"coverage/{name}"][what])
                error = 2.6 * each.std() / max(len(each), 1) ** 0.5
                axes.errorbar(each.mean(), place + shift, xerr=error, fmt=mark, ms=5, mfc="none", color=colour,
                              label=LABELS[what] if place == 0 else None)  # fmt: skip
        axes.axvspan(*p.coverage_band, color=SOFT, alpha=0.3, lw=0)
        axes.axvline(0.95, color=INK, lw=1)
        axes.set(yticks=range(len(p.cases)), yticklabels=p.cases, xlabel="share that holds the truth")
        axes.invert_yaxis()
        legend(figure)
    caption = (
        f"Coverage of intervals at 95 % over {p.traces} traces of {p.steps} steps (averaged loads: of twice as many), "
        "with bars of 2.6 standard errors; shaded: the accepted band. "
        + fixed(p, {"increment": "increment", "batch_size": "batch_size"}, gain=p.gain)
    )
    return (Picture("coverage", "How often intervals hold the truth", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of coverage by quantity."""
    p, rows = profile.coverage, []
    for name in p.cases:
        held = measured[f"coverage/{name}"]["held"]
        for what, each in zip(Case(name).truth(p), held, strict=True):
            known = each[~np.isnan(each)]
            rows.append((name, what, f"{known.mean():.3f}" if known.size else "–", f"{known.size} of {each.size}"))
    return (Table("coverage", "Coverage by quantity", ("case", "quantity", "coverage", "identifiable"), tuple(rows)),)
