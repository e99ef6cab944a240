"""What to do: only what a statement proves or a study measured, with the numbers of this layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from moecusp._arguments import POSITIVE, ParameterError, number
from moecusp.balance_loss import critical_loss_weight, largest_safe_loss_weight
from moecusp.balance_sign import effective_update_rate, expected_max_violation
from moecusp.balance_tracking import best_update_rate
from moecusp.diagnosis.floor import FAIR_SLOTS, sampling_floor
from moecusp.diagnosis.layers import LayerDiagnosis
from moecusp.diagnosis.tokens import Floats


@dataclass(frozen=True)
class Aim:
    """What is known of the training run, for advice; all optional.

    Parameters
    ----------
    batch_size : float
        Tokens B of a training step, > 0. A trace's own batches need not be those of training.
    feedback, decay : float
        kappa (score/time) and mu (1/time).
    drift : float
        Drift of a logit per step (score).
    bias_step : float
        Step u of the sign rule in use (score).
    loss_rate : float
        rho (score^2/time): how fast scores follow the gradient of the balance loss. With Adam not the learning rate.
    violation : float
        The largest violation in a batch that is wanted.

    Raises
    ------
    ParameterError
        If a number is not positive, or only one of feedback and decay is given.
    """

    batch_size: float | None = None
    feedback: float | None = None
    decay: float | None = None
    drift: float | None = None
    bias_step: float | None = None
    loss_rate: float | None = None
    violation: float | None = None

    def __post_init__(self) -> None:
        """Check every number."""
        for name, value in vars(self).items():
            if value is not None:
                object.__setattr__(self, name, number(name, value, POSITIVE))
        if (self.feedback is None) != (self.decay is None):
            missing = "decay" if self.decay is None else "feedback"
            raise ParameterError(missing, None, "given with the other of feedback and decay, or neither")


@dataclass(frozen=True)
class Advice:
    """One piece of advice.

    Attributes
    ----------
    subject : str
        What it is about.
    says : str
        The advice, or what it would take to give one.
    value, low, high : float or None
        The number advised, and the ends that the error of the trace leaves it; None where there is none.
    statements : tuple of str
        What proves it.
    evidence : tuple of str
        Claims of docs/claims.md, by id, or pages that measured it.
    """

    subject: str
    says: str
    value: float | None
    low: float | None
    high: float | None
    statements: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def given(self) -> bool:
        """Whether there is a number."""
        return self.value is not None


def advise(found: LayerDiagnosis, aim: Aim | None = None) -> tuple[Advice, ...]:
    """Say what follows for one layer.

    Parameters
    ----------
    found : LayerDiagnosis
        Of a layer.
    aim : Aim, optional
        What is known of the training run.

    Returns
    -------
    tuple of Advice
        On the rate of a bias rule, the step of its sign form, the weight of a balance loss, temperature and batch size.

    Raises
    ------
    ParameterError
        If an argument is not as said.

    References
    ----------
    Statements ``update.rate``, ``balance.best_rate``, ``balance.sign``, ``balance.critical_weight``,
    ``balance.safe_weight`` and ``balance.max_violation``; docs/diagnosis.md.
    """
    if not isinstance(found, LayerDiagnosis):
        raise ParameterError("found", found, "a LayerDiagnosis")
    goal = Aim() if aim is None else aim
    if not isinstance(goal, Aim):
        raise ParameterError("aim", aim, "an Aim or None")
    return (
        _bias_rate(found, goal), _sign_step(found, goal), _loss(found, goal), _temperature(found), _batch(found, goal)
    )  # fmt: skip


def token_variance(experts: int, k: int) -> float:
    """Return the variance of one token's slot share of an expert, at balance: (1/K)(1 - k/K)/k."""
    return (1.0 - k / experts) / (experts * k)


def _bias_rate(found: LayerDiagnosis, goal: Aim) -> Advice:
    safe, top = found.coupling.safe_rate, found.coupling.largest
    subject, statements, evidence = "bias rate", ("update.rate", "balance.best_rate"), ("P5", "docs/balance.md")
    if safe.value is None or top.value is None or top.low is None or top.high is None:
        return Advice(subject, f"No rate can be given: {safe.reason}.", None, None, None, statements, evidence)
    limit = f"A proportional bias rule is stable below r = {safe.value:.3g} (at worst {safe.low:.3g})"
    if goal.drift is None or goal.batch_size is None:
        says = f"{limit}. The best rate between lag and noise takes the drift of the logits and the training batch."
        return Advice(subject, says, safe.value, safe.low, safe.high, statements[:1], evidence[:1])
    # the variance of a mode of a unit vector: that of one expert over its share of the mode, 1 - 1/K
    experts, k = found.site.experts, found.site.k
    q = token_variance(experts, k) * experts / (experts - 1.0)
    ends = [float(best_update_rate(goal.drift, lam, q, goal.batch_size)) for lam in (top.high, top.value)]
    if top.low > 0.0:
        ends.append(float(best_update_rate(goal.drift, top.low, q, goal.batch_size)))
    high = max(ends) if top.low > 0.0 else math.inf
    says = f"{limit}; least lag and noise together at r = {ends[1]:.3g}."
    return Advice(subject, says, ends[1], min(ends), high, statements, evidence)


