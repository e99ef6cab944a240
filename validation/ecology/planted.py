"""Ecologies of a known law, without training: what the judge of groups says of them, and how often it errs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Verdict, judge
from validation.ecology.concordance import interval
from validation.ecology.design import predicted
from validation.ecology.profiles import Profile
from validation.streams import Stream
from validation.studies import Tick

WORLDS = ("E", "competitor", "neither")
"""What rules: E, (H + B)/O, or a number that has nothing to do with the weights."""
JUDGED = ("E", "competitor")
EXPERTS = 16
VERDICTS = tuple(Verdict)


def measure(profile: Profile, source: Stream, tick: Tick) -> Mapping[str, NDArray[Any]]:
    """Plant each world and judge whether E and (H + B)/O govern, on all models and on a tenth of them.

    Returns verdict: their numbers in `VERDICTS`, (worlds, judged groups, whole and tenth); dead (worlds, models), and
    each judged group (models,).
    """
    p, g, d = profile.planted, profile.groups, profile.design
    rng = source.numpy()
    box = np.log([d.temperature, d.entropy, d.oracle, d.balance])
    weights = np.exp(rng.uniform(box[:, 0], box[:, 1], (p.models, 4)))
    groups = predicted(profile, np.zeros(p.models, dtype=np.int64), weights)
    verdicts = np.zeros((len(WORLDS), len(JUDGED), 2), dtype=np.int64)
    deaths = np.zeros((len(WORLDS), p.models), dtype=np.int64)
    for w, world in enumerate(WORLDS):
        law = rng.normal(size=p.models) if world == "neither" else standard(np.log(groups[f"group.{world}"]))
        deaths[w] = dead = rng.binomial(EXPERTS, 1.0 / (1.0 + np.exp(p.slope * law)))
        for j, name in enumerate(JUDGED):
            for s, size in enumerate((p.models, p.models // 10)):
                seen = interval(
                    groups[f"group.{name}"][:size],
                    dead[:size],
                    np.arange(size),
                    source=rng,
                    confidence=profile.confidence,
                    resamples=g.resamples,
                )
                verdicts[w, j, s] = VERDICTS.index(judge("planted", "", "", seen, g.governs_band).verdict)
    tick(p.models)
    return {"verdict": verdicts, "dead": deaths, **{name: groups[f"group.{name}"] for name in JUDGED}}


def standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values less their mean over their standard deviation."""
    return np.asarray((values - values.mean()) / values.std())
