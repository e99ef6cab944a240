"""P9: a collapse called before it happens, from the gain estimated along the trajectory that a monitor records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from moecusp import susceptibility
from moecusp.diagnosis import Trajectory, early_warning, estimate_trajectory
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, canvas, legend, style
from moecusp.routing import RoutingMonitor
from validation.captions import fixed
from validation.intervals import over, share
from validation.storage import Arrays
from validation.streams import Stream
from validation.studies import Measured, Part, Picture, Plan, Tick
from validation.trained.loop import Rule, restored, run, stored
from validation.trained.profiles import Collapse, Profile
from validation.trained.warm import answer, warmed

Array = NDArray[np.float64]
SYMBOLS = ("feedback", "decay", "increment", "gain", "susceptibility", "batch_size", "learning_rate")
HEALTHY = ("steady", "raised", "loss", "sign")
NOTES = (
    "collapse.*: transformers trained on with a reinforced router (experts sampled), watched by RoutingMonitor alone: "
    "scores and loads of every step, logits of a sample. Feedback, decay and their changes are estimated by "
    "moecusp.diagnosis.estimate_trajectory from what was recorded up to each report, λ_max(χ) from the sample; of the "
    "rule only the increment is given. Of two layers the one nearest to collapse counts.",
)


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what held-out text says.

    collapse.model.*
        The models as they stand at the start, the first axis that of the models.
    collapse.critical : shape (models,)
        decay/lambda_max(chi) of the layer that answers most: the least critical feedback (score/time).
    """
    p = profile.collapse
    state = warmed(profile.warm, seed)
    top = np.linalg.eigvalsh(answer(state, 1.0, seed)[0])[..., -1].max(axis=0)
    found: dict[str, Any] = {f"collapse.model.{name}": each for name, each in stored(state).items()}
    return {name: np.asarray(each) for name, each in (found | {"collapse.critical": p.decay / top}).items()}


