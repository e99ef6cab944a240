"""Planted data of the routers study: the profile of its tests, and what its runs would measure, subject by subject.

No number of the profile equals another of its kind, nor the default, and none that carries a unit is 1. Each truth is
a module with

SUBJECT, PROFILE
    The subject, and its part of the profile; that part's field has the subject's name.
planted(plan, **wrong)
    What its runs would measure if every prediction held, with noise far below the bands; or something wrong.
WRONG
    Pairs of such something and the findings (`fnmatch`) that it must turn from SUPPORTED to REFUTED.
CONTROLS
    Pairs of what would make a planted control come out right, and that control's id.
BANDS
    Band of the profile to the findings (`fnmatch`) judged by it.
FEW
    The changes to the profile that leave too few repetitions to tell anything.
SHORT
    The changes that make a real run short.
STATED
    Picture to the fixed parameters that its caption states; None for a number that is not of the profile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.validation.routers import (
    balance_loss_truth,
    cusp_truth,
    experts_truth,
    hard_truth,
    joint_truth,
    load_truth,
    onset_truth,
    prediction_truth,
    sign_rule_truth,
    update_rate_truth,
)
from tests.validation.routers.trained_truth import TRAINED
from validation.routers.profiles import Profile

TRUTHS: tuple[Any, ...] = (
    onset_truth,
    cusp_truth,
    experts_truth,
    hard_truth,
    load_truth,
    joint_truth,
    prediction_truth,
    update_rate_truth,
    sign_rule_truth,
    balance_loss_truth,
)


def name_of(truth) -> str:
    """Return the name of a truth's subject."""
    return str(truth.SUBJECT.__name__.rpartition(".")[2])


def changed(truth, **changes) -> Profile:
    """Return the profile of the tests with a subject's part changed."""
    return replace(PROFILE, **{name_of(truth): replace(truth.PROFILE, **changes)})


def few(profile: Profile) -> Profile:
    """Return a profile with few repetitions: its parts have the same names, and its predictions are soon made."""
    parts: dict[str, Any] = {name_of(truth): replace(getattr(profile, name_of(truth)), **truth.FEW) for truth in TRUTHS}
    parts["trained"] = replace(profile.trained, routers=1, steps=1, copies=(1, 1), soft_copies=1, text_tokens=1024)
    return replace(profile, **{**parts, "joint": replace(parts["joint"], steps=(1,) * len(profile.joint.steps))})


PROFILE = Profile("smoke", trained=TRAINED, **{name_of(truth): truth.PROFILE for truth in TRUTHS})


def planted(plan):
    """Return what the runs would measure if every prediction held."""
    return {name: part for truth in TRUTHS for name, part in truth.planted(plan).items()}
