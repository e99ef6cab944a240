"""From the caller's words and units to a `Plan`, and back from its state to scores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, POSITIVE, REAL, Array, ParameterError, Range, constant
from moecusp._simulation.arguments import bounded, choice, flag
from moecusp._simulation.plan import BLOCKS_LIMIT, ROUTERS_LIMIT, STEPS_LIMIT, TOKENS_LIMIT, Plan
from moecusp._simulation.schedules import Schedule
from moecusp._simulation.totals import total
from moecusp.parameters import RouterParameters

LARGEST = 1e150
"""Scores, also times beta, stay below it: their squares are finite."""
SMALLEST = 1e-290
"""What one step adds, also times beta, is at least this: nothing that matters vanishes."""


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
    observations: int = 0
    trajectory: bool = False

    def __post_init__(self) -> None:
        """Check what memory depends on, and the memory, before any array is made."""
        if not isinstance(self.parameters, RouterParameters):
            raise ParameterError("parameters", self.parameters, "a RouterParameters")
        for name, most in (("steps", STEPS_LIMIT), ("routers", ROUTERS_LIMIT), ("batch_size", TOKENS_LIMIT)):
            object.__setattr__(self, name, bounded(name, getattr(self, name), 1, most))
        check_memory(self.parameters.experts, self.routers, self.observations, self.trajectory)
        if self.parameters.shape not in ((), (1,), (self.routers,)):
            raise ParameterError("parameters", self.parameters.shape, f"of shape () or (routers,) = ({self.routers},)")

    @cached_property
    def plan(self) -> Plan:
        """The dimensionless form; raises ParameterError."""
        p, beta = self.parameters, self.beta
        if np.any(self._epsilon * self._decay >= 2.0):
            limit = 2.0 / float(np.max(self._decay))
            raise ParameterError("increment", self.increment, f"< 2/decay = {limit:g}, above which the rule diverges")
        selection = choice("selection", self.selection, ("soft", "hard"))
        noise = self._each("margin_noise", self.margin_noise, NON_NEGATIVE)
        if selection == "soft" and np.any(noise > 0.0):
            raise ParameterError("margin_noise", self.margin_noise, 'zero unless selection is "hard"')
        with np.errstate(all="ignore"):  # what is too large or too small is found by `_check`
            low, high = self._passage()
            plan = Plan(
                experts=p.experts,
                routers=self.routers,
                steps=self.steps,
                tokens=self.batch_size,
                seed=bounded("seed", self.seed, 0, 2**64 - 1),
                hard=selection == "hard",
                step=self._epsilon * self._decay,
                kick=self._epsilon * beta * self._feedback,
                drive=self._epsilon * beta * self._asymmetry,
                unit=self._epsilon * beta,
                noise=beta * noise,
                start=self._start(),
                schedule=self.schedule,
                low=low,
                high=high,
                passage=self.first_passage is not None,
                moments=flag("moments", self.moments),
            )
            self._check(plan)
        return plan

    @cached_property
    def beta(self) -> Array:
        """Inverse temperature of each router."""
        return self._each("inverse_temperature", self.parameters.inverse_temperature, POSITIVE)

    @cached_property
    def _epsilon(self) -> Array:
        return self._each("increment", self.increment, POSITIVE)

    @cached_property
    def _decay(self) -> Array:
        return self._each("decay", self.parameters.decay, POSITIVE)

    @cached_property
    def _feedback(self) -> Array:
        return self._each("feedback", self.parameters.feedback, POSITIVE)

    @cached_property
    def _asymmetry(self) -> Array:
        return self._each("asymmetry", self.parameters.asymmetry, REAL)

    def per_router(self, rows: Array) -> Array:
        """Return state rows (rows, routers) as (routers,) for two experts and (routers, experts) for more."""
        return np.array(rows[0] if self.parameters.experts == 2 else rows.T)

    def scores(self, state: Array, power: int = 1) -> Array:
        """Return a state, or with power 2 a variance, in units of the score: s1 - s2, or every score."""
        with np.errstate(under="ignore"):
            for _ in range(power):
                state = state / self.beta
        return self.per_router(state)

    def all_scores(self, state: Array) -> Array:
        """Return the scores of all experts; for two, from the difference and from the sum, which needs no luck."""
        scores = self.scores(state)
        if self.parameters.experts > 2:
            return scores
        start, push = self._scores_at_start().sum(axis=1), self._epsilon * (self._feedback + self._asymmetry)
        both = total(start, push, self.plan.step, self._epsilon, self.plan.steps, self.schedule)
        return np.stack([0.5 * (both + scores), 0.5 * (both - scores)], axis=1)

    def _each(self, name: str, value: Any, allowed: Range) -> Array:
        array = constant(name, value, allowed)
        if array.shape not in ((), (1,), (self.routers,)):
            raise ParameterError(name, array.shape, f"of shape () or (routers,) = ({self.routers},)")
        return np.array(np.broadcast_to(array, (self.routers,)))

    def _scores_at_start(self) -> Array:
        shape = (self.routers, self.parameters.experts)
        initial = constant("initial", self.initial, Range(low=-LARGEST, high=LARGEST))
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
            bounds.append(scores)
        if np.any(bounds[0] >= bounds[1]):
            raise ParameterError("first_passage", pair, "a pair with low < high")
        return self.beta * bounds[0], self.beta * bounds[1]

    def _check(self, plan: Plan) -> None:
        """Raise ParameterError for a run whose numbers or random words would not have room."""
        blocks = plan.tokens * plan.token_words // 4
        if blocks > BLOCKS_LIMIT:
            most = 4 * BLOCKS_LIMIT // plan.token_words
            raise ParameterError("batch_size", plan.tokens, f"<= {most} for noisy selection among {plan.experts}")
        largest = max(plan.largest, plan.largest / float(np.min(self.beta)))
        if not largest < LARGEST or not np.all(plan.noise < LARGEST):
            wanted = f"with increment, initial and margin_noise such that scores, also times beta, stay < {LARGEST:g}"
            raise ParameterError("parameters", self.parameters, wanted)
        if not min(np.min(plan.kick), np.min(plan.unit), np.min(self._epsilon * self._feedback)) >= SMALLEST:
            wanted = f"such that increment * feedback and increment, also times beta, are >= {SMALLEST:g}"
            raise ParameterError("parameters", self.parameters, wanted)


def check_memory(experts: int, routers: int, observations: int, trajectory: bool) -> None:
    """Raise ParameterError if the run would not fit in free memory; a trajectory keeps what was observed."""
    wide = routers * (1 if experts == 2 else experts)
    kept = wide * observations if trajectory else 0
    need = 8 * (24 * wide + 16 * routers + kept + observations)
    free = free_memory()
    if need > free:
        name = "trajectory" if 16 * kept > need else "every" if 16 * observations > need else "routers"
        value = f"{observations} observations of {routers} routers"
        size = f"{need / 2**30:.1f}" if need < 2**90 else "more than 2^60"
        raise ParameterError(name, value, f"within free memory: {size} GiB needed, {free / 2**30:.1f} free")


def free_memory() -> int:
    """Return the bytes of memory that are free, or a large number where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2**62
