"""The stored predictions of each subject, made once."""

from __future__ import annotations

from functools import cache

import pytest

from tests.validation.planted import stored
from tests.validation.routers.truth import PROFILE, TRUTHS, name_of


@pytest.fixture(scope="session", name="plans")
def _plans(tmp_path_factory):
    """Return a function from a subject's name to its stored predictions, of seed 3."""
    subjects = {name_of(truth): truth.SUBJECT for truth in TRUTHS}

    @cache
    def plan(name):
        return stored(tmp_path_factory.mktemp("plan"), subjects[name].predict(PROFILE, 3))

    return plan
