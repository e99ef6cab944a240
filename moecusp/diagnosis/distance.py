"""From the drift to the gain, its distance to the folds, and the steps until a ramp reaches them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from moecusp._arguments import Array
from moecusp.diagnosis.drift import Drift
from moecusp.diagnosis.estimates import ROUNDING, Estimate, Identification, normal, ratio, unknown
from moecusp.diagnosis.panel import covariance
from moecusp.diagnosis.records import Known, Records
from moecusp.experts import expert_fold_gain
from moecusp.folds import fold_asymmetry
from moecusp.rates import ramp_delay

NO_DECAY = "no decay is told apart from 0: of a balancing rule, see update_rate and relaxation"
NO_MODEL = "folds are known for soft routing without logits: give inverse_temperature"
NO_FOLD = "nothing jumps at a gain below 1: there is no fold"
NO_RAMP = 'no change was looked for: ask for varying="feedback" or "drive"'
NO_RISE = "no change towards collapse is told apart from none"


@dataclass(frozen=True)
class Response:
    """lambda (1/score), and what each record adds to its error."""

    estimate: Estimate
    influence: Array


@dataclass(frozen=True)
class Distance:
    """How far the router is from collapse; dimensionless where not said otherwise.

    Attributes
    ----------
    gain : Estimate
        g = kappa lambda/mu.
    margin : Estimate
        1 - g: to where balance is lost.
    fold_margin : Estimate
        g_fold(K) - g for K > 2, in the reduced rule: below 0 a knock can collapse a balanced router for good.
    asymmetry : Estimate
        eta = beta h/(2 mu) of two experts.
    fold : Estimate
        Two experts, g > 1: by how much eta must change until the present state disappears, eta_f(g) + eta sign(u).
    steps_to_critical : Estimate
        Steps from the last record until g = 1 under a ramp of the feedback; negative if it lies behind.
    steps_to_fold : Estimate
        Until g = g_fold(K), K > 2; under a ramp of the drive, two experts, until the present state is left, the delay
        of the ramp included.
    """

    gain: Estimate
    margin: Estimate
    fold_margin: Estimate
    asymmetry: Estimate
    fold: Estimate
    steps_to_critical: Estimate
    steps_to_fold: Estimate


class _Told:
    """Coefficients by name, with what each record adds to their errors."""

    def __init__(self, drift: Drift, response: Response, exact: bool, reach: float) -> None:
        self.drift, self.exact, self.reach = drift, exact and response.estimate.status is Identification.EXACT, reach
        self.lags = 0 if self.exact else None
        self.slope, self.moved = response.estimate.value, response.influence

    def of(self, name: str) -> tuple[float, Array]:
        at = self.drift.names.index(name)
        return float(self.drift.values[at]), self.drift.influence[:, at]

    def ratio(self, a: tuple[float, Array], b: tuple[float, Array], reason: str) -> Estimate:
        (aa, ab), (_, bb) = covariance(np.stack([a[1], b[1]], axis=1), self.lags)
        rounded = (ROUNDING * max(abs(a[0]), abs(b[0]))) ** 2 if self.exact else 0.0
        return ratio(a[0], b[0], (aa + rounded, ab, bb + rounded), self.reach, reason, exact=self.exact)

    def function(self, formula: Callable[..., float], *names: str) -> tuple[float, Array]:
        """Return formula(*values), and its influence by central differences."""
        values = np.array([self.of(name)[0] for name in names])
        moved = np.zeros(len(self.moved))
        for place, name in enumerate(names):
            step = np.zeros(len(names))
            step[place] = 1e-6 * max(abs(values[place]), 1e-6)
            up, down = formula(*(values + step)), formula(*(values - step))
            moved = moved + (up - down) / (2.0 * step[place]) * self.of(name)[1]
        return float(formula(*values)), moved


def distance(records: Records, drift: Drift, response: Response, known: Known, exact: bool, reach: float) -> Distance:
    """Return all distances, each NOT_IDENTIFIABLE where the drift, or the router's folds, are not known."""
    if drift.missing:
        none = unknown(next(iter(drift.missing.values())))
        return Distance(*[none] * 7)
    if not response.estimate.known:
        return Distance(*[unknown(response.estimate.reason)] * 7)
    told, experts = _Told(drift, response, exact, reach), records.loads.shape[1]
    kappa, mu = told.of("feedback"), told.of("decay")
    pull = (kappa[0] * told.slope, told.slope * kappa[1] + kappa[0] * told.moved)
    gain = told.ratio(pull, mu, NO_DECAY)
    beta = known.inverse_temperature
    ladder = float(expert_fold_gain(experts)) if experts > 2 and beta is not None else None
    two = _two(records, told, gain, beta) if experts == 2 else (unknown("it is defined for two experts"),) * 2
    critical, folded = _steps(records, told, gain, beta, ladder)
    below = unknown(NO_MODEL if beta is None else "two experts have their fold in the asymmetry")
    return Distance(
        gain, _less(1.0, gain), below if ladder is None else _less(ladder, gain), *two, critical, folded
    )  # fmt: skip


