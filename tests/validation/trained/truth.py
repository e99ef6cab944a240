"""Planted data of the study of trained transformers: the profile of its tests, and what its runs would measure.

A truth is a module with SUBJECT, PROFILE (the subject's part of the profile), planted(plan, **wrong), WRONG (what is
wrong and the findings that it must turn from SUPPORTED to REFUTED), CONTROLS (what would make a control come out right,
and its id), BANDS (band of the profile to the findings judged by it) and STATED (picture to what its caption states).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.validation.trained import best_rate_truth, collapse_truth, coverage_truth, rules_truth
from tests.validation.trained import test_flips as flips_truth
from validation.trained.model import Make
from validation.trained.profiles import Profile, Warm

TRUTHS: tuple[Any, ...] = (rules_truth, best_rate_truth, collapse_truth, coverage_truth)
TINY = Make(experts=4, context=16, layers=2, width=12, heads=2, hidden=4)
WARM = Warm(make=TINY, models=8, steps=60, settling=30, windows=3, learning_rate=0.02, balancing=0.1, temperature=0.1)


def name_of(truth) -> str:
    """Return the name of a truth's subject."""
    return str(truth.SUBJECT.__name__.rpartition(".")[2])


PROFILE = Profile("smoke", flips=flips_truth.SMALL, warm=WARM, **{name_of(truth): truth.PROFILE for truth in TRUTHS})


def changed(truth, **changes) -> Profile:
    """Return the profile of the tests with a subject's part changed."""
    return replace(PROFILE, **{name_of(truth): replace(truth.PROFILE, **changes)})


def few(profile: Profile) -> Profile:
    """Return a profile whose predictions are soon made, and whose parts have the same names."""
    return replace(
        profile,
        flips=replace(flips_truth.SMALL, cases=profile.flips.cases, routers=2, transformers=2),
        warm=replace(WARM, models=2, steps=1, settling=1),
        rules=replace(profile.rules, steps=24, stretches=3),
    )


def planted(plan):
    """Return what the runs would measure if every prediction held."""
    return {name: part for truth in (flips_truth, *TRUTHS) for name, part in truth.planted(plan).items()}
