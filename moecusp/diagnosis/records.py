"""What was recorded of a trajectory, read and centred: a constant on all scores changes no routing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, Array, ParameterError, Range, constant, integer, number
from moecusp.diagnosis.estimates import ROUNDING

FEWEST = 30
SOURCES = ("auto", "same", "other")
VARYING = ("none", "feedback", "drive")


@dataclass(frozen=True)
class Known:
    """What is given of the router: beta of the reduced rule, or lambda_max(chi)."""

    inverse_temperature: float | None
    susceptibility: float | None


@dataclass(frozen=True)
class Records:
    """Centred records.

    Attributes
    ----------
    scores : ndarray, shape (records + 1, experts)
        About their mean over the experts.
    moves : ndarray, shape (records, experts)
        Increments of the scores as recorded, not centred.
    loads : ndarray, shape (records, experts)
        About 1/K: of the steps from each record to the next.
    increment : float
    every : int
        Steps from one record to the next.
    snapshot : bool
        Whether loads are those of the recorded steps alone, the mean of two neighbours standing for those between.
    varying : {"none", "feedback", "drive"}
        What changes linearly with the steps.
    driven : int
        The expert whose drive changes.
    batch_size, load_tokens : float or None
        Tokens a step, and behind a recorded load.
    """

    scores: Array
    moves: Array
    loads: Array
    increment: float
    every: int
    snapshot: bool
    varying: str
    driven: int
    batch_size: float | None
    load_tokens: float | None

    @property
    def rates(self) -> Array:
        """Mean increment of the scores per time."""
        return np.asarray(np.diff(self.scores, axis=0) / (self.every * self.increment))

    @property
    def steps(self) -> Array:
        """Steps from the last record to the middle of each row: negative, shape (records, 1)."""
        rows = len(self.loads)
        return np.asarray((self.every * (np.arange(rows) - rows) + 0.5 * (self.every - 1))[:, None])

    @property
    def ramp(self) -> Array:
        """What multiplies the change of a drive: steps for the driven expert."""
        here = -np.ones(self.loads.shape[1]) / self.loads.shape[1]
        here[self.driven] += 1.0
        return np.asarray(self.steps * here)


def router(beta: float | None, susceptibility: Any) -> Known:
    """Return what is given of the router, checked."""
    size = None
    if susceptibility is not None:
        chi = constant("susceptibility", susceptibility, Range())
        if chi.ndim not in (0, 2) or (chi.ndim == 2 and chi.shape[0] != chi.shape[1]):
            raise ParameterError("susceptibility", susceptibility, "a number or a square matrix")
        size = float(chi) if chi.ndim == 0 else float(np.linalg.eigvalsh(0.5 * (chi + chi.T))[-1])
        if not size > 0.0:
            raise ParameterError("susceptibility", susceptibility, "> 0, or a matrix with an eigenvalue > 0")
    return Known(None if beta is None else number("inverse_temperature", beta, POSITIVE), size)


def shares(loads: Any) -> Array:
    """Return loads (records, experts), checked."""
    f = constant("loads", loads, Range(-ROUNDING, 1.0 + ROUNDING))
    if f.ndim != 2 or f.shape[1] < 2 or len(f) < FEWEST:
        raise ParameterError("loads", f.shape, f"of shape (records >= {FEWEST}, experts >= 2)")
    if np.abs(f.sum(axis=1) - 1.0).max() > 1e-4:
        raise ParameterError(
            "loads", float(f.sum(axis=1)[np.abs(f.sum(axis=1) - 1.0).argmax()]), "rows that add up to 1"
        )
    return f


def read(
    scores: Any, f: Array, increment: Any, every: Any, source: str, varying: str, driven: Any, batch: Any, tokens: Any
) -> Records:
    """Return the records of checked loads f and everything else, checked."""
    s = constant("scores", scores)
    if s.ndim != 2 or s.shape[1] != f.shape[1] or not abs(len(s) - len(f)) <= 1:
        raise ParameterError("scores", s.shape, f"of shape ({len(f)} or one more or less, {f.shape[1]}), as the loads")
    for name, value, allowed in (("source", source, SOURCES), ("varying", varying, VARYING)):
        if value not in allowed:
            raise ParameterError(name, value, f"one of {', '.join(allowed)}")
    m = integer("every", every, 1)
    size = None if batch is None else number("batch_size", batch, Range(1.0))
    counted = size if tokens is None else number("load_tokens", tokens, Range(1.0))
    rows, snapshot = len(s) - 1, source == "other" and m > 1
    f = f - 1.0 / f.shape[1]
    if snapshot:  # those of the recorded steps alone: the mean of neighbours stands for those between
        rows = min(rows, len(f) - 1)
        f, counted = 0.5 * (f[:rows] + f[1 : rows + 1]), None if counted is None else 2.0 * counted
    if rows < FEWEST:
        raise ParameterError("scores", s.shape, f"of more than {FEWEST} records, each with loads")
    s = s[: rows + 1]
    return Records(
        s - s.mean(axis=1, keepdims=True), np.diff(s, axis=0), f[:rows], number("increment", increment, POSITIVE), m,
        snapshot, varying, integer("driven", driven, 0, s.shape[1] - 1), size, counted,
    )  # fmt: skip
