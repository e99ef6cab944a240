"""Verdicts: what a measurement says of a prediction, by one rule laid down before the data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from moecusp._arguments import ParameterError, number, real


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
    estimate, interval : float and (low, high)
        Mean over the seeds and its confidence interval.
    accepted : (low, high)
        Band of the effect within which the claim holds, fixed before the run.
    confidence : float
        Of the interval; a claim whose true effect is outside the band is called SUPPORTED, or one inside it REFUTED,
        with probability at most `false_alarm` = (1 - confidence)/2.
    seeds : int
        Independent repetitions behind the estimate.
    detectable : float
        Smallest departure from the band's edge that these data would have placed outside it with probability 0.9.
    verdict : Verdict
    explanation : str
        One sentence for the reader.
    expected : Verdict or None
        For a planted control, the verdict it must get; the run is unsound otherwise.
    """

    id: str
    claim: str
    effect: str
    estimate: float
    interval: tuple[float, float]
    accepted: tuple[float, float]
    confidence: float
    false_alarm: float
    seeds: int
    detectable: float
    verdict: Verdict
    explanation: str
    expected: Verdict | None = None

    @property
    def sound(self) -> bool:
        """Whether a control came out as planted; true of every finding that is no control."""
        return self.expected is None or self.verdict is self.expected


def judge(
    id: str,
    claim: str,
    effect: str,
    samples: Any,
    accepted: tuple[float, float],
    *,
    explanation: str = "",
    confidence: float = 0.99,
    able: bool = True,
    exact: bool = False,
    expected: Verdict | None = None,
) -> Finding:
    """Judge a claim from one value of its effect per independent seed.

    The interval is Student's, for the mean over the seeds; see `Verdict` for the rule.

    Parameters
    ----------
    id, claim, effect, explanation : str
        As in `Finding`.
    samples : array_like, shape (seeds,)
        Effect measured in each seed; NaN where a seed gave none. Fewer than 3, or any NaN (what is missing is seldom
        missing by chance), leave the claim INCONCLUSIVE.
    accepted : (low, high)
        Band within which the claim holds, low < high.
    confidence : float
        Of the interval, in (0, 1).
    able : bool
        False where the run, by its own design, could not have told: then the claim is left INCONCLUSIVE.
    exact : bool
        The samples are one number computed without chance: the interval is that number, and its confidence 1.
    expected : Verdict, optional
        For a planted control.

    Returns
    -------
    Finding

    Raises
    ------
    ParameterError
        If the samples are not a non-empty vector of finite numbers, or the band or the confidence make no sense.

    Examples
    --------
    >>> from moecusp.report import judge
    >>> judge("demo", "the ratio is 1", "ratio", [0.99, 1.0, 1.01, 1.0], accepted=(0.9, 1.1)).verdict.value
    'SUPPORTED'
    """
    from scipy.stats import t as student

    values = np.asarray(samples, dtype=np.float64)
    missing = np.isnan(values)
    if values.ndim != 1 or missing.all():
        raise ParameterError("samples", samples, "a vector with one value per seed, not all of them missing")
    real("samples", values[~missing])
    low, high = accepted
    if not low < high:
        raise ParameterError("accepted", accepted, "a band (low, high) with low < high")
    level = number("confidence", confidence)
    if not 0.0 < level < 1.0:
        raise ParameterError("confidence", confidence, "> 0 and < 1")

    mean = float(np.nanmean(values))
    interval, detectable = (-np.inf, np.inf), np.inf
    if exact:
        if values.size != 1:
            raise ParameterError("samples", samples, "one number where it is exact")
        interval, level, detectable = (mean, mean), 1.0, 0.0
    elif values.size >= 3 and not missing.any():
        error = float(values.std(ddof=1)) / values.size**0.5
        reach = float(student.ppf(0.5 + level / 2, values.size - 1)) * error
        interval = (mean - reach, mean + reach)
        detectable = reach + float(student.ppf(0.9, values.size - 1)) * error

    if not able:
        verdict = Verdict.INCONCLUSIVE
    elif low <= interval[0] and interval[1] <= high:
        verdict = Verdict.SUPPORTED
    elif interval[1] < low or interval[0] > high:
        verdict = Verdict.REFUTED
    else:
        verdict = Verdict.INCONCLUSIVE
    return Finding(
        id, claim, effect, mean, interval, (low, high), level, (1 - level) / 2, values.size, detectable, verdict,
        explanation, expected,
    )  # fmt: skip
