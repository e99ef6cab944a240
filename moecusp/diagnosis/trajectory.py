"""How close a run is to collapse, from its scores or biases and loads over steps (docs/trajectory.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from moecusp._arguments import Array, Range, integer, number
from moecusp.diagnosis.distance import NO_RAMP, Distance, Response, distance
from moecusp.diagnosis.drift import Drift, Method, fit, response
from moecusp.diagnosis.estimates import ROUNDING, Estimate, Identification, normal, unknown
from moecusp.diagnosis.panel import FIRST_STAGE, covariance
from moecusp.diagnosis.records import Known, Records, read, router, shares
from moecusp.diagnosis.relaxation import of_loads, of_scores
from moecusp.diagnosis.signs import sign_rule

NO_SCORES = "loads alone do not tell how scores moved: record scores or biases"
SIGN = "scores move by steps of one size, the sign rule: it has no feedback that grows with the load"
_CONFIDENCE = Range(0.0, 1.0, open_low=True, open_high=True)


@dataclass(frozen=True)
class Trajectory:
    """What a trajectory says of the router that made it; every number at the last record.

    Attributes
    ----------
    experts, records, every : int
        K; records of loads; steps from one to the next.
    method : Method
        How the drift was fitted; NONE where it was not.
    feedback, decay : Estimate
        kappa and mu (score/time, 1/time). Under a balancing rule b <- b + r (1/K - load) the feedback is -r/increment
        and the decay 0.
    drive : tuple of Estimate
        h_i about their mean over the experts (score/time), which no routing sees.
    asymmetry : Estimate
        h_1 - h_2 of two experts (score/time).
    feedback_slope, drive_slope : Estimate
        Change a step, of the feedback or of the driven expert's drive, where it was asked for.
    update_rate : Estimate
        r = -increment kappa (score) of a balancing rule; of the sign rule b <- b + u sign(1/K - load) the effective
        rate u sqrt(2/pi)/S, S the deviation of the recorded loads.
    response : Estimate
        lambda (1/score) in the gain: as given, beta/K, or the slope of loads on scores along the trajectory.
    relaxation : Estimate
        By what share an imbalance shrinks a step, increment mu (1 - g) near balance; at and below 0 it grows.
    distance : Distance
        The gain, how far it is from critical and from the folds, and the steps until a ramp reaches them.
    noise : float
        Share of the scores' increments that the drift does not explain.
    """

    experts: int
    records: int
    every: int
    method: Method
    feedback: Estimate
    decay: Estimate
    drive: tuple[Estimate, ...]
    asymmetry: Estimate
    feedback_slope: Estimate
    drive_slope: Estimate
    update_rate: Estimate
    response: Estimate
    relaxation: Estimate
    distance: Distance
    noise: float

    @property
    def gain(self) -> Estimate:
        """The gain g = kappa lambda/mu."""
        return self.distance.gain


def estimate_trajectory(
    scores: Any,
    loads: Any,
    *,
    increment: float,
    every: int = 1,
    source: str = "auto",
    varying: str = "none",
    driven: int = 0,
    batch_size: float | None = None,
    load_tokens: float | None = None,
    inverse_temperature: float | None = None,
    susceptibility: Any = None,
    confidence: float = 0.95,
) -> Trajectory:
    """Estimate feedback, decay, drives and gain of s <- s + eps (kappa f - mu s + h) from its records.

    Parameters
    ----------
    scores : array_like, shape (records + 1, experts) or (records, experts), or None
        Scores or biases before the recorded step, and at the end. None where only loads were recorded.
    loads : array_like, shape (records, experts) or (records + 1, experts)
        Share of tokens of each expert, rows that add up to 1: of the step, or averaged over the steps up to the next
        record.
    increment : float
        eps > 0 (time) of a step; 1 for a bias rule in units of a step.
    every : int
        Steps m >= 1 from one record to the next.
    source : {"auto", "same", "other"}
        Whether the loads are those that moved the scores (averaged over all m steps), or of other tokens at the
        recorded scores; "auto" tells by the correlation of loads and increments.
    varying : {"none", "feedback", "drive"}
        What may change linearly with the steps: then it is estimated at the last record, with its change.
    driven : int
        The expert whose drive changes.
    batch_size : float, optional
        Independent tokens B that move the scores in a step. With loads of other tokens it makes kappa identifiable by
        the noise of the scores.
    load_tokens : float, optional
        Tokens behind a recorded load; batch_size by default.
    inverse_temperature : float, optional
        beta (1/score) of soft routing without logits: the reduced rule, for which folds and ladder are known.
    susceptibility : array_like, optional
        lambda_max(chi) or chi, shape (experts, experts), of recorded logits (1/score), at the present state. By default
        beta/K, or the slope of loads on scores.
    confidence : float
        Of all intervals, in (0, 1).

    Returns
    -------
    Trajectory
        Every number with its interval, or NOT_IDENTIFIABLE and why.

    Raises
    ------
    ParameterError
        If an argument is out of range, there are fewer than 30 records, or the shapes do not fit.

    Notes
    -----
    Assumes: increments of size eps as above with constant mu; tokens of a batch independent given the scores; where
    records are m steps apart, eps m mu well below 1 (corrections are of second order in it). Coverage of the intervals
    is measured in tests/diagnosis/test_trajectory.py; what is not identifiable: docs/trajectory.md.

    References
    ----------
    Statements ``discrete.mean_drift``, ``noise.autocorrelation``, ``reduced.gain``; docs/theory.md, sections 1 and 7.
    K. Hayakawa, Econ. Lett. 104 (2009) 144-147 (instruments); W. K. Newey and K. D. West, Econometrica 55 (1987)
    703-708.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp.diagnosis import estimate_trajectory
    >>> rng, s, scores, loads = np.random.default_rng(0), np.array([0.3, -0.3]), [], []
    >>> for _ in range(200):
    ...     p = np.exp(s) / np.exp(s).sum()
    ...     f = rng.multinomial(64, p) / 64
    ...     scores.append(s)
    ...     loads.append(f)
    ...     s = s + 0.05 * (1.2 * f - s)
    >>> found = estimate_trajectory(scores, loads, increment=0.05, inverse_temperature=1.0)
    >>> found.method.value, round(found.feedback.value, 9), round(found.gain.value, 9)
    ('identity', 1.2, 0.6)
    """
    level = number("confidence", confidence, _CONFIDENCE)
    from scipy.special import ndtri

    reach = float(ndtri(0.5 + 0.5 * level))
    known = router(inverse_temperature, susceptibility)
    f = shares(loads)
    if scores is None:
        m = integer("every", every, 1)
        return _blank(NO_SCORES, f, m, of_loads(f, m, reach))
    records = read(scores, f, increment, every, source, varying, driven, batch_size, load_tokens)
    rate = sign_rule(records, reach)
    if rate is not None:
        return _blank(SIGN, records.loads, records.every, of_scores(records, reach), rate)
    return _told(records, fit(records, source), reach, known)


def _told(records: Records, drift: Drift, reach: float, known: Known) -> Trajectory:
    """Return every number with its interval."""
    exact = drift.method is Method.IDENTITY
    errors = np.sqrt(np.maximum(np.diag(drift.covariance), 0.0))
    if exact:
        errors = errors + ROUNDING * float(np.abs(drift.values).max())

    def told(name: str, factor: float = 1.0) -> Estimate:
        if name not in drift.names:
            return unknown(NO_RAMP)
        if name in drift.missing:
            return unknown(drift.missing[name])
        place = drift.names.index(name)
        return normal(factor * float(drift.values[place]), abs(factor) * float(errors[place]), reach, exact=exact)

    experts = records.loads.shape[1]
    slope = _slope(records, known, reach, experts)
    away = distance(records, drift, slope, known, exact, reach)
    return Trajectory(
        experts=experts,
        records=len(records.loads),
        every=records.every,
        method=drift.method,
        feedback=told("feedback"),
        decay=told("decay"),
        drive=tuple(told(f"drive.{i}") for i in range(experts)),
        asymmetry=told("drive.0", 2.0) if experts == 2 else unknown("it is defined for two experts: see drive"),
        feedback_slope=told("feedback_slope"),
        drive_slope=told("drive_slope"),
        update_rate=told("feedback", -records.increment),
        response=slope.estimate,
        relaxation=of_scores(records, reach),
        distance=away,
        noise=drift.noise,
    )


def _slope(records: Records, known: Known, reach: float, experts: int) -> Response:
    """Return lambda: as given, beta/K, or what loads and scores say."""
    still = np.zeros(len(records.loads))
    beta = known.inverse_temperature
    given = known.susceptibility if beta is None or known.susceptibility is not None else beta / experts
    if given is not None:
        return Response(Estimate(given, given, given, Identification.EXACT), still)
    found = response(records)
    if not found.strength[0] > FIRST_STAGE:
        return Response(unknown("scores hardly move: give the susceptibility"), still)
    error = float(covariance(found.influence)[0, 0]) ** 0.5
    return Response(normal(float(found.values[0]), error, reach), found.influence[:, 0])


def _blank(
    reason: str, loads: Array, every: int, relaxation: Estimate, update_rate: Estimate | None = None
) -> Trajectory:
    """Return what there is where no drift was fitted."""
    none, experts = unknown(reason), loads.shape[1]
    return Trajectory(
        experts=experts,
        records=len(loads),
        every=every,
        method=Method.NONE if update_rate is None else Method.SIGN,
        feedback=none,
        decay=none,
        drive=(none,) * experts,
        asymmetry=none,
        feedback_slope=none,
        drive_slope=none,
        update_rate=none if update_rate is None else update_rate,
        response=none,
        relaxation=relaxation,
        distance=Distance(*[none] * 7),
        noise=float("nan"),
    )
