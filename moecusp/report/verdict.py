"""Verdicts: what a measurement says of a prediction, by one rule laid down before the data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from moecusp._arguments import ParameterError
from moecusp.report.intervals import Interval


class Verdict(StrEnum):
    """What the data say of a claim."""

    SUPPORTED = "SUPPORTED"
    """The whole interval of the effect lies within the band accepted beforehand."""
    REFUTED = "REFUTED"
    """The whole interval lies outside it."""
    INCONCLUSIVE = "INCONCLUSIVE"
    """The interval straddles an edge: these data could not have told."""


@dataclass(frozen=True)
class Finding:
    """One claim, judged.

    Attributes
    ----------
    id, claim : str
        Short name, and the claim in one sentence.
    effect : str
        What the estimate is, with its unit.
    interval : Interval
        What the data say of the effect.
    accepted : (low, high)
        Band of the effect within which the claim holds, fixed before the run.
    verdict : Verdict
    explanation : str
        One sentence for the reader.
    remedy : str
        What would decide an INCONCLUSIVE claim; empty for the others.
    expected : Verdict or None
        For a planted control, the verdict it must get; the run is unsound otherwise.
    """

    id: str
    claim: str
    effect: str
    interval: Interval
    accepted: tuple[float, float]
    verdict: Verdict
    explanation: str = ""
    remedy: str = ""
    expected: Verdict | None = None

    @property
    def estimate(self) -> float:
        """The estimate of the effect."""
        return self.interval.estimate

    @property
    def false_alarm(self) -> float:
        """Largest probability of SUPPORTED where the true effect is outside the band, and of REFUTED where inside."""
        return (1.0 - self.interval.confidence) / 2.0

    @property
    def sound(self) -> bool:
        """Whether a control came out as planted; true of every finding that is no control."""
        return self.expected is None or self.verdict is self.expected


def judge(
    id: str,
    claim: str,
    effect: str,
    interval: Interval,
    accepted: tuple[float, float],
    *,
    explanation: str = "",
    able: bool = True,
    expected: Verdict | None = None,
    remedy: str = "",
) -> Finding:
    """Judge a claim by the interval of its effect; see `Verdict` for the rule.

    Parameters
    ----------
    id, claim, effect, explanation : str
        As in `Finding`.
    interval : Interval
        Made by `student`, `equivalence`, `clopper_pearson`, `cluster_bootstrap` or `exact`.
    accepted : (low, high)
        Band within which the claim holds, low < high.
    able : bool
        False where the run, by its own design, could not have told: then the claim is left INCONCLUSIVE.
    expected : Verdict, optional
        For a planted control.
    remedy : str
        What would decide the claim if it is left INCONCLUSIVE; by default, how many repetitions would.

    Returns
    -------
    Finding

    Raises
    ------
    ParameterError
        If the interval is none or the band makes no sense.

    Examples
    --------
    >>> from moecusp.report import judge, student
    >>> judge("demo", "the ratio is 1", "ratio", student([0.99, 1.0, 1.01, 1.0]), accepted=(0.9, 1.1)).verdict.value
    'SUPPORTED'
    """
    if not isinstance(interval, Interval):
        raise ParameterError("interval", interval, "an Interval, made by student, exact or a function beside them")
    low, high = accepted
    if not low < high:
        raise ParameterError("accepted", accepted, "a band (low, high) with low < high")
    verdict = Verdict.INCONCLUSIVE
    if able and low <= interval.low and interval.high <= high:
        verdict = Verdict.SUPPORTED
    elif able and (interval.high < low or interval.low > high):
        verdict = Verdict.REFUTED
    if verdict is not Verdict.INCONCLUSIVE:
        remedy = ""
    elif not remedy:
        remedy = _remedy(interval, (low, high)) if able else "A run whose design can tell: this one could not."
    return Finding(id, claim, effect, interval, (low, high), verdict, explanation, remedy, expected)


def _remedy(interval: Interval, accepted: tuple[float, float]) -> str:
    """Say how many repetitions would take the interval off the edges, its width falling as the square root of n."""
    reach = max(interval.high - interval.estimate, interval.estimate - interval.low)
    if not math.isfinite(reach):
        return f"More {interval.unit} than {interval.n}, and none without a value: these give no interval."
    inside = accepted[0] <= interval.estimate <= accepted[1]
    edge = min(accepted, key=lambda edge: abs(interval.estimate - edge))
    distance = abs(interval.estimate - edge)
    if distance < reach / 100.0:
        return (
            f"No feasible number of {interval.unit}: the estimate is within {distance:.1g} of the edge {edge:g}, and "
            f"the interval reaches {reach:.1g}."
        )
    needed = math.ceil(interval.n * (reach / distance) ** 2)
    return (
        f"About {max(needed, interval.n + 1)} {interval.unit} in place of {interval.n}, if the estimate stays "
        f"{'inside' if inside else 'outside'} the band."
    )
