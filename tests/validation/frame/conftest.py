"""Where the stub's report goes, and what an uninterrupted run says."""

from __future__ import annotations

import pytest

from tests.validation.frame.runs import content
from tests.validation.stub import run


@pytest.fixture(name="output")
def _output(tmp_path):
    return tmp_path / "report"


@pytest.fixture(name="whole")
def _whole(tmp_path):
    """The report of a run that nothing interrupts."""
    run(tmp_path / "whole" / "report")
    return content(tmp_path / "whole" / "report")
