"""The rule s <- s + eps (kappa f - mu s + h), written once more: many traces at once, in expectation or sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rule:
    """A router; the feedback and the drive of expert 0 change by so much a step."""

    experts: int
    feedback: float
    decay: float = 1.0
    inverse_temperature: float = 1.0
    increment: float = 0.05
    drive: tuple[float, ...] = ()
    feedback_slope: float = 0.0
    drive_slope: float = 0.0

    @property
    def gain(self) -> float:
        """Of the first step."""
        return self.feedback * self.inverse_temperature / (self.experts * self.decay)


def soft(scores, rule):
    """Return the softmax of scores (..., experts)."""
    raised = np.exp(rule.inverse_temperature * (scores - scores.max(axis=-1, keepdims=True)))
    return raised / raised.sum(axis=-1, keepdims=True)


def run(rule, steps, traces=1, batch=None, seed=0, start=None, answer=soft):
    """Return scores (steps + 1, traces, experts) and the loads (steps, traces, experts) that moved them.

    batch: tokens a step; None for the expected loads. answer(scores, rule): those.
    """
    source = np.random.default_rng(seed)
    s = np.zeros((traces, rule.experts)) + (0.0 if start is None else np.asarray(start))
    drive = np.zeros(rule.experts)
    drive[: len(rule.drive)] = rule.drive
    scores, loads = [s], []
    for n in range(steps):
        p = answer(s, rule)
        f = p if batch is None else source.multinomial(batch, p) / batch
        h = drive.copy()
        h[0] += rule.drive_slope * n
        s = s + rule.increment * ((rule.feedback + rule.feedback_slope * n) * f - rule.decay * s + h)
        scores.append(s)
        loads.append(f)
    return np.array(scores), np.array(loads)


def others(scores, rule, batch, seed=1, answer=soft):
    """Return loads of other tokens at these scores."""
    return np.random.default_rng(seed).multinomial(batch, answer(scores, rule)) / batch


def averaged(scores, loads, every):
    """Return the records of every so many steps, loads averaged over them."""
    rows = len(loads) // every
    kept = loads[: rows * every].reshape(rows, every, *loads.shape[1:])
    return scores[: rows * every + 1 : every], kept.mean(axis=1)
