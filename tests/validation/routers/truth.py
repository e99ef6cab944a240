"""Planted data of the routers study: the profile of its tests, and what its runs would measure, subject by subject.

No number of the profile equals another of its kind, nor the default, and none that carries a unit is 1.
"""

from __future__ import annotations

from tests.validation.routers import onset_truth
from validation.routers.profiles import Profile

PROFILE = Profile("smoke", onset=onset_truth.PROFILE)
TRUTHS = (onset_truth,)


def planted(plan):
    """Return what the runs would measure if every prediction held, with noise far below the bands."""
    return {name: part for truth in TRUTHS for name, part in truth.planted(plan).items()}
