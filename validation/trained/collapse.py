"""P9: a collapse called before it happens, from the gain estimated along the trajectory that a monitor records."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from moecusp.report import Finding, Verdict, judge
from validation.intervals import over, share
from validation.storage import Arrays
from validation.studies import Measured, Part, Plan
from validation.trained.collapse_calls import called, collapsed, forecasts, lead
from validation.trained.collapse_pictures import pictures, tables
from validation.trained.collapse_runs import HEALTHY, kinds, measure
from validation.trained.loop import stored
from validation.trained.profiles import Profile
from validation.trained.warm import answer, warmed

__all__ = ["HEALTHY", "NOTES", "SYMBOLS", "findings", "parts", "pictures", "predict", "tables"]

SYMBOLS = ("feedback", "decay", "increment", "gain", "susceptibility", "batch_size", "learning_rate")
NOTES = (
    "collapse.*: transformers trained on with a reinforced router (experts sampled), watched by RoutingMonitor alone: "
    "scores and loads of every step, logits of a sample. Feedback, decay and their changes are estimated by "
    "moecusp.diagnosis.estimate_trajectory from what was recorded up to each report, λ_max(χ) from the sample; of the "
    "rule only the increment is given. Of two layers the one nearest to collapse counts. A run is healthy if no expert "
    "gets half of a report's tokens; the rate of false alarms is over all kinds of healthy runs together.",
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


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each kind of run."""
    p, warm = profile.collapse, profile.warm
    size = p.steps * warm.windows * warm.make.context
    return [
        Part(f"collapse/{kind}", n * size, partial(measure, profile, plan, kind, n)) for kind, n in kinds(p).items()
    ]


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, sure = profile.collapse, profile.confidence
    driven = measured["collapse/driven"]
    fell = collapsed(p, driven)
    gone = fell < len(driven["largest"])
    before = (called(p, driven) < fell) & gone
    healthy = {kind: measured[f"collapse/{kind}"] for kind in HEALTHY}
    alarms = [(called(p, each) < len(each["low"]))[collapsed(p, each) == len(each["low"])] for each in healthy.values()]
    mixed = (driven["shuffled"] > p.level).any(axis=0)
    some, runs = "share of the runs that collapse", "runs"

    def of(flags: Any) -> Any:
        return share(int(np.sum(flags)), len(flags), sure, runs)

    return (
        judge("collapse.called", "Runs driven to collapse are called by their estimated gain before it happens.", some,
              of(before[gone]), p.called_band),
        judge("collapse.lead", "Runs that collapse are called long before.",
              "from the call to the collapse, in shares of the run, mean", over(lead(p, driven)[gone], sure, runs),
              p.lead_band),
        judge("collapse.false_alarms", "Healthy runs are not called: raised, steady, beside a balance loss, under the "
              "sign rule, without any rule.", "share of the healthy runs", of(np.concatenate(alarms)), p.false_band),
        judge("collapse.forecast", f"When the gain passes {p.forecast:g}, it is foretold when it will be 1.",
              "later than foretold, in shares of the run, mean",
              over(forecasts(p, driven), sure, runs), p.critical_band),
        judge("control.collapse_shuffled", "Planted: the records of a driven run call it in any order.",
              "share of the driven runs", of(mixed), p.called_band, expected=Verdict.REFUTED),
        judge("control.collapse_asleep", "Planted: driven runs are as seldom called as healthy ones.",
              "share of the driven runs", of(called(p, driven) < len(driven["low"])), p.false_band,
              expected=Verdict.REFUTED),
    )  # fmt: skip
