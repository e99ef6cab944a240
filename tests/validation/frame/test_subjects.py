"""Studies put together from subjects: what they may not share, what the page counts, what report.json keeps."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from moecusp.report import Verdict, judge, student
from tests.validation.planted import stored
from validation import subjects
from validation.subjects import together

TWO = student(np.array([1.9, 2.0, 2.1, 2.0]))


def subject(name, predicted, *found):
    return SimpleNamespace(
        SYMBOLS=("experts",),
        NOTES=(f"On {name}.",),
        predict=lambda profile, seed: {each: np.array([float(seed)]) for each in predicted},
        parts=lambda profile, plan: [f"{name}/part"],
        findings=lambda profile, plan, measured: found,
        pictures=lambda profile, plan, measured: (),
        tables=lambda profile, plan, measured: (),
    )


def study(*every):
    return together(every, name="stub", title="A stub", profiles={}, summary="Stubs", devices=("cpu", "cuda"))


def test_all_of_every_subject_in_order(tmp_path):
    right = judge("right", "It is 2.", "x", TWO, (1.0, 3.0))
    wrong = judge("wrong", "It is 5.", "x", TWO, (4.0, 6.0))
    control = judge("control", "Planted: it is 5.", "x", TWO, (4.0, 6.0), expected=Verdict.REFUTED)
    whole = study(subject("one", ["one.x"], right, control), subject("two", ["two.x"], wrong))
    assert (whole.name, whole.devices, whole.side_by_side) == ("stub", ("cpu", "cuda"), ())
    plan = stored(tmp_path, whole.predict(None, 3))
    assert dict(plan.arrays) == {"one.x": [3.0], "two.x": [3.0]}
    assert whole.parts(None, plan) == ["one/part", "two/part"]
    found = whole.judge(None, plan, {})
    assert found == (right, control, wrong)
    measured = {"two/part": {"y": np.array([2.0])}, "one/part": {"y": np.array([1 / 3])}}
    page = whole.present(None, plan, measured, found)
    assert page.summary == "Stubs: 1 of 2 findings supported, 1 planted controls beside them."
    assert page.notes == ("On one.", "On two.")
    assert [row[0] for row in page.tables[-1].rows] == ["K"]
    assert page.data == {
        "predicted": {"one.x": [3.0], "two.x": [3.0]},
        "measured": {"one/part": {"y": [0.33333333]}, "two/part": {"y": [2.0]}},
    }
    assert list(page.data["measured"]) == ["one/part", "two/part"]


def test_no_two_predict_the_same():
    with pytest.raises(ValueError, match=r"two subjects predict \['x'\]"):
        study(subject("one", ["x", "y"]), subject("two", ["x"])).predict(None, 0)


def test_large_arrays_are_summarised_and_no_number_is_left_that_json_lacks():
    small, large = np.array([[1 / 3, np.nan, np.inf]]), np.arange(1200.0).reshape(2, 600)
    large[0, :2] = np.nan, -np.inf
    assert subjects._listed(small) == [[0.33333333, None, None]]
    assert subjects._listed(large) == {"shape": [2, 600], "mean": 600.5, "least": 2.0, "most": 1199.0}
    assert subjects._listed(np.full(600, np.nan)) == {"shape": [600]}