def kinds(p: Collapse) -> dict[str, int]:
    """Return how many runs there are of each kind."""
    return {"driven": p.driven, **dict.fromkeys(HEALTHY, p.healthy)}


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each kind of run."""
    p, warm = profile.collapse, profile.warm
    size = p.steps * warm.windows * warm.make.context
    return [
        Part(f"collapse/{kind}", n * size, partial(measure, profile, plan, kind, n)) for kind, n in kinds(p).items()
    ]


def ruled(p: Collapse, kind: str, critical: Array) -> Rule:
    """Return the rule of runs of a kind, given their critical feedbacks."""
    first, last = {
        "driven": (p.start, p.end),
        "raised": (p.start, p.healthy_end),
        "steady": (p.steady, p.steady),
        "loss": (p.steady, p.steady),
        "sign": (0.0, 0.0),
    }[kind]
    one = np.ones(len(critical))
    return Rule(
        len(critical),
        feedback=first * critical,
        feedback_slope=(last - first) * critical / p.steps,
        decay=one * (0.0 if kind == "sign" else p.decay),
        increment=p.increment,
        sign=one * (p.sign if kind == "sign" else 0.0),
        weight=one * (p.weight if kind == "loss" else 0.0),
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


def first(flags: Any) -> Any:
    """Return the first report (reports, layers, runs) at which any layer is flagged; the number of reports if none."""
    any_layer: Any = np.asarray(flags).any(axis=1)
    return np.where(any_layer.any(axis=0), any_layer.argmax(axis=0), len(any_layer))


def called(p: Collapse, seen: Arrays) -> Any:
    """Return the report at which each run is called."""
    return first(seen["low"] > p.level)


def collapsed(p: Collapse, seen: Arrays) -> Any:
    """Return the report in which each run has collapsed."""
    return first(seen["largest"] > p.collapsed)


def forecasts(p: Collapse, seen: Arrays) -> Any:
    """Return by how much of the run the gain reaches 1 later than was forecast when it passed `forecast`; NaN if not.

    Of the layer that passes first.
    """
    reports = np.arange(1, len(seen["gain"]) + 1) * p.every
    found = []
    for which in range(seen["gain"].shape[2]):
        gain = seen["gain"][:, :, which]
        layer = int(np.nanargmax(np.where(np.isnan(gain), -1.0, gain).max(axis=0)))
        above, beyond = gain[:, layer] > p.forecast, gain[:, layer] > 1.0
        if not above.any() or not beyond.any():
            found.append(np.nan)
            continue
        at, reached = int(above.argmax()), int(beyond.argmax())
        low, high = gain[reached - 1, layer] if reached else 0.0, gain[reached, layer]
        crossing = reports[reached] - p.every * (high - 1.0) / (high - low)
        found.append((crossing - reports[at] - seen["left"][at, layer, which]) / p.steps)
    return np.array(found)


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, sure = profile.collapse, profile.confidence
    driven = measured["collapse/driven"]
    fell = collapsed(p, driven)
    gone = fell < len(driven["largest"])
    before = (called(p, driven) < fell) & gone
    healthy = {kind: measured[f"collapse/{kind}"] for kind in HEALTHY}
    alarms = [called(p, each) < len(each["low"]) for each in healthy.values()]
    mixed = (driven["shuffled"] > p.level).any(axis=0)
    some, runs = "share of the runs that collapse", "runs"

    def of(flags: Any) -> Any:
        return share(int(np.sum(flags)), len(flags), sure, runs)

    return (
        judge("collapse.called", "Runs driven to collapse are called by their estimated gain before it happens.", some,
              of(before[gone]), p.called_band),
        judge("collapse.false_alarms", "Healthy runs are not called.", "share of the healthy runs",
              of(np.concatenate(alarms)), p.false_band),
        judge("collapse.forecast", f"When the gain passes {p.forecast:g}, it is foretold when it will be 1.",
              "later than foretold, in shares of the run, mean",
              over(forecasts(p, driven), sure, runs), p.critical_band),
        judge("control.collapse_shuffled", "Planted: the records of a driven run call it in any order.",
              "share of the driven runs", of(mixed), p.called_band, expected=Verdict.REFUTED),
        judge("control.collapse_asleep", "Planted: driven runs are as seldom called as healthy ones.",
              "share of the driven runs", of(called(p, driven) < len(driven["low"])), p.false_band,
              expected=Verdict.REFUTED),
    )  # fmt: skip


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw estimated gains and the largest loads along the runs."""
    p, warm = profile.collapse, profile.warm
    with style():
        figure, single = canvas(height=6.4)
        single.remove()
        above, below = figure.subplots(2, sharex=True)
        for kind, colour in (("driven", RED), ("raised", ORANGE), ("steady", BLUE), ("loss", GREEN)):
            seen = measured[f"collapse/{kind}"]
            steps = np.arange(1, len(seen["gain"]) + 1) * p.every
            for run in range(min(seen["gain"].shape[2], 6)):
                for axes, what in ((above, "gain"), (below, "largest")):
                    axes.plot(steps, seen[what][:, :, run].max(axis=1), color=colour, lw=0.9, alpha=0.8,
                              label=kind if run == 0 and axes is above else None)  # fmt: skip
        above.axhline(p.level, color=INK, lw=1, ls=":")
        above.set(ylabel="gain, estimated", ylim=(0.0, 2.5))
        below.axhline(p.collapsed, color=INK, lw=1, ls=":")
        below.set(xlabel="step", ylabel="largest load of a report")
        legend(figure)
    caption = (
        "Gain estimated from what the monitor had recorded, and the largest load, along up to six runs of a kind; of "
        f"two layers the larger. Dotted: the level at which a run is called, {p.level:g}, and the load at which it has "
        "collapsed. "
        + fixed(p, {"decay": "decay", "increment": "increment", "learning_rate": "learning_rate"},
                experts=warm.make.experts, batch_size=warm.windows * warm.make.context)
    )  # fmt: skip
    return (Picture("collapse", "A collapse, called before it happens", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of runs by kind."""
    p, rows = profile.collapse, []
    for kind, runs in kinds(p).items():
        seen = measured[f"collapse/{kind}"]
        reports = len(seen["largest"])
        call, fell = called(p, seen), collapsed(p, seen)
        both = (call < reports) & (fell < reports)
        lead = f"{p.every * (fell - call)[both].mean():.0f}" if both.any() else "–"
        known = seen["gain"][-1][~np.isnan(seen["gain"][-1])]
        told = seen["warning"][~np.isnan(seen["warning"])]
        rows.append((kind, str(runs), f"{int((call < reports).sum())}", f"{int((fell < reports).sum())}", lead,
                     f"{known.mean():.2f}" if known.size else "not identifiable",
                     f"{np.mean(told <= 0.05):.2f}" if told.size else "–"))  # fmt: skip
    columns = ("runs", "number", "called", "collapsed", "steps from call to collapse", "gain at the end, mean",
               "early warning at 5 %, share of layers")  # fmt: skip
    return (Table("collapse", "Runs called and runs collapsed", columns, tuple(rows)),)
