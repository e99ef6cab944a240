"""The stored design, made once."""

from __future__ import annotations

import pytest

from tests.validation.ecology.truth import PROFILE
from tests.validation.planted import stored
from validation.ecology.predict import predict


@pytest.fixture(scope="session", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), predict(PROFILE, 0))
