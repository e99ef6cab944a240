"""The report of the discrete rule, at its smallest size."""

from contextlib import nullcontext

import pytest

from moecusp.report import Verdict
from validation.discrete_rule.study import PROFILES, run

pytest.importorskip("numba")


def test_the_smallest_run_is_sound_and_every_caption_states_the_fixed_parameters():
    outcome = run(PROFILES["smoke"], 0, lambda _title, _steps: nullcontext(lambda _done: None))
    controls = {f.id: f for f in outcome.findings if f.expected}
    assert controls["control.slope_quarter"].verdict is Verdict.REFUTED
    assert controls["control.too_few"].verdict is Verdict.INCONCLUSIVE
    for figure in outcome.figures:
        assert "Fixed:" in figure.caption, figure.id
        assert figure.svg.startswith("<svg")
