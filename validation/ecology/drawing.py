"""What the pictures share: colours and marks of the definitions of death, and the sentence of fixed parameters."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from moecusp.report.figures import BLUE, GREEN, ORANGE, RED
from validation.captions import fixed
from validation.ecology.outcomes import HEADLINE, Array, Bools, Runs
from validation.ecology.profiles import Profile

COLOURS = dict(zip(HEADLINE, (BLUE, ORANGE, GREEN, RED), strict=True))
MARKS = dict(zip(HEADLINE, "osD^", strict=True))
BINS = 8
DRAWN = 1500
"""Models that a picture has points of."""


def stated(p: Profile, runs: Runs, **values: object) -> str:
    """Return the sentence of fixed parameters."""
    t = p.training
    return fixed(
        t,
        {"steps": "steps", "tokens_a_batch": "batch", "learning_rate": "rate", "chosen": "k"},
        experts=runs.experts,
        models=len(runs),
        **values,
    )


def fixed_classes(p: Profile, runs: Runs) -> str:
    """Return the same sentence of models of generated classes."""
    t, c = p.training, p.complexity
    values = {"steps": c.steps, "tokens_a_batch": c.batch, "learning_rate": t.rate, "chosen": t.k}
    return fixed(p, {}, **values, experts=runs.experts, models=len(runs))


def thinned(rows: Bools) -> Bools:
    """Return at most `DRAWN` of the rows, evenly spread, so that a picture stays light."""
    places = np.flatnonzero(rows)
    kept = np.zeros_like(rows)
    kept[places[np.unique(np.arange(min(len(places), DRAWN)) * len(places) // max(min(len(places), DRAWN), 1))]] = True
    return kept


def bins(values: Array) -> tuple[Array, list[Bools]]:
    """Return the edges of `BINS` bins with as many models each, and which models lie in each."""
    edges = np.quantile(values, np.linspace(0.0, 1.0, BINS + 1))
    return edges, [(values >= low) & (values <= high) for low, high in pairwise(edges)]