def _sign_step(found: LayerDiagnosis, goal: Aim) -> Advice:
    top = found.coupling.largest
    subject, statements, evidence = "sign rule", ("balance.sign", "balance.sign_lag"), ("P5", "docs/balance.md")
    if top.value is None or goal.batch_size is None:
        why = top.reason if top.value is None else "the training batch is not known"
        return Advice(subject, f"Its effective rate cannot be given: {why}.", None, None, None, statements, evidence)
    deviation = math.sqrt(token_variance(found.site.experts, found.site.k) / goal.batch_size)
    if goal.bias_step is not None:
        rate = float(effective_update_rate(goal.bias_step, deviation))
        says = (
            f"A step u = {goal.bias_step:.3g} acts like a rate r = {rate:.3g}, r λ_max = {rate * top.value:.3g} "
            "(checked from 0.01 to 1.1); it follows logits that drift by less than u a step."
        )
        return Advice(subject, says, rate, None, None, statements, evidence)
    step = deviation / math.sqrt(2.0 / math.pi) / top.value
    says = f"A step u = {step:.3g} acts like r λ_max = 1, half the largest stable rate; smaller steps wander less."
    low, high = (deviation / math.sqrt(2.0 / math.pi) / end if end else math.inf for end in (top.high, top.low))
    return Advice(subject, says, step, low, high, statements[:1], evidence)


def _loss(found: LayerDiagnosis, goal: Aim) -> Advice:
    subject, evidence = "balance loss", ("P7", "docs/balance.md")
    statements = ("balance.critical_weight", "balance.safe_weight")
    soft, hard = found.coupling.soft_matrix, found.coupling.matrix
    if goal.feedback is None or goal.decay is None or goal.loss_rate is None:
        missing = "feedback, decay and the rate of the loss (with Adam not the learning rate) are not known"
        return Advice(subject, f"No weight can be given: {missing}.", None, None, None, statements, evidence)
    if soft is None or hard is None:
        return Advice(
            subject, f"No weight can be given: {found.coupling.largest.reason}.", None, None, None, statements, evidence
        )  # fmt: skip
    ratio = found.loads.ratio
    if ratio.low is None or ratio.low > 2.0:
        says = "No weight can be given: the formula is for balanced loads, and these are not known to be balanced."
        return Advice(subject, says, None, None, None, statements, evidence)
    least = float(critical_loss_weight(goal.feedback, goal.decay, goal.loss_rate, _sound(soft), _sound(hard)))
    most = float(largest_safe_loss_weight(goal.loss_rate, _sound(soft), _sound(hard)))
    says = f"Balance is stable from α = {least:.3g} on; one step a time unit overshoots from {most:.3g} on."
    return Advice(subject, says, least, least, most if most >= least else least, statements, evidence)


def _sound(matrix: Floats) -> Floats:
    """Return a symmetric matrix whose rows add up to 0, which rounding has spoilt."""
    centre = np.eye(len(matrix)) - 1.0 / len(matrix)
    found = centre @ (0.5 * (matrix + matrix.T)) @ centre
    return np.asarray(0.5 * (found + found.T))


def _temperature(found: LayerDiagnosis) -> Advice:
    says = "Dividing all logits by a temperature when the model is used changes no set of experts: the order stays. "
    statements, evidence = ("susceptibility.critical_feedback",), ("P2", "docs/routers.md")
    doubled = found.coupling.doubling
    if doubled is None:
        says += "How far one in training moves the critical feedback of softmax routing takes logits that are known."
        return Advice("temperature", says, None, None, None, statements, evidence)
    says += (
        f"In training, softmax routing of these logits and scores over T = {doubled:.3g} has twice the critical "
        "feedback 1/λ_max(χ), until the router has learned larger logits."
    )
    return Advice("temperature", says, doubled, None, None, statements, evidence)


def _batch(found: LayerDiagnosis, goal: Aim) -> Advice:
    experts, k = found.site.experts, found.site.k
    subject, statements, evidence = "batch size", ("balance.max_violation",), ("docs/balance.md",)
    if k >= experts or found.site.layout != "fixed":
        return Advice(subject, f"None: {found.loads.floor.reason}.", None, None, None, statements, evidence)
    if goal.violation is None:
        says = "Say which largest violation in a batch is wanted: the batch size at which sampling allows it follows."
        return Advice(subject, says, None, None, None, statements, evidence)
    size = batch_for(goal.violation, experts, k)
    says = f"A batch of {size:,} independent tokens has a largest violation of {goal.violation:.3g} by sampling alone."
    return Advice(subject, says, float(size), None, None, statements, evidence)


def batch_for(violation: float, experts: int, k: int) -> int:
    """Return the least batch, of 10 slots an expert at least, whose sampling floor is no more than a violation.

    The Gaussian formula says where to look, the floor itself decides.
    """
    wanted = number("violation", violation, POSITIVE)
    least = math.ceil(FAIR_SLOTS * experts / k)
    deviation = math.sqrt(token_variance(experts, k))
    guess = max(least, math.ceil((float(expected_max_violation(deviation, experts)) / wanted) ** 2))
    low, high = max(least, guess // 2), 4 * guess
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if sampling_floor(middle, experts, k) <= wanted else (middle + 1, high)
    return low
