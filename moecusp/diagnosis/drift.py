"""The known drift s' - s = eps (kappa f - mu s + h), fitted to recorded scores and loads.

Four ways, by what was recorded:

identity      the loads are those that moved the scores, every step: the relation holds row by row, without noise
integrated    the same loads, averaged over the steps between two records: the linear part is integrated exactly
variation     loads of other tokens at the same scores: kappa from the scores' own noise, of variance kappa^2 q/B
instruments   the same, the batch size unknown: lagged loads and powers of the scores stand for the loads
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from moecusp._arguments import Array
from moecusp.diagnosis.panel import FIRST_STAGE, Fit, covariance, instrumented, least_squares, within
from moecusp.diagnosis.records import Records
from moecusp.diagnosis.variation import variation

IDENTITY = 1e-4  # share of the increments' deviation that rounding may leave
SHARED = 0.9  # correlation of loads and increments, beyond what the past says, from which the loads are the same

TENTH = 10  # of the records: what is compared at either end of a trace

COLLINEAR = "scores, loads and constants of this trace are collinear: record a stretch in which loads vary"


class Method(StrEnum):
    """How the drift was fitted."""

    IDENTITY = "identity"
    INTEGRATED = "integrated"
    VARIATION = "variation"
    INSTRUMENTS = "instruments"
    SIGN = "sign rule"
    NONE = "none"


@dataclass(frozen=True)
class Drift:
    """The coefficients of the drift at the last record.

    Attributes
    ----------
    names : tuple of str
        feedback, decay, and feedback_slope or drive_slope (a step); drive.i of each expert about their mean.
    values : ndarray, shape (names,)
    covariance : ndarray, shape (names, names)
    influence : ndarray, shape (records, names)
        What each record adds to the errors.
    missing : dict of str to str
        Why a coefficient is not identifiable.
    method : Method
    noise : float
        Share of the increments' deviation that the fit leaves.
    """

    names: tuple[str, ...]
    values: Array
    covariance: Array
    influence: Array
    missing: dict[str, str]
    method: Method
    noise: float

    def pick(self, *names: str) -> tuple[Array, Array]:
        """Return some coefficients and their covariance."""
        at = [self.names.index(name) for name in names]
        return self.values[at], self.covariance[np.ix_(at, at)]


def shared(records: Records) -> float:
    """Return the correlation of increments and loads beyond what scores and earlier loads say; 1: of one batch."""
    f, rows = records.loads, len(records.loads)
    past = (records.scores[1:rows], f[:-1])
    a, b = (least_squares(each[1:], past).rest for each in (records.rates, f))
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size > 0.0 else 0.0


def fit(records: Records, source: str) -> Drift:
    """Fit the drift; source is "same", "other" or "auto" (see the head of this module)."""
    if source != "other":
        found = _identity(records)
        if found is not None:
            return found
        if source == "same" or shared(records) > SHARED:
            return _integrated(records)
    return _other(records)


def _regressors(records: Records, loads: Array) -> tuple[list[str], list[Array], list[Array]]:
    """Return names, the regressors with chance in them, and those of time alone."""
    names, chance, fixed = ["feedback", "decay"], [loads, -records.scores[:-1]], list[Array]()
    if records.varying == "feedback":
        names, chance = [*names, "feedback_slope"], [*chance, records.steps * loads]
    elif records.varying == "drive":
        names, fixed = [*names, "drive_slope"], [records.ramp]
    return names, chance, fixed


def _identity(records: Records) -> Drift | None:
    """Return the fit if the relation holds row by row, or cannot be told from one that does; else None."""
    y = records.rates
    names, chance, fixed = _regressors(records, records.loads)
    found = least_squares(y, [*chance, *fixed])
    spread, left = (float(np.sqrt((each**2).mean())) for each in (within(y), found.rest))
    still = float(np.abs(np.diff(records.scores, axis=0)).max()) <= 1e-12 * float(np.abs(records.scores).max())
    held = records.every == 1 and (left <= IDENTITY * spread or still)
    if not held and found.determined.all():
        return None
    missing = {name: COLLINEAR for name, known in zip(names, found.determined, strict=True) if not known}
    raw, influence = (dict(zip(names, each, strict=True)) for each in (found.values, found.influence.T))
    return _finished(records, records.rates, raw, influence, missing, Method.NONE if missing else Method.IDENTITY)


def _integrated(records: Records) -> Drift:
    """Fit with the loads that moved the scores, averaged over a record's steps, or with noise beside them.

    Later steps of a record are forgotten less than a plain average says. Of the noise that cancels to first order; of
    the motion y that the scores foretell it leaves (m^2 - 1) eps^2 kappa chi mu/12 times y, which is taken off.
    """
    names, chance, fixed = _regressors(records, records.loads)
    found = instrumented(records.rates, chance, chance, fixed)
    y = records.rates
    if records.every > 1:
        size = found.values[0] * found.values[1] * response(records).values[0]
        foretold = y - least_squares(y, [records.scores[:-1]]).rest
        y = y - (records.every**2 - 1) * records.increment**2 * size / 12.0 * foretold
        found = instrumented(y, chance, chance, fixed)
    raw, influence = (dict(zip(names, each, strict=True)) for each in (found.values, found.influence.T))
    return _finished(records, y, raw, influence, _weak(names, found.strength), Method.INTEGRATED)


def collapsed(records: Records) -> str | None:
    """Return why nothing is told of a trace in which half of the experts beyond the first cease to count, else None.

    Counted as the exponential of the entropy of the mean loads of the first and of the last tenth. On the way from one
    state to another what the past leaves of the scores is not their noise.
    """
    size = max(len(records.loads) // TENTH, 1)
    ends = (np.maximum(part.mean(axis=0) + 1.0 / part.shape[1], 1e-300)
            for part in (records.loads[:size], records.loads[-size:]))  # fmt: skip
    before, after = (float(np.exp(-(f * np.log(f)).sum())) for f in ends)
    if after - 1.0 >= 0.5 * (before - 1.0):
        return None
    return (
        f"the router collapses on the way, from {before:.1f} to {after:.1f} effective experts: give the records before "
        "or after, the loads that moved the scores, or no batch size"
    )


def _other(records: Records) -> Drift:
    """Fit with loads of other tokens; the first row, which has no past, is left out."""
    names, chance, fixed = _regressors(records, records.loads)
    y, s = records.rates[1:], records.scores[1 : len(records.loads)]
    chance, fixed = [each[1:] for each in chance], [each[1:] for each in fixed]
    past = [
        records.loads[np.maximum(np.arange(len(y)) - (1 if records.snapshot else 0), 0)],
        _centred(s**2),
        _centred(s**3),
    ]
    if records.batch_size is None:
        ramped = [records.steps[1:] * each for each in past] if records.varying == "feedback" else []
        found = instrumented(y, chance, [*past, *ramped, -s], fixed)
        raw, influence = dict(zip(names, found.values, strict=True)), dict(zip(names, found.influence.T, strict=True))
        weak = _weak(names, found.strength, "give the batch size, or record a stretch far from balance")
        return _finished(records, records.rates, raw, _padded(influence), weak, Method.INSTRUMENTS)
    sized, moved = variation(records)
    loads = {name: each for name, each in zip(names, chance, strict=False) if name != "decay"}
    rest = [name for name in names if name not in loads]
    factor, raw, influence = 1.0, dict[str, float](), dict[str, Array]()
    for _ in range(3 if records.every > 1 else 1):  # a mean rate holds less of kappa than a step
        raw = {name: sized[name] / factor for name in loads}
        found = instrumented(y - sum(raw[name] * each for name, each in loads.items()), [-s], [-s], fixed)
        raw |= dict(zip(rest, found.values, strict=True))
        factor = _per_step(records, raw["decay"])[0]
    change = _per_step(records, raw["decay"])[3] / factor
    own = _padded(dict(zip(rest, found.influence.T, strict=True)))
    by = {
        name: dict(zip(rest, instrumented(each, [-s], [-s], fixed).values, strict=True)) for name, each in loads.items()
    }
    influence = {name: moved[name] / factor for name in loads}
    for _ in range(4 if records.every > 1 else 1):  # errors of the decay move the mean rate, and it the decay
        later = {other: each - sum(by[name][other] * influence[name] for name in loads) for other, each in own.items()}
        influence = {name: moved[name] / factor - raw[name] * change * later["decay"] for name in loads}
    reason = collapsed(records)
    weak = _weak(rest, found.strength) if reason is None else dict.fromkeys(names, reason)
    return _finished(records, records.rates, raw, influence | later, weak, Method.VARIATION)


def response(records: Records) -> Fit:
    """Return the slope of loads on scores along the trajectory (1/score), for experts that answer alike."""
    rows = len(records.loads)
    start, end = records.scores[:rows], records.scores[1 : rows + 1]
    middle = start if records.every == 1 else 0.5 * (start + end)
    return instrumented(records.loads, [middle], [start])


def _centred(x: Array) -> Array:
    return np.asarray(x - x.mean(axis=1, keepdims=True))


def _padded(influence: dict[str, Array]) -> dict[str, Array]:
    return {name: np.concatenate([[0.0], each]) for name, each in influence.items()}


def _weak(names: Sequence[str], strength: Array, remedy: str = "record a longer stretch") -> dict[str, str]:
    """Return why coefficients are not identifiable whose instruments say next to nothing of their regressors."""
    moved = {name: "loads" if name.startswith("feedback") else "scores" for name in names}
    return {
        name: f"what moves the {moved[name]} beside noise is too little: {remedy}"
        for name, each in zip(names, strength, strict=False)
        if each < FIRST_STAGE
    }


def _per_step(records: Records, decay: float) -> tuple[float, float, float, float]:
    """Return by what a mean rate of a record becomes that of a step, the decay of a step, and their derivatives.

    Over m steps s' = A s + eps (1 + a + ... + a^(m-1)) (kappa F + h), a = 1 - eps mu, A = a^m.
    """
    m, eps = records.every, records.increment
    whole = max(1.0 - m * eps * decay, 1e-9)
    if m == 1 or abs(1.0 - whole) < 1e-9:
        return 1.0, decay, 1.0, 0.5 * (m - 1) * eps
    a = whole ** (1.0 / m)
    mu, slope, mean = (1.0 - a) / eps, a / whole, (1.0 - whole) / (m * eps)
    return mu / mean, mu, slope, (slope - mu / mean) / mean


def _finished(
    records: Records,
    rates: Array,
    raw: dict[str, float],
    influence: dict[str, Array],
    missing: dict[str, str],
    method: Method,
) -> Drift:
    """Add the drives, and turn mean rates of records into those of steps; influences are on the rows of the loads."""
    names, chance, fixed = _regressors(records, records.loads)
    values = np.array([raw[name] for name in names])
    moved = np.stack([influence[name] for name in names], axis=1)
    columns = np.stack([*chance, *fixed])
    rest = rates - np.tensordot(values, columns, 1)
    drives = rest.mean(axis=0)
    exact = method in (Method.IDENTITY, Method.NONE)
    of_drives = (rest - drives) / len(rest) - moved @ columns.mean(axis=1)
    factor, decay, slope, change = _per_step(records, values[1])
    experts = [f"drive.{i}" for i in range(len(drives))]
    if missing:
        blamed = next(iter(missing.values()))
        missing = missing | dict.fromkeys(experts, blamed)
    scale = np.full(len(names), factor)
    scale[1] = slope
    raw_values, values = values, values * factor
    values[1] = decay
    every = np.concatenate([moved * scale, of_drives * factor], axis=1)
    by_decay = change * np.concatenate([np.where(np.arange(len(names)) == 1, 0.0, raw_values), drives])
    every = every + moved[:, 1:2] * by_decay
    spread = float(np.sqrt(((records.rates - records.rates.mean(axis=0)) ** 2).mean()))
    left = float(np.sqrt(((rest - drives) ** 2).mean())) / spread if spread > 0.0 else 0.0
    total = covariance(every, 0 if exact else None)
    return Drift((*names, *experts), np.concatenate([values, drives * factor]), total, every, missing, method, left)