def _less(level: float, gain: Estimate) -> Estimate:
    if not gain.known:
        return gain
    return Estimate(level - gain.value, level - gain.high, level - gain.low, gain.status)


def _side(records: Records) -> float:
    return 1.0 if records.scores[-1, 0] >= records.scores[-1, 1] else -1.0


def _reduced(beta: float, kappa: float, mu: float) -> float:
    return kappa * beta / (2.0 * mu)


def _two(records: Records, told: _Told, gain: Estimate, beta: float | None) -> tuple[Estimate, Estimate]:
    """Return the reduced asymmetry, and the distance to the fold where the present state ends."""
    if beta is None:
        return unknown(NO_MODEL), unknown(NO_MODEL)
    if not gain.known:
        return gain, gain
    h = told.of("drive.0")
    eta = told.ratio((beta * h[0], beta * h[1]), told.of("decay"), NO_DECAY)
    if gain.value <= 1.0:
        return eta, unknown(NO_FOLD)
    side = _side(records)

    def left(kappa: float, mu: float, half: float) -> float:
        return float(fold_asymmetry(max(_reduced(beta, kappa, mu), 1.0))) + side * beta * half / mu

    value, moved = told.function(left, "feedback", "decay", "drive.0")
    error = float(covariance(moved[:, None], told.lags)[0, 0]) ** 0.5
    if told.exact:
        error = error + ROUNDING * max(abs(value), abs(eta.value))
    return eta, normal(value, error, told.reach, exact=told.exact)


def _steps(
    records: Records, told: _Told, gain: Estimate, beta: float | None, ladder: float | None
) -> tuple[Estimate, Estimate]:
    """Return the steps to the critical gain and to the fold."""
    if records.varying == "none":
        return unknown(NO_RAMP), unknown(NO_RAMP)
    if records.varying == "feedback":
        found = [_rising(told, level) for level in (1.0, *([] if ladder is None else [ladder]))]
        return found[0], found[1] if ladder is not None else unknown(NO_MODEL if beta is None else NO_FOLD)
    never = unknown("a drive does not change the gain")
    if beta is None or records.loads.shape[1] != 2:
        return never, unknown(NO_MODEL if beta is None else "the fold under a drive is known for two experts")
    if not gain.known or gain.value <= 1.0:
        return never, gain if not gain.known else unknown(NO_FOLD)
    return never, _driven(records, told, beta)


def _rising(told: _Told, level: float) -> Estimate:
    kappa, mu, rise = (told.of(name) for name in ("feedback", "decay", "feedback_slope"))
    wanted = level * mu[0] / told.slope
    moved = level * mu[1] / told.slope - wanted / told.slope * told.moved
    found = told.ratio((wanted - kappa[0], moved - kappa[1]), rise, NO_RISE)
    return found if not found.known or rise[0] > 0.0 else unknown("the feedback falls: this ramp leads away")


def _driven(records: Records, told: _Told, beta: float) -> Estimate:
    """Return the steps until a ramped drive has passed the fold of the present state by the delay of the ramp."""
    side, sign = _side(records), 1.0 if records.driven == 0 else -1.0
    names: Sequence[str] = ("feedback", "decay", "drive.0", "drive_slope")

    def left(kappa: float, mu: float, half: float, slope: float) -> float:
        g = max(_reduced(beta, kappa, mu), 1.0 + 1e-9)
        speed = max(beta * abs(slope) / (2.0 * mu) / (mu * records.increment), 1e-300)
        past = float(fold_asymmetry(g)) + float(ramp_delay(speed, g))
        return past * 2.0 * mu / beta + side * 2.0 * half

    rise = told.of("drive_slope")
    towards = (-side * sign * rise[0], -side * sign * rise[1])
    found = told.ratio(told.function(left, *names), towards, NO_RISE)
    return found if not found.known or towards[0] > 0.0 else unknown("the drive leads away from the fold")
