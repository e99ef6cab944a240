"""How well a number orders models by their dead experts, and by what powers of the weights they die."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Interval, cluster_bootstrap
from moecusp.report.intervals import in_errors

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Order:
    """Pairs of models: which differ in dead experts, and whether a score puts them in order.

    Attributes
    ----------
    agreeing : ndarray, shape (models, models)
        1 where the healthier of two has the higher score, -1 where the lower, 0 for a tie.
    comparable : ndarray, shape (models, models)
        1 where the two differ in dead experts.
    """

    agreeing: Array
    comparable: Array

    @classmethod
    def of(cls, score: Array, dead: NDArray[np.int64]) -> Order:
        """Compare all pairs."""
        higher = np.sign(score[:, None] - score)
        fewer = np.sign(dead - dead[:, None]).astype(np.float64)
        return cls(higher * fewer, np.abs(fewer))

    def concordance(self, rows: Array) -> float:
        """Return the share of comparable pairs among rows (indices, repeats allowed) in order.

        Ties are half; NaN if no pair is comparable. For an outcome of two values it is the area under the ROC curve.

        Examples
        --------
        >>> import numpy as np
        >>> from validation.ecology.concordance import Order
        >>> Order.of(np.array([3.0, 2.0, 1.0]), np.array([0, 4, 2])).concordance(np.arange(3.0)).__round__(3)
        0.667
        """
        weight = np.bincount(rows.astype(np.int64), minlength=len(self.comparable)).astype(np.float64)
        pairs = float(weight @ self.comparable @ weight)
        return 0.5 + 0.5 * float(weight @ self.agreeing @ weight) / pairs if pairs else np.nan


def interval(
    score: Array,
    dead: NDArray[np.int64],
    configs: NDArray[np.int64],
    *,
    confidence: float,
    resamples: int,
    source: np.random.Generator,
) -> Interval:
    """Return the concordance of a score with health, configurations being drawn again."""
    known = ~np.isnan(score)
    n = len(np.unique(configs[known]))
    if n < 3 or len(np.unique(dead[known])) < 2:
        return unknown(confidence, n)
    order = Order.of(score[known], dead[known])

    def statistic(rows: Array) -> float:
        found = order.concordance(rows)
        return 0.5 if np.isnan(found) else found  # a draw of models that are all alike says nothing

    return cluster_bootstrap(
        np.arange(known.sum(), dtype=np.float64),
        configs[known],
        statistic,
        source=source,
        confidence=confidence,
        resamples=resamples,
        unit="configurations",
    )


def unknown(confidence: float, n: int, unit: str = "configurations") -> Interval:
    """Return the interval of what these data say nothing of."""
    return Interval(np.nan, -np.inf, np.inf, confidence, max(n, 1), unit, "none", np.inf)


@dataclass(frozen=True)
class Exponents:
    """Log-odds that an expert lives, linear in the logarithms of T, H, O and B.

    Attributes
    ----------
    slopes : ndarray, shape (4,)
    covariance : ndarray, shape (4, 4)
        Robust against models of one configuration being alike.
    clusters : int
        Configurations.
    """

    slopes: Array
    covariance: Array
    clusters: int

    def direction(self, which: int, confidence: float) -> Interval:
        """Return a slope over the length of all four, by the delta method: E has (1, 1, -1, 0)/sqrt(3) where B << O."""
        length = float(np.linalg.norm(self.slopes))
        cosines = self.slopes / length
        gradient = (np.eye(4)[which] - cosines[which] * cosines) / length
        error = float(np.sqrt(gradient @ self.covariance @ gradient))
        reach, detectable = (each * error for each in in_errors(confidence, self.clusters - 1))
        estimate = float(cosines[which])
        return Interval(
            estimate,
            estimate - reach,
            estimate + reach,
            confidence,
            self.clusters,
            "configurations",
            "Student",
            detectable,
        )


def exponents(
    weights: Array, dead: NDArray[np.int64], experts: int, configs: NDArray[np.int64], least: int
) -> Exponents | None:
    """Fit a binomial regression, clusters being configurations; None if too few models have dead or live experts."""
    if min((dead > 0).sum(), (dead < experts).sum()) < least or len(np.unique(configs)) < 2 * least:
        return None
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    logs = np.log(weights)
    centred = np.column_stack([np.ones(len(logs)), logs - logs.mean(0)])
    model = GLM(np.column_stack([experts - dead, dead]), centred, family=Binomial())
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": np.unique(configs, return_inverse=True)[1]})
    covariance = np.asarray(fitted.cov_params(), dtype=np.float64)[1:, 1:]
    return Exponents(np.asarray(fitted.params, dtype=np.float64)[1:], covariance, len(np.unique(configs)))
