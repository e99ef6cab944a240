"""From the caller's words and units to a `Plan`, and back from its state to scores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, POSITIVE, REAL, Array, ParameterError, Range, integer, real
from moecusp._simulation.plan import STEPS_LIMIT, Plan
from moecusp._simulation.schedules import Schedule
from moecusp.parameters import RouterParameters


@dataclass(frozen=True)
class Request:
    """The physical quantities of a run, checked."""

    parameters: RouterParameters
    increment: Any
    steps: int
    routers: int
    batch_size: int
    selection: str
    margin_noise: Any
    initial: Any
    moments: bool
    first_passage: tuple[Any, Any] | None
    schedule: Schedule
    seed: int

    @cached_property
    def plan(self) -> Plan:
        """The dimensionless form; raises ParameterError."""
        p, k = self.parameters, self.parameters.experts
        if integer("steps", self.steps, 1) > STEPS_LIMIT:
            raise ParameterError("steps", self.steps, f"at most 2^32 = {STEPS_LIMIT}")
        integer("routers", self.routers, 1)
        if integer("seed", self.seed, 0) >= 2**64:
            raise ParameterError("seed", self.seed, "an integer >= 0 and < 2^64")
        if self.selection not in ("soft", "hard"):
            raise ParameterError("selection", self.selection, '"soft" or "hard"')
        if p.shape not in ((), (1,), (self.routers,)):
            raise ParameterError("parameters", p.shape, f"of shape () or (routers,) = ({self.routers},)")
        mu, beta = self._each("decay", p.decay, POSITIVE), self.beta
        increment = self._each("increment", self.increment, POSITIVE)
        if np.any(increment * mu >= 2.0):
            limit = 2.0 / float(np.max(mu))
            raise ParameterError("increment", self.increment, f"< 2/decay = {limit:g}, above which the rule diverges")
        noise = self._each("margin_noise", self.margin_noise, NON_NEGATIVE)
        if self.selection == "soft" and np.any(noise > 0.0):
            raise ParameterError("margin_noise", self.margin_noise, 'zero unless selection is "hard"')
        low, high = self._passage()
        return Plan(
            experts=k,
            routers=self.routers,
            steps=self.steps,
            tokens=integer("batch_size", self.batch_size, 1),
            seed=self.seed,
            hard=self.selection == "hard",
            keep=1.0 - increment * mu,
            kick=increment * beta * self._each("feedback", p.feedback, POSITIVE),
            drive=increment * beta * self._each("asymmetry", p.asymmetry, REAL),
            unit=increment * beta,
            noise=beta * noise,
            start=self._start(),
            schedule=self.schedule,
            low=low,
            high=high,
            passage=self.first_passage is not None,
            moments=self.moments,
        )

    @cached_property
    def beta(self) -> Array:
        """Inverse temperature of each router."""
        return self._each("inverse_temperature", self.parameters.inverse_temperature, POSITIVE)

    def per_router(self, rows: Array) -> Array:
        """Return state rows (rows, routers) as (routers,) for two experts and (routers, experts) for more."""
        return np.array(rows[0] if self.parameters.experts == 2 else rows.T)

    def scores(self, state: Array, power: int = 1) -> Array:
        """Return a state, or with power 2 a variance, in units of the score: s1 - s2, or every score."""
        return self.per_router(state / self.beta**power)

    def all_scores(self, state: Array) -> Array:
        """Return the scores of all experts; for two, from the difference and from the sum, which needs no luck."""
        scores = self.scores(state)
        if self.parameters.experts > 2:
            return scores
        total = self._sum()
        return np.stack([0.5 * (total + scores), 0.5 * (total - scores)], axis=1)

    def _sum(self) -> Array:
        """Return s1 + s2 after the last step: sum <- keep sum + eps (kappa + h), whatever is selected."""
        plan = self.plan
        decay = np.asarray(self.parameters.decay)
        push = (plan.kick + plan.drive) / plan.unit
        relaxed = plan.keep**plan.steps
        total: Array = relaxed * self._scores_at_start().sum(axis=1) + push / decay * (1.0 - relaxed)
        if self.schedule.constant:
            return total
        epsilon = plan.unit / self.beta
        kinds, member = np.unique(np.stack([plan.keep, epsilon]), axis=1, return_inverse=True)
        extra = np.zeros(kinds.shape[1])
        for first in range(0, plan.steps, 256):
            offsets = self.schedule.offsets(first, min(first + 256, plan.steps)).sum(axis=0)
            left = np.arange(len(offsets) - 1, -1, -1)
            powers = kinds[0][:, None] ** left
            extra = kinds[0] ** len(offsets) * extra + kinds[1] * (powers @ offsets)
        total += extra[np.ravel(member)]
        return total

    def _each(self, name: str, value: Any, allowed: Range) -> Array:
        array = real(name, value, allowed)
        if array.shape not in ((), (1,), (self.routers,)):
            raise ParameterError(name, array.shape, f"of shape () or (routers,) = ({self.routers},)")
        return np.array(np.broadcast_to(array, (self.routers,)))

    def _scores_at_start(self) -> Array:
        shape = (self.routers, self.parameters.experts)
        initial = real("initial", self.initial)
        try:
            return np.broadcast_to(initial, shape)
        except ValueError as error:
            raise ParameterError("initial", initial.shape, f"of a shape that broadcasts to {shape}") from error

    def _start(self) -> Array:
        scores = self._scores_at_start()
        rows = (scores[:, 0] - scores[:, 1])[None] if self.parameters.experts == 2 else scores.T
        return np.asarray(self.beta * rows)

    def _passage(self) -> tuple[Array, Array]:
        bounds: list[Array] = []
        pair = (None, None) if self.first_passage is None else self.first_passage
        if self.first_passage is not None and self.parameters.experts != 2:
            raise ParameterError("first_passage", pair, "left out for more than two experts, which have no one margin")
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ParameterError("first_passage", pair, "a pair (low, high)")
        for bound, without in zip(pair, (-np.inf, np.inf), strict=True):
            scores = np.full(self.routers, without) if bound is None else self._each("first_passage", bound, REAL)
            bounds.append(self.beta * scores)
        if np.any(bounds[0] >= bounds[1]):
            raise ParameterError("first_passage", pair, "a pair with low < high")
        return bounds[0], bounds[1]


def check_memory(plan: Plan, observations: int) -> None:
    """Raise ParameterError if the run would not fit in free memory."""
    wide = plan.routers * (1 if plan.two else plan.experts)
    need = 8 * (wide * (observations + 24) + 16 * plan.routers)
    free = free_memory()
    if need > free:
        name = "trajectory" if 8 * wide * observations > need // 2 else "routers"
        value = f"{observations} observations of {plan.routers} routers"
        raise ParameterError(name, value, f"within free memory: {need / 2**30:.1f} GiB needed, {free / 2**30:.1f} free")


def free_memory() -> int:
    """Return the bytes of memory that are free, or a large number where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2**62
