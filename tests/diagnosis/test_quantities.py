"""Numbers of a diagnosis: a value, an interval, or a reason."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from moecusp import ParameterError
from moecusp.diagnosis import Quantity

ROOT = Path(__file__).parents[2]


class TestQuantity:
    def test_a_value_alone(self):
        found = Quantity("max_violation", 0.25)
        assert (found.known, found.bounded, str(found)) == (True, False, "0.25")

    def test_with_an_interval_that_may_be_open(self):
        found = Quantity("max_violation", 0.25, 0.125, math.inf)
        assert (found.known, found.bounded, str(found)) == (True, True, "0.25 [0.125, inf]")

    def test_unknown(self):
        found = Quantity("max_violation", reason="no batches")
        assert (found.known, found.bounded, str(found)) == (False, False, "cannot tell: no batches")

    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ({}, "reason"),
            ({"value": math.nan}, "value"),
            ({"value": 1.0, "low": 0.0}, "low and high"),
            ({"value": 1.0, "high": 2.0}, "low and high"),
            ({"value": 1.0, "low": 2.0, "high": 1.0}, "low and high"),
            ({"value": 1.0, "low": math.nan, "high": 1.0}, "low and high"),
        ],
    )
    def test_what_says_nothing_is_refused(self, given, name):
        with pytest.raises(ParameterError) as caught:
            Quantity("max_violation", **given)
        assert caught.value.name == name


def test_a_diagnosis_needs_no_torch():
    code = "import sys; import moecusp.diagnosis; print(*sorted({'torch', 'matplotlib', 'sympy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
