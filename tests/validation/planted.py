"""Stubs in place of runs: a stored plan, parts that return what is planted, and captions taken apart."""

from __future__ import annotations

import re
from contextlib import nullcontext
from functools import partial

import numpy as np
from numpy.testing import assert_allclose

from validation.studies import Part, execute
from validation.work import Plan, planned


def stored(folder, predictions) -> Plan:
    """Return predictions as the frame hands them on: written, and read back."""
    return planned(folder, {"study": "s", "profile": {}, "seed": 0}, lambda: predictions)


def stubs(measured):
    """Return a `Study.parts` whose parts return what is planted."""

    def given(arrays, _stream, _tick):
        return arrays

    return lambda _profile, _plan: [Part(name, 1, partial(given, arrays)) for name, arrays in measured.items()]


def whole(study, profile, output, seed=0):
    """Run a study and return its report."""
    quiet = lambda *_: nullcontext(lambda _: None)  # noqa: E731
    return execute(study, profile, seed, output, command="planted", progress=quiet, say=lambda _: None)[0]


def verdicts(findings):
    """Return the verdict of each finding, by id."""
    return {each.id: each.verdict.value for each in findings}


def stated(caption):
    """Return the fixed parameters that a caption states: name to text, without the unit."""
    sentence = caption[caption.index("Fixed: ") + len("Fixed: ") :].rstrip(".")
    pairs = re.findall(r"([^,=][^=]*?) = (.+?)(?: \([^()]*\))?(?=, [^,=]+ = |$)", sentence)
    return {name.strip(): value for name, value in pairs}


def line(figure, label):
    """Return (x, y) of the line with this label."""
    (found,) = [each for each in figure.axes[0].get_lines() if each.get_label() == label]
    return found.get_data()


def assert_drawn(figure, *expected, **tolerance):
    """Compare every line of a picture with (x, y), each a number or an array."""
    found = [each.get_data() for each in figure.axes[0].get_lines()]
    assert len(found) == len(expected)
    for (x, y), (x_expected, y_expected) in zip(found, expected, strict=True):
        assert_allclose(x, np.broadcast_to(x_expected, np.shape(x)), **tolerance)
        assert_allclose(y, np.broadcast_to(y_expected, np.shape(y)), **tolerance)
