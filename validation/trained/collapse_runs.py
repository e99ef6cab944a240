"""Runs that a monitor watches, driven to collapse or healthy, and what is estimated at each of its reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from moecusp import susceptibility
from moecusp.diagnosis import Trajectory, early_warning, estimate_trajectory
from moecusp.routing import RoutingMonitor
from validation.streams import Stream
from validation.studies import Plan, Tick
from validation.trained.loop import Rule, restored, run
from validation.trained.profiles import Collapse, Profile

Array = NDArray[np.float64]
HEALTHY = ("steady", "raised", "loss", "sign", "bare")


def kinds(p: Collapse) -> dict[str, int]:
    """Return how many runs there are of each kind."""
    return {"driven": p.driven, **dict.fromkeys(HEALTHY, p.healthy)}


def ruled(p: Collapse, kind: str, critical: Array) -> Rule:
    """Return the rule of runs of a kind, given their critical feedbacks; weights and steps take turns."""
    first, last = {
        "driven": (p.start, p.end),
        "raised": (p.start, p.healthy_end),
        "steady": (p.steady, p.steady),
        "loss": (p.steady, p.steady),
    }.get(kind, (0.0, 0.0))
    one = np.ones(len(critical))
    return Rule(
        len(critical),
        feedback=first * critical,
        feedback_slope=(last - first) * critical / p.steps,
        decay=one * (0.0 if kind in ("sign", "bare") else p.decay),
        increment=p.increment,
        sign=np.resize(p.sign, len(critical)) if kind == "sign" else 0.0 * one,
        weight=np.resize(p.weight, len(critical)) if kind == "loss" else 0.0 * one,
    )


def measure(profile: Profile, plan: Plan, kind: str, runs: int, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Train runs on, and estimate at every report.

    gain, low : shape (reports, layers, runs)
        Estimate of the gain and lower end of its interval; NaN where it is not identifiable.
    left : shape (reports, layers, runs)
        Forecast of the steps to the critical gain from the report on; NaN where there is none.
    largest : shape (reports, layers, runs)
        Largest share of an expert over the report.
    shuffled : shape (layers, runs)
        Lower end of the gain from the same records up to the last report, in shuffled order; NaN likewise.
    plain : shape (reports, layers, runs)
        Gain of gates without logits, kappa/(K mu).
    warning : shape (layers, runs)
        p-value of the early warning from the scores of the first two thirds.
    """
    torch.set_num_threads(1)
    p, warm = profile.collapse, profile.warm
    which = [each % warm.models for each in range(runs)]
    state = restored(warm.make, lambda each: plan[f"collapse.model.{each}"], which)
    rule = ruled(p, kind, plan["collapse.critical"][which])
    tokens = runs * warm.windows * warm.make.context
    sites = [[f"blocks.{layer}.models.{model}.experts" for model in range(runs)] for layer in range(warm.make.layers)]
    seen = _Seen(sites)
    with RoutingMonitor(state.model, every=p.every, sample=p.sample, metrics=["max_vio"], most=4096) as monitor:

        def watch(*_: object) -> None:
            monitor.step()
            seen.steps += 1
            if seen.steps % p.every == 0:
                seen.add(monitor, p)
            tick(tokens)

        run(state, rule, p.steps, rate=p.learning_rate, batch=warm.windows, chance=stream.torch(), watch=watch)
    return seen.found(p, stream.numpy())


class _Seen:
    """What the monitor showed so far, site by site, and what was said of it."""

    def __init__(self, sites: list[list[str]]) -> None:
        self.sites, self.steps = sites, 0
        self.scores: dict[str, list[Array]] = {name: [] for layer in sites for name in layer}
        self.loads: dict[str, list[Array]] = {name: [] for layer in sites for name in layer}
        self.said: dict[str, list[list[list[float]]]] = {
            name: [] for name in ("gain", "low", "left", "largest", "plain")
        }

    def add(self, monitor: RoutingMonitor, p: Collapse) -> None:
        """Add a report, and estimate."""
        trace = monitor.trace()
        for every in self.said.values():
            every.append([[] for _ in self.sites])
        for layer, names in enumerate(self.sites):
            for name in names:
                record = trace[name]
                self.scores[name].append(np.asarray(record.bias, float))
                self.loads[name].append(np.asarray(record.counts, float) / record.tokens[:, None])
                sample = record.sample
                logits = np.asarray(sample.scores if sample else [], float) + self.scores[name][-1][-1]
                top = float(np.linalg.eigvalsh(susceptibility(logits))[-1])
                told = self.told(name, p, top)
                gain = told.gain if told is not None else None
                known = gain is not None and gain.known
                self.put("gain", layer, gain.value if known and gain else np.nan)
                self.put("low", layer, gain.low if known and gain else np.nan)
                self.put("plain", layer, gain.value / top / record.site.experts if known and gain else np.nan)
                self.put("left", layer, told.distance.steps_to_critical.value if told is not None else np.nan)
                self.put("largest", layer, float(self.loads[name][-1].mean(axis=0).max()))

    def put(self, name: str, layer: int, value: float) -> None:
        """Add a number of the report at hand."""
        self.said[name][-1][layer].append(value)

    def told(self, name: str, p: Collapse, top: float, order: Any = None) -> Trajectory | None:
        """Return the estimate from all that was recorded; None while there is too little."""
        scores, loads = np.concatenate(self.scores[name]), np.concatenate(self.loads[name])
        if len(loads) < 2 * p.every:
            return None
        if order is not None:
            scores, loads = scores[order], loads[order]
        return estimate_trajectory(scores, loads, increment=p.increment, varying="feedback", susceptibility=top)

    def found(self, p: Collapse, source: np.random.Generator) -> Mapping[str, Array]:
        """Return everything as arrays."""
        shuffled, warning = [], []
        for layer, names in enumerate(self.sites):
            shuffled.append([self.shuffled(name, layer, run, p, source) for run, name in enumerate(names)])
            warning.append([self.warning(name) for name in names])
        return {
            **{name: np.array(every) for name, every in self.said.items()},
            "shuffled": np.array(shuffled),
            "warning": np.array(warning),
        }

    def shuffled(self, name: str, layer: int, run: int, p: Collapse, source: np.random.Generator) -> float:
        """Return the lower end of the gain from records in shuffled order."""
        top = np.array(self.said["gain"])[-1, layer, run] / np.array(self.said["plain"])[-1, layer, run]
        top = top / len(self.loads[name][0][0])
        if not np.isfinite(top):
            return float("nan")
        order = source.permutation(sum(map(len, self.loads[name])))
        told = self.told(name, p, float(top), order)
        return told.gain.low if told is not None and told.gain.known else float("nan")

    def warning(self, name: str) -> float:
        """Return the p-value of the early warning from the scores of the first two thirds."""
        path = np.concatenate(self.scores[name])
        path = path[: 2 * len(path) // 3]
        if len(path) < 100 or not path.std(axis=0).max() > 0.0:
            return float("nan")
        return early_warning(path - path.mean(axis=1, keepdims=True), surrogates=99).p_value
